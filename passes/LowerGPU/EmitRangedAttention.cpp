// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention to ranges of keys, forward and backward, by the loops of attention with a mask. Ranges neither begin nor end before
// those of earlier rows: so the keys of a block of queries reach from its first row's first to its last row's last, and the queries
// that see a key follow each other, too.
#include "passes/LowerGPU/AttentionPlan.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
// Both sides, and the packed copies of what tiles cannot read as it lies.
struct RangedPlan {
  // Operands in the order of kernel.ranged_attention's, from `firstInput` on.
  template <typename OpT>
  RangedPlan(OpT op, unsigned firstInput, Precision precision)
      : queries(op, rangedQueries(op), precision), keys(op, rangedKeys(op), precision), ranges(op->getNumOperands() - 1) {
    query = queries.wholeTensor(firstInput, op.getQuery());
    key = keys.wholeTensor(firstInput + 1, op.getKey());
    value = keys.wholeTensor(firstInput + 2, op.getValue());
  }

  AttentionPlan queries, keys;
  HeadTensor query, key, value;
  unsigned ranges; // pointer

  SmallVector<AttentionPlan::Pack> packsOf(ArrayRef<HeadTensor *> tensors) const {
    SmallVector<AttentionPlan::Pack> packs;
    for (HeadTensor *tensor : tensors) {
      if (tensor->element != queries.tileElement(tensor->element.getContext())) {
        packs.push_back({tensor, /*rotated=*/false});
      }
    }
    return packs;
  }
  // Of the copies of those of these tensors that must be packed, queries' first; and the kernels that pack them.
  SymbolicDim packedFloats(ArrayRef<HeadTensor *> ofQueries, ArrayRef<HeadTensor *> ofKeys) const {
    return queries.packedFloats(packsOf(ofQueries).size()) + keys.packedFloats(packsOf(ofKeys).size());
  }
  void pack(KernelWriter &writer, Location loc, unsigned tensors, ArrayRef<HeadTensor *> ofQueries, ArrayRef<HeadTensor *> ofKeys) {
    auto first = packsOf(ofQueries), second = packsOf(ofKeys);
    keys.packedBefore = queries.packedFloats(first.size());
    if (!first.empty()) {
      queries.pack(writer, loc, tensors, first);
    }
    if (!second.empty()) {
      keys.pack(writer, loc, tensors, second);
    }
  }
};

// What each of a block's rows sees, in shared memory.
class RangeSight {
public:
  RangeSight(AttentionBlock &block, const RangedPlan &plan)
      : block(block), e(block.e), queries(plan.queries.shape), ranges(block.s.pointers[plan.ranges]),
        bounds(e.shared(block.tiles.sizes.rows * 2 * 4)) {}

  // Keys, of a block of queries.
  Sight keys() {
    return look([&](Value i, Value which) { return bound(i, which); });
  }
  // Queries, of a block of keys. The first is the one behind those whose ranges end before the key or at it, the last the last one
  // of those whose ranges begin there or before.
  Sight ofKeys() {
    return look([&](Value j, Value which) { return countUpTo(j, e.sub(e.index(1), which)); });
  }

private:
  // `of(row, which)`: its first (which = 0) and its end.
  Sight look(const std::function<Value(Value row, Value which)> &of) {
    int64_t rows = block.tiles.sizes.rows, step = block.tiles.sizes.columns;
    Value last = e.sub(e.min(e.index(rows), e.sub(block.positions, block.first)), e.index(1));
    e.share(2 * rows, [&](Value number) { // the last row stands for those behind it
      Value row = e.add(block.first, e.min(e.div(number, 2), last));
      Value found = arith::IndexCastOp::create(e.b, i32(), of(row, e.rem(number, e.index(2))));
      LLVM::StoreOp::create(e.b, found, e.at(bounds, number, i32()), 4);
    });
    e.barrier();
    Sight sight;
    sight.first = boundOf(e.index(0), 0);
    sight.end = boundOf(last, 1);
    sight.ofRow = [this](Value row) { return std::pair(boundOf(row, 0), boundOf(row, 1)); };
    sight.partly = [this, step, from = boundOf(last, 0), to = boundOf(e.index(0), 1)](Value at) -> Value {
      return arith::OrIOp::create(e.b, e.less(at, from), e.less(to, e.add(at, step)));
    };
    sight.mayBeNone = true;
    return sight;
  }

  Type i32() { return e.b.getI32Type(); }
  Value loadIndex(Value pointer) { return arith::IndexCastOp::create(e.b, e.b.getIndexType(), e.load(pointer, i32())); }
  Value boundOf(Value row, int64_t which) { return loadIndex(e.at(bounds, e.add(e.mul(row, 2), which), i32())); }
  Value positions() { return e.form(queries.space.getPositions()); }
  Value bound(Value i, Value which) {
    Value place = e.add(e.mul(e.add(e.mul(block.sequence, positions()), i), 2), which);
    return loadIndex(e.at(ranges, place, i32()));
  }

  // How many queries have a first, or an end, up to j.
  Value countUpTo(Value j, Value which) {
    Value count = e.i64(positions()), zeros = math::CountLeadingZerosOp::create(e.b, count);
    Value halvings = arith::SubIOp::create(e.b, arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(64)), zeros);
    SmallVector<Value> all{e.index(0), positions()};
    return e.loop(e.index(0), arith::IndexCastOp::create(e.b, e.b.getIndexType(), halvings), 1, all, [&](Value, ValueRange left) {
      Value below = left[0], end = left[1], any = e.less(below, end), middle = e.div(e.add(below, end), 2);
      Value number = bound(e.select(any, middle, e.index(0)), which);
      Value counts = arith::AndIOp::create(e.b, any, arith::CmpIOp::create(e.b, arith::CmpIPredicate::sle, number, j));
      return SmallVector<Value>{e.select(counts, e.add(middle, 1), below), e.select(counts, end, middle)};
    })[0];
  }

  AttentionBlock &block;
  ThreadEmitter &e;
  const AttentionShape &queries;
  const Value ranges, bounds;
};
} // namespace

SymbolicDim cuda::rangedAttentionTemporary(kernel::RangedAttentionOp op, Precision precision) {
  if (isStep(op.getSpace())) {
    return rangedStepTemporary(op);
  }
  RangedPlan plan(op, 0, precision);
  return plan.packedFloats({&plan.query}, {&plan.key, &plan.value});
}

void cuda::emitRangedAttention(KernelWriter &writer, kernel::RangedAttentionOp op) {
  if (isStep(op.getSpace())) {
    return emitRangedStep(writer, op);
  }
  RangedPlan plan(op, 0, writer.precision);
  const AttentionShape &queries = plan.queries.shape, &keys = plan.keys.shape;
  bool packed = plan.packedFloats({&plan.query}, {&plan.key, &plan.value}) != SymbolicDim();
  unsigned tensors = plan.queries.temporary + (packed ? 1 : 0);
  plan.pack(writer, op.getLoc(), tensors, {&plan.query}, {&plan.key, &plan.value});
  HeadTensor result = plan.queries.wholeTensor(plan.queries.results, op.getResult());
  TileSizes sizes = plan.queries.tileSizes();
  writer.step(op.getLoc(), tensors, AttentionBlock::grid(queries, sizes), sizes.threads, [&](KernelWriter::Step &s) {
    auto tiles = plan.queries.tiles(s.e, sizes);
    AttentionBlock block(s, queries, *tiles, /*dropoutKey=*/{}, /*lastFirst=*/true); // later rows tend to see more
    AttentionForward forward(block, plan.queries);
    RangeSight sight(block, plan);
    if (plan.queries.tensorCores) {
      s.leaveRoomFor(1);
    }
    s.e.when(block.present, [&] {
      Value group = s.e.div(block.head, queries.heads / keys.heads);
      auto ofGroup = [&](const HeadTensor &tensor) { return headRows(s, keys, tensor, block.sequence, group); };
      forward.emit(block.rowsOf(plan.query), ofGroup(plan.key), ofGroup(plan.value), sight.keys(), result);
    });
  });
}

// grad is read by tiles, too.
static HeadTensor gradOf(kernel::RangedAttentionGradOp op, const RangedPlan &plan) { return plan.queries.wholeTensor(0, op.getGrad()); }

SymbolicDim cuda::rangedAttentionGradTemporary(kernel::RangedAttentionGradOp op, Precision precision) {
  RangedPlan plan(op, 1, precision);
  HeadTensor grad = gradOf(op, plan);
  return plan.packedFloats({&plan.query, &grad}, {&plan.key, &plan.value}) + scaled(rowsOf(op.getSpace()), op.getHeads());
}

void cuda::emitRangedAttentionGrad(KernelWriter &writer, kernel::RangedAttentionGradOp op) {
  RangedPlan plan(op, 1, writer.precision);
  unsigned tensors = plan.queries.temporary + 1;
  GradSources sources(plan.queries.shape, plan.keys.shape);
  sources.grad = gradOf(op, plan);
  sources.lse = 5;
  sources.dots = plan.queries.temporary;
  sources.dotsBegin = plan.packedFloats({&plan.query, &sources.grad}, {&plan.key, &plan.value});
  plan.pack(writer, op.getLoc(), tensors, {&plan.query, &sources.grad}, {&plan.key, &plan.value});
  sources.query = plan.query;
  sources.key = plan.key;
  sources.value = plan.value;
  emitDots(writer, op.getLoc(), tensors, op.getGrad(), op.getOutput(), sources);
  TileSizes sizes = plan.queries.tileSizes();
  auto step = [&](const AttentionPlan &side, int64_t blocks, const std::function<void(AttentionBackward &, RangeSight &)> &body) {
    writer.step(op.getLoc(), tensors, AttentionBlock::grid(side.shape, sizes), sizes.threads, [&](KernelWriter::Step &s) {
      auto tiles = side.tiles(s.e, sizes);
      AttentionBlock block(s, side.shape, *tiles, /*dropoutKey=*/{}, /*lastFirst=*/false);
      AttentionBackward backward(block, side, sources);
      RangeSight sight(block, plan);
      body(backward, sight);
      s.leaveRoomFor(std::min(blocks, writer.architecture.sharedBytes / s.e.mostSharedBytes()));
    });
  };
  unsigned results = plan.queries.results;
  bool roomy = plan.queries.shape.width <= 64 && plan.queries.precision != Precision::TF32; // tiles in f32 want more registers
  step(plan.queries, roomy ? 2 : 1, [&](AttentionBackward &backward, RangeSight &sight) {
    backward.emitQueries([&] { return sight.keys(); }, plan.queries.wholeTensor(results, op.getQueryGrad()));
  });
  step(plan.keys, 1, [&](AttentionBackward &backward, RangeSight &sight) {
    backward.emitKeys([&] { return sight.ofKeys(); }, plan.keys.wholeTensor(results + 1, op.getKeyGrad()),
                      plan.keys.wholeTensor(results + 2, op.getValueGrad()));
  });
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums that are added to gradients, in an order that depends on the shape alone.
#include "passes/LowerGPU/Kernels.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t warps = blockThreads / warpSize;

void cuda::addWarps(ThreadEmitter &e, Value sum, const std::function<void(Value total)> &use) {
  Value lines = e.shared(e.threads * 4);
  e.store(sum, e.at(lines, e.thread));
  e.barrier();
  e.when(e.less(e.thread, e.index(warpSize)), [&] {
    Value total = e.number(0);
    for (int64_t w = 0; w < e.threads / warpSize; ++w) {
      total = e.addf(total, e.load(e.at(lines, e.add(e.thread, w * warpSize))));
    }
    use(total);
  });
}

void cuda::emitReduce(KernelWriter &writer, kernel::ReduceOp op) {
  // A block has one slot and 32 columns; its warps take the sequences in turn.
  int64_t columns = cast<RankedTensorType>(op.getInput().getType()).getShape().back();
  int64_t groups = ceilDiv(columns, warpSize);
  SymbolicDim first = op.getSums().getSequences();
  SymbolicDim rows = rowsOf(op.getSpace());
  Memory input{{}, {}, cast<RankedTensorType>(op.getInput().getType()).getElementType(), true};
  writer.step(op.getLoc(), 2, {scaled(op.getSums().getPositions(), groups)}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value count, stride;
    if (op.getBlocks()) {
      count = e.ceilDiv(e.form(rows), kernel::blockRows);
      stride = e.index(columns);
    } else {
      count = e.form(op.getSpace().getSequences());
      stride = e.mul(e.form(op.getSpace().getPositions()), columns);
    }
    Value slot = e.div(e.blockX, groups), column = e.add(e.mul(e.rem(e.blockX, e.index(groups)), warpSize), e.lane());
    Value inside = e.less(column, e.index(columns)), safe = e.select(inside, column, e.index(0));
    Memory source = input;
    source.base = s.pointers[0];
    Value start = e.add(e.mul(e.add(slot, e.form(first)), columns), safe);
    Value sum = e.loop(e.warp(), count, warps, e.number(0), [&](Value k, ValueRange so) {
      Value value = e.loadNumbers(source, e.add(start, e.mul(k, stride)), /*wide=*/false);
      return SmallVector<Value>{e.addf(so[0], value)};
    })[0];
    addWarps(e, sum, [&](Value total) {
      e.when(inside, [&] {
        Value place = e.at(s.pointers[1], e.mul(e.add(e.mul(slot, columns), column), op.getStride()));
        e.store(e.addf(e.load(place), total), place);
      });
    });
  });
}

void cuda::emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op) {
  // A block has one row of the table and 32 columns; each warp looks through a part of the bytes for its id.
  int64_t depth = op.getDepth(), groups = ceilDiv(depth, warpSize);
  auto parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(op, cast<FlatSymbolRefAttr>(op.getParameters()[0]));
  int64_t table = cast<RankedTensorType>(parameter.getType()).getDimSize(0);
  SymbolicDim bytes = rowsOf(op.getSpace());
  Type i32 = Builder(op.getContext()).getI32Type();
  writer.step(op.getLoc(), 3, {SymbolicDim::constant(table * groups)}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value id = e.div(e.blockX, groups), column = e.add(e.mul(e.rem(e.blockX, e.index(groups)), warpSize), e.lane());
    Value inside = e.less(column, e.index(depth)), safe = e.select(inside, column, e.index(0));
    Memory grad = memoryOf(s.pointers[1], op.getGrad());
    grad.isRow = true;
    auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, i32, e.b.getIntegerAttr(i32, APInt(32, n, true))); };
    Value wanted = arith::IndexCastOp::create(e.b, i32, id), count = e.form(bytes);
    Value perWarp = e.mul(e.ceilDiv(count, warps * warpSize), warpSize);
    Value begin = e.min(e.mul(e.warp(), perWarp), count), end = e.min(e.add(begin, perWarp), count);
    Value sum = e.loop(begin, end, warpSize, e.number(0), [&](Value from, ValueRange so) {
      // The 32 ids together: a bit for each that is the block's.
      Value byte = e.add(from, e.lane()), there = e.less(byte, end);
      Value found = e.load(e.at(s.pointers[0], e.select(there, byte, from), i32), i32);
      Value hit = arith::AndIOp::create(e.b, there, e.equal(found, wanted));
      Value hits = NVVM::VoteSyncOp::create(e.b, i32, number(-1), hit, NVVM::VoteSyncKind::ballot);
      Value many = arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), math::CtPopOp::create(e.b, hits));
      SmallVector<Value> init{hits, so[0]};
      auto after = e.loop(e.index(0), many, 1, init, [&](Value, ValueRange left) {
        Value lowest = arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), math::CountTrailingZerosOp::create(e.b, left[0]));
        Value value = e.loadNumbers(grad, e.add(e.mul(e.add(from, lowest), depth), safe), /*wide=*/false);
        Value rest = arith::AndIOp::create(e.b, left[0], arith::SubIOp::create(e.b, left[0], number(1)));
        return SmallVector<Value>{rest, e.addf(left[1], value)};
      });
      return SmallVector<Value>{after[1]};
    })[0];
    if (op.getSkip()) {
      inside = arith::AndIOp::create(e.b, inside,
                                     arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, id, e.index(*op.getSkip())));
    }
    addWarps(e, sum, [&](Value total) {
      e.when(inside, [&] {
        Value place = e.at(s.pointers[2], e.add(e.mul(id, depth), column));
        e.store(e.addf(e.load(place), total), place);
      });
    });
  });
}

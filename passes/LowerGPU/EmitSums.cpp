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

// Of the ids [begin, end), 32 at a time by a warp's lanes together: `body(so, n)` for each n whose id is `wanted`, in order.
static SmallVector<Value> overHits(ThreadEmitter &e, Value ids, Value wanted, Value begin, Value end, ValueRange init,
                                   const std::function<SmallVector<Value>(ValueRange so, Value n)> &body) {
  Type i32 = e.b.getI32Type();
  auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, i32, e.b.getIntegerAttr(i32, APInt(32, n, true))); };
  return e.loop(begin, end, warpSize, init, [&](Value from, ValueRange so) {
    // A bit for each that is wanted.
    Value n = e.add(from, e.lane()), there = e.less(n, end);
    Value found = e.load(e.at(ids, e.select(there, n, from), i32), i32);
    Value hit = arith::AndIOp::create(e.b, there, e.equal(found, wanted));
    Value hits = NVVM::VoteSyncOp::create(e.b, i32, number(-1), hit, NVVM::VoteSyncKind::ballot);
    Value many = arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), math::CtPopOp::create(e.b, hits));
    SmallVector<Value> start{hits};
    llvm::append_range(start, so);
    auto after = e.loop(e.index(0), many, 1, start, [&](Value, ValueRange left) {
      Value lowest = arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), math::CountTrailingZerosOp::create(e.b, left[0]));
      SmallVector<Value> next{arith::AndIOp::create(e.b, left[0], arith::SubIOp::create(e.b, left[0], number(1)))};
      llvm::append_range(next, body(left.drop_front(), e.add(from, lowest)));
      return next;
    });
    return SmallVector<Value>(ArrayRef(after).drop_front());
  });
}

// A block has one row of the table and 32 columns; each warp looks through a part of the bytes for its id.
static void emitByRows(KernelWriter &writer, kernel::EmbedGradOp op, int64_t rows) {
  int64_t depth = op.getDepth(), groups = ceilDiv(depth, warpSize);
  SymbolicDim bytes = rowsOf(op.getSpace());
  writer.step(op.getLoc(), 3, {SymbolicDim::constant(rows * groups)}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value id = e.div(e.blockX, groups), column = e.add(e.mul(e.rem(e.blockX, e.index(groups)), warpSize), e.lane());
    Value inside = e.less(column, e.index(depth)), safe = e.select(inside, column, e.index(0));
    Memory grad = memoryOf(s.pointers[1], op.getGrad());
    grad.isRow = true;
    Value wanted = arith::IndexCastOp::create(e.b, e.b.getI32Type(), id), count = e.form(bytes);
    Value perWarp = e.mul(e.ceilDiv(count, warps * warpSize), warpSize);
    Value begin = e.min(e.mul(e.warp(), perWarp), count), end = e.min(e.add(begin, perWarp), count);
    Value sum = overHits(e, s.pointers[0], wanted, begin, end, e.number(0), [&](ValueRange so, Value n) {
      Value value = e.loadNumbers(grad, e.add(e.mul(n, depth), safe), /*wide=*/false);
      return SmallVector<Value>{e.addf(so[0], value)};
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

// For tables of which a call reads few rows, as those of hashed n-grams. A block has an id where it comes first: its threads share the
// row's columns and go through the ids that follow. Where the same id came before, there is nothing to do.
static void emitByIds(KernelWriter &writer, kernel::EmbedGradOp op) {
  int64_t depth = op.getDepth(), threads = std::min(blockThreads, ceilDiv(depth, warpSize) * warpSize);
  int64_t columns = ceilDiv(depth, threads); // of a thread
  SymbolicDim ids = rowsOf(op.getSpace());
  writer.step(op.getLoc(), 3, {ids}, threads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Type i32 = e.b.getI32Type();
    Value id = e.load(e.at(s.pointers[0], e.blockX, i32), i32), row = arith::IndexCastOp::create(e.b, e.b.getIndexType(), id);
    Value before = overHits(e, s.pointers[0], id, e.index(0), e.blockX, e.index(0), [&](ValueRange so, Value) {
      return SmallVector<Value>{e.add(so[0], 1)};
    })[0];
    Value wanted = e.equal(before, e.index(0));
    if (op.getSkip()) {
      wanted = arith::AndIOp::create(e.b, wanted,
                                     arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, row, e.index(*op.getSkip())));
    }
    e.when(wanted, [&] {
      Memory grad = memoryOf(s.pointers[1], op.getGrad());
      auto column = [&](int64_t n) { return e.add(e.thread, n * threads); };
      auto inside = [&](int64_t n) { return e.less(column(n), e.index(depth)); };
      SmallVector<Value> zeros(columns, e.number(0));
      auto sums = overHits(e, s.pointers[0], id, e.blockX, e.form(ids), zeros, [&](ValueRange so, Value at) {
        Value from = e.mul(e.div(at, op.getBag()), depth);
        SmallVector<Value> next;
        for (int64_t n = 0; n < columns; ++n) {
          Value place = e.add(from, e.select(inside(n), column(n), e.index(0)));
          next.push_back(e.addf(so[n], e.loadNumbers(grad, place, /*wide=*/false)));
        }
        return next;
      });
      for (int64_t n = 0; n < columns; ++n) {
        e.when(inside(n), [&] {
          Value place = e.at(s.pointers[2], e.add(e.mul(row, depth), column(n)));
          e.store(e.addf(e.load(place), sums[n]), place);
        });
      }
    });
  });
}

void cuda::emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op) {
  if (op.getBag() > 1) {
    return emitByIds(writer, op);
  }
  auto parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(op, cast<FlatSymbolRefAttr>(op.getParameters()[0]));
  emitByRows(writer, op, cast<RankedTensorType>(parameter.getType()).getDimSize(0));
}

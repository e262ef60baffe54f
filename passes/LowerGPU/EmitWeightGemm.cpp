// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights' gradients: sums over rows, which are cut into a number of parts that depends on the shape alone, so that the sums do
// not depend on the device.
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

// Blocks that keep a large device busy; more parts than `mostParts` cost more than they gain.
constexpr int64_t busyBlocks = 264, mostParts = 16, usualRows = 64, tileColumns = 128;

static int64_t partsOf(kernel::WeightGemmOp op) {
  int64_t n = op.getColumns(), depth = op.getDepth();
  return std::clamp<int64_t>(busyBlocks / (ceilDiv(n, usualRows) * ceilDiv(depth, tileColumns)), 1, mostParts);
}

SymbolicDim cuda::weightGemmTemporary(kernel::WeightGemmOp op) {
  int64_t parts = partsOf(op), n = op.getColumns(), depth = op.getDepth();
  return parts == 1 ? SymbolicDim() : SymbolicDim::constant(parts * n * depth);
}

static TileProduct::Sums multiply(KernelWriter::Step &s, TileProduct &product, const SumProduct &p, Value begin, Value end,
                                  Value n0, Value c0) {
  ThreadEmitter &e = s.e;
  auto factor = [&](const SumProduct::Rows &rows, int64_t count, Value first) {
    Factor f;
    f.base = e.at(s.pointers[rows.tensor], e.form(rows.offset));
    f.element = rows.element;
    f.stride = rows.stride;
    f.depthInside = false;
    f.first = first;
    f.end = e.index(count);
    f.endFactor = count;
    return f;
  };
  return streamProduct(product, factor(p.grad, p.columns, n0), factor(p.packed, p.depth, c0), begin, end, 1, product.zeros());
}

void cuda::emitSumProduct(KernelWriter &writer, Location loc, unsigned tensors, const SumProduct &p) {
  bool bulk = llvm::all_of(ArrayRef{p.grad, p.packed},
                           [&](const SumProduct::Rows &rows) { return comesInBulk(writer, rows.element, rows.stride); });
  // Parts begin where tiles do.
  int64_t tileRows = bulk ? 2 * usualRows : usualRows, step = bulk ? bulkDepth : 1;
  int64_t across = ceilDiv(p.depth, tileColumns), tiles = ceilDiv(p.columns, tileRows) * across;
  writer.step(loc, tensors, {SymbolicDim::constant(tiles), 1, p.parts}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value n0 = e.mul(e.div(e.blockX, across), tileRows), c0 = e.mul(e.rem(e.blockX, e.index(across)), tileColumns);
    Value rows = e.form(p.rows), perPart = e.mul(e.ceilDiv(rows, p.parts * step), step);
    Value begin = e.min(e.mul(e.blockY, perPart), rows), end = e.min(e.add(begin, perPart), rows);
    auto finish = [&](TileProduct &product, ValueRange sums) {
      Memory target{e.at(s.pointers[p.target], e.mul(e.blockY, p.columns * p.depth)), {}, e.f32(), true};
      if (!p.add) {
        return writeTile(product, sums, target, n0, e.index(p.columns), c0, p.depth);
      }
      product.visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
        Value n = e.add(n0, row);
        e.when(e.less(n, e.index(p.columns)), [&] {
          for (auto [next, value] : llvm::enumerate(neighbours)) {
            Value c = e.add(e.add(c0, column), next);
            e.when(e.less(c, e.index(p.depth)), [&, value = value] {
              Value place = e.at(target.base, e.add(e.mul(n, p.depth), c));
              e.store(e.addf(e.load(place), value), place);
            });
          }
        });
      });
    };
    if (bulk) {
      auto factor = [&](const SumProduct::Rows &from, Value first) {
        return BulkFactor{from.tensor, from.offset, p.rows, from.stride, /*depthInside=*/false, first};
      };
      return bulkProduct(s, tileColumns, factor(p.grad, n0), factor(p.packed, c0), begin, end, finish);
    }
    auto product = makeProduct(writer, e, tileRows, tileColumns);
    finish(*product, multiply(s, *product, p, begin, end, n0, c0));
  });
}

void cuda::emitWeightGemm(KernelWriter &writer, kernel::WeightGemmOp op) {
  SumProduct p;
  p.rows = rowsOf(op.getSpace());
  p.columns = op.getColumns();
  p.depth = op.getDepth();
  p.parts = partsOf(op);
  p.add = p.parts == 1;
  unsigned tensors = p.add ? 3 : 4;
  p.grad = {0, {}, p.columns, cast<RankedTensorType>(op.getGrad().getType()).getElementType()};
  p.packed = {1, {}, p.depth, cast<RankedTensorType>(op.getPacked().getType()).getElementType()};
  p.target = p.add ? 2 : 3;
  emitSumProduct(writer, op.getLoc(), tensors, p);
  if (p.add) {
    return;
  }
  int64_t elements = p.columns * p.depth;
  writer.step(op.getLoc(), tensors, {SymbolicDim::constant(elements), blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(i, e.index(elements)), [&] {
      Value sum = e.load(e.at(s.pointers[3], i));
      for (int64_t part = 1; part < p.parts; ++part) {
        sum = e.addf(sum, e.load(e.at(s.pointers[3], e.add(i, part * elements))));
      }
      Value place = e.at(s.pointers[2], i);
      e.store(e.addf(e.load(place), sum), place);
    });
  });
}

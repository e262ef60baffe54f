// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights' gradients: sums over rows, which are cut into a number of parts.
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

SymbolicDim cuda::weightGemmTemporary(kernel::WeightGemmOp op) {
  int64_t parts = kernel::scheduleOf(op).getParts(), n = op.getColumns(), depth = op.getDepth();
  return parts == 1 ? SymbolicDim() : SymbolicDim::constant(parts * n * depth);
}

namespace {
// target[part, n, c] = sum over the rows of a part of grad[r, n] * packed[r, c], in order; with `add`, added to what is there.
struct SumProduct {
  SumProduct(kernel::WeightGemmOp op, kernel::ScheduleAttr schedule)
      : grad(cast<RankedTensorType>(op.getGrad().getType()).getElementType()),
        packed(cast<RankedTensorType>(op.getPacked().getType()).getElementType()), rows(rowsOf(op.getSpace())),
        columns(op.getColumns()), depth(op.getDepth()), tileRows(schedule.getRows()), tileColumns(schedule.getColumns()),
        parts(schedule.getParts()), add(parts == 1) {}
  // The kernel's pointers.
  static constexpr unsigned gradAt = 0, packedAt = 1, resultAt = 2, partsAt = 3;
  unsigned tensors() const { return add ? partsAt : partsAt + 1; }

  Type grad, packed; // elements
  SymbolicDim rows;
  int64_t columns, depth; // n, c
  int64_t tileRows, tileColumns, parts;
  bool add;
};
} // namespace

static TileProduct::Sums multiply(KernelWriter::Step &s, TileProduct &product, const SumProduct &p, Value begin, Value end,
                                  Value n0, Value c0) {
  ThreadEmitter &e = s.e;
  Factor grad = columnsFactor(e, s.pointers[p.gradAt], p.grad, p.columns, n0);
  Factor packed = columnsFactor(e, s.pointers[p.packedAt], p.packed, p.depth, c0);
  return streamProduct(product, grad, packed, begin, end, 1, product.zeros());
}

static void emitSumProduct(KernelWriter &writer, Location loc, const SumProduct &p) {
  bool bulk = comesInBulk(writer.architecture, p.grad, p.columns) && comesInBulk(writer.architecture, p.packed, p.depth);
  // Parts begin where tiles do.
  int64_t tileRows = p.tileRows, tileColumns = p.tileColumns, step = bulk ? bulkDepth : 1;
  int64_t across = ceilDiv(p.depth, tileColumns), tiles = ceilDiv(p.columns, tileRows) * across;
  writer.step(loc, p.tensors(), {SymbolicDim::constant(tiles), 1, p.parts}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value n0 = e.mul(e.div(e.blockX, across), tileRows), c0 = e.mul(e.rem(e.blockX, e.index(across)), tileColumns);
    Value rows = e.form(p.rows), perPart = e.mul(e.ceilDiv(rows, p.parts * step), step);
    Value begin = e.min(e.mul(e.blockY, perPart), rows), end = e.min(e.add(begin, perPart), rows);
    auto finish = [&](TileProduct &product, ValueRange sums) {
      Value tileEnd = endOfTile(product, n0, tileRows, e.index(p.columns));
      if (!p.add) {
        Memory target{e.at(s.pointers[p.partsAt], e.mul(e.blockY, p.columns * p.depth)), {}, e.f32(), true};
        return writeTile(product, sums, target, n0, tileEnd, c0, p.depth);
      }
      product.visit(sums, [&](Value row, Value column, ArrayRef<Value> neighbours) {
        Value n = e.add(n0, row);
        e.when(e.less(n, tileEnd), [&] {
          for (auto [next, value] : llvm::enumerate(neighbours)) {
            Value c = e.add(e.add(c0, column), next);
            e.when(e.less(c, e.index(p.depth)), [&, value = value] {
              Value place = e.at(s.pointers[p.resultAt], e.add(e.mul(n, p.depth), c));
              e.store(e.addf(e.load(place), value), place);
            });
          }
        });
      });
    };
    if (bulk) {
      auto factor = [&](unsigned tensor, int64_t columns, Value first) {
        return BulkFactor{tensor, {}, p.rows, columns, /*depthInside=*/false, first};
      };
      return bulkProduct(s, tileColumns, factor(p.gradAt, p.columns, n0), factor(p.packedAt, p.depth, c0), begin, end, finish);
    }
    if (writer.precision == Precision::TF32) {
      s.leaveRoomFor(2); // its factors take more registers; those of bf16 leave room for three blocks, unasked
    }
    auto product = makeProduct(writer, e, tileRows, tileColumns);
    finish(*product, multiply(s, *product, p, begin, end, n0, c0));
  });
}

void cuda::emitWeightGemm(KernelWriter &writer, kernel::WeightGemmOp op) {
  SumProduct p(op, kernel::scheduleOf(op));
  emitSumProduct(writer, op.getLoc(), p);
  if (p.add) {
    return;
  }
  int64_t elements = p.columns * p.depth;
  writer.step(op.getLoc(), p.tensors(), {SymbolicDim::constant(elements), blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(i, e.index(elements)), [&] {
      Value sum = e.load(e.at(s.pointers[p.partsAt], i));
      for (int64_t part = 1; part < p.parts; ++part) {
        sum = e.addf(sum, e.load(e.at(s.pointers[p.partsAt], e.add(i, part * elements))));
      }
      Value place = e.at(s.pointers[p.resultAt], i);
      e.store(e.addf(e.load(place), sum), place);
    });
  });
}

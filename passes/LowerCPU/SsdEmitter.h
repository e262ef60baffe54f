// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What forward and backward of Mamba-2's recurrence share: chunks of positions, their steps and decays, and the products
// on the gemm tile. A work item is a sequence and some heads of one group, which share the products of c and b. Positions
// beyond the sequence's end have no step and rows of zeros.
#pragma once

#include "passes/Emit/SsdShape.h"
#include "passes/LowerCPU/Kernels.h"

namespace mblm::cpu {

template <typename OpT> SsdShape ssdShape(OpT op, const Machine &machine) {
  return emit::ssdShape(op, kernel::blockRows, machine.tileRows);
}
inline Items ssdItems(const SsdShape &shape) {
  return {*shape.space.getSequences().times(SymbolicDim::constant(shape.groups * shape.parts()))};
}

class SsdEmitter {
public:
  SsdEmitter(KernelWriter &writer, KernelWriter::Step &step, const SsdShape &shape, mlir::ValueRange operands);

  KernelWriter &writer;
  KernelWriter::Step &s;
  Emitter &e;
  const SsdShape shape;
  mlir::Value input, dt, b, c, bias, aLog, skip; // the op's operands

  //===-- Sizes --------------------------------------------------------------===//
  int64_t lanes() { return e.machine.lanes; }
  // Columns of a block that the tile reads and writes whole; rows with room for what it writes beyond the last.
  int64_t wide(int64_t columns) { return kernel::ceilDiv(columns, kernel::panelWidth) * kernel::panelWidth; }
  int64_t tall(int64_t rows) { return kernel::ceilDiv(rows, 16) * 16 + 16; }
  // The stride of blocks with a column a position.
  int64_t chunkStride() { return wide(shape.chunk) + 16; }
  mlir::Value positions() { return e.form(shape.space.getPositions()); }

  //===-- Work ---------------------------------------------------------------===//
  struct Item {
    mlir::Value sequence, group, part, firstHead, heads;
  };
  void forItems(const std::function<void(const Item &)> &body);
  struct Chunk {
    mlir::Value sequence, first, count; // positions [first, first + count) are there
  };
  Chunk chunkAt(mlir::Value sequence, mlir::Value number);
  mlir::Value chunks() { return e.ceilDiv(positions(), shape.chunk); }

  //===-- Rows ---------------------------------------------------------------===//
  // Row t of operand `number`'s features from `column` on.
  mlir::Value rowOf(unsigned number, mlir::Value base, mlir::Value sequence, mlir::Value t, mlir::Value column);
  // The chunk's rows of `columns` floats at `base`, `stride` apart, then zeros to the chunk's end.
  void copyRows(const Chunk &chunk, mlir::Value base, int64_t stride, mlir::Value column, int64_t columns,
                mlir::Value target, int64_t targetStride);
  void copyInput(const Chunk &chunk, mlir::Value head, mlir::Value target);
  // The group's rows of b (2) and c (3).
  void copyGroup(const Chunk &chunk, unsigned number, mlir::Value group, mlir::Value target);
  // to[i] = factors[i] * from[i], for the chunk's rows.
  void scaleRows(mlir::Value from, mlir::Value to, int64_t stride, int64_t columns, mlir::Value factors);
  void scaleAll(mlir::Value from, mlir::Value to, int64_t floats, mlir::Value factor);
  // target[c][i] = rows[i][c]. Reads and writes whole squares of lanes.
  void transposeRows(mlir::Value rows, int64_t stride, int64_t count, int64_t columns, mlir::Value target,
                     int64_t targetStride);
  // By lanes: sum + x * y, over the columns of two rows.
  mlir::Value dotInto(mlir::Value sum, mlir::Value x, mlir::Value y, int64_t columns);
  mlir::Value dot(mlir::Value x, mlir::Value y, int64_t columns) {
    return e.sumLanes(dotInto(e.splat(0.0), x, y, columns));
  }
  // The skip's factors of a head's features from `column` on.
  mlir::Value skipAt(mlir::Value head, mlir::Value column);
  // Runs `body` over the chunk's positions, by vectors.
  void forVectors(const std::function<void(mlir::Value at)> &body) {
    e.loop(e.index(0), e.index(shape.chunk), lanes(), body);
  }

  //===-- Steps --------------------------------------------------------------===//
  // Of one head in a chunk, a float for each position.
  struct Steps {
    mlir::Value raw;    // dt + dt_bias
    mlir::Value d;      // the step; zero beyond the sequence's end
    mlir::Value sums;   // s: A times the sum of steps so far
    mlir::Value in;     // exp(s): what is left of the entry state
    mlir::Value out;    // exp(s[last] - s): what is left at the chunk's end
    mlir::Value update; // d * out
    mlir::Value factors;
  };
  Steps allocateSteps();
  mlir::Value decayRate(mlir::Value head); // A
  void computeSteps(const Chunk &chunk, mlir::Value head, const Steps &steps);
  mlir::Value wholeDecay(const Steps &steps) { return e.load(e.at(steps.in, e.index(shape.chunk - 1))); }
  mlir::Value softplus(mlir::Value x);
  // Calls `body(i, j, w)` for the vectors on and below the diagonal of a block with a row and a column a position: w holds
  // exp(s[i] - s[j]) for j and the columns behind, zero above the diagonal.
  void forDecays(const Steps &steps, const std::function<void(mlir::Value i, mlir::Value j, mlir::Value w)> &body);
  // The place of row i and column j in such a block.
  mlir::Value placeOf(mlir::Value i, mlir::Value j) { return e.add(e.mul(i, chunkStride()), j); }

  //===-- Products -----------------------------------------------------------===//
  struct Matrix {
    mlir::Value pointer;
    int64_t stride;
  };
  // c (+)= a b, with `transposed` a^T b.
  void multiply(Matrix a, bool transposed, Matrix b, Matrix c, int64_t rows, int64_t depth, int64_t columns, bool accumulate);
  // c += a b, with `transposed` a^T b, for a block a that is zero above its diagonal.
  void multiplyLower(mlir::Value a, bool transposed, Matrix b, Matrix c, int64_t columns);
  // c = a b^T on and below the diagonal of a block with a row and a column a position; b comes transposed.
  void multiplyToLower(Matrix a, mlir::Value b, mlir::Value c, int64_t depth);

private:
  mlir::Value flag(bool value) { return mlir::arith::ConstantOp::create(e.b, e.b.getBoolAttr(value)); }
  BlockProduct blockProduct(Matrix a, bool transposed, Matrix b, Matrix c, int64_t columns);
};

} // namespace mblm::cpu

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a block does for Mamba-2's recurrence: brings a chunk's rows into tiles, and works out the steps and decays of one head.
// Rows of tiles are positions, or states of the recurrence's state; what is beyond a chunk's positions or a row's columns is zero.
#pragma once

#include "passes/Emit/SsdShape.h"
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/TileProduct.h"
#include "passes/LowerGPU/Units.h"

namespace mblm::cuda {

constexpr int64_t tileSide = 16; // tiles have multiples of it as rows and columns
inline int64_t padded(int64_t n) { return kernel::ceilDiv(n, tileSide) * tileSide; }

// Where blocks have a slice of a head's features each, `slice` of them.
struct SsdPlan {
  SsdShape shape;
  int64_t slice;
  int64_t slices() const { return kernel::ceilDiv(shape.width, slice); }
  int64_t blocks() const { return shape.heads * slices(); } // of a sequence
  Units units() const { return {shape.space, shape.chunk}; }
};

// The longest chunks, then the widest slices, with which a block needs no more than all devices have; `bytes` says what a plan's
// kernels need with f32 tiles. Else the smallest.
template <typename OpT> SsdPlan ssdPlan(OpT op, const std::function<int64_t(const SsdPlan &)> &bytes) {
  constexpr int64_t mostBytes = 160 << 10;
  for (int64_t slice = 64;; slice /= 2) {
    for (int64_t chunk = 64; chunk >= tileSide; chunk /= 2) {
      SsdPlan plan{ssdShape(op, chunk, tileSide), slice};
      if (bytes(plan) <= mostBytes || (slice == tileSide && chunk == tileSide)) {
        return plan;
      }
    }
  }
}

class SsdBlock {
public:
  // `operands` are the pointers of input, dt, b, c, dt_bias, a_log and skip, and what they point to.
  SsdBlock(KernelWriter &writer, KernelWriter::Step &step, const SsdPlan &plan, llvm::ArrayRef<mlir::Value> pointers,
           mlir::ValueRange operands);

  KernelWriter &writer;
  KernelWriter::Step &s;
  ThreadEmitter &e;
  const SsdPlan plan;
  const SsdShape &shape;
  enum Source { Input, Dt, B, C, Bias, ALog, Skip };
  Memory sources[7];

  //===-- The work at hand ---------------------------------------------------===//
  mlir::Value sequence, first, count;    // positions [first, first + count) are the chunk
  mlir::Value head, firstColumn;         // of the head's features
  mlir::Value positions() { return e.form(shape.space.getPositions()); }
  void setChunk(mlir::Value number);
  // A block's number as a sequence and a slice of a head.
  void setSlice(mlir::Value number);
  mlir::Value group() { return e.div(head, shape.headsPerGroup()); }
  int64_t columns() const { return std::min(plan.slice, shape.width); } // at most, of a slice
  mlir::Value columnsOfSlice() { return e.min(e.index(plan.slice), e.sub(e.index(shape.width), firstColumn)); }

  //===-- Tiles --------------------------------------------------------------===//
  struct Tile {
    mlir::Value base;
    int64_t rows, columns, stride;
    // As a factor: its rows or its columns are what the product sums over.
    SharedTile byRows() const { return {base, stride, true}; }
    SharedTile byColumns() const { return {base, stride, false}; }
  };
  static int64_t tileBytes(int64_t rows, int64_t columns, int64_t size) { return padded(rows) * (padded(columns) * size + 16); }
  Tile allocate(int64_t rows, int64_t columns, int64_t leastBytes = 0);
  std::unique_ptr<TileProduct> product(int64_t rows, int64_t columns) {
    return makeProduct(writer, e, padded(rows), padded(columns));
  }
  Memory element(const Tile &tile) { return {tile.base, {}, tileElement, true}; }
  mlir::Value get(const Tile &tile, mlir::Value row, mlir::Value column) {
    return e.loadNumbers(element(tile), e.add(e.mul(row, tile.stride), column), /*wide=*/false);
  }
  void put(TileProduct &product, mlir::ValueRange sums, const Tile &tile);

  // Rows [0, rows) of memory, `stride` apart, of which each has `columns` features from `from` on; times `factors`, a line, unless
  // that is null.
  struct Rows {
    Memory memory;
    int64_t stride;
    mlir::Value from, rows, columns;
    int64_t factor;      // what certainly divides `from` and `columns`
    mlir::Value factors;
  };
  void bring(const Rows &rows, const Tile &tile);
  // Of the chunk: of the input, of a tensor with the result's features, of b or c.
  Rows rowsOf(Source source);
  Rows featuresOf(const Memory &memory);
  // A position's place in a tensor of `width` features.
  mlir::Value place(mlir::Value i, int64_t width, mlir::Value column) {
    return e.add(e.mul(e.add(e.mul(sequence, positions()), e.add(first, i)), width), column);
  }
  mlir::Value skipOf(mlir::Value column) {
    return e.load(e.at(sources[Skip].base, shape.skipPerFeature ? e.add(e.mul(head, shape.width), column) : head));
  }

  //===-- Lines --------------------------------------------------------------===//
  // A float for each position of a chunk.
  mlir::Value line() { return e.shared(shape.chunk * 4); }
  mlir::Value get(mlir::Value line, mlir::Value i) { return e.load(e.at(line, i)); }
  struct Steps {
    mlir::Value raw;    // dt + dt_bias
    mlir::Value d;      // the step; zero beyond the sequence's end
    mlir::Value sums;   // s: log2(e) A times the sum of steps so far
    mlir::Value in;     // exp(s): what is left of the entry state
    mlir::Value out;    // exp(s[last] - s): what is left at the chunk's end
    mlir::Value update; // d * out
  };
  Steps steps;
  void allocateSteps();
  mlir::Value rate(); // log2(e) A
  // The head's steps in the chunk; all have waited for them then, and for what was written before.
  void bringSteps();
  mlir::Value wholeDecay() { return get(steps.in, e.index(shape.chunk - 1)); }
  // exp(s[i] - s[j]) for j <= i, else zero, at the places of a product with a row and a column a position.
  TileProduct::Sums decays(TileProduct &square);
  // scale[i] times row i.
  TileProduct::Sums scaleRows(TileProduct &product, mlir::ValueRange sums, mlir::Value line);
  TileProduct::Sums scaleAll(mlir::ValueRange sums, mlir::Value factor);
  // By the first warp alone: adds up the numbers of positions, in order, or from the last one to the first, and hands each position
  // the sum up to its own. A thread has some neighbouring positions.
  void scan(bool forward, const std::function<mlir::Value(mlir::Value i)> &number,
            const std::function<void(mlir::Value i, mlir::Value sum)> &body);
  mlir::Value inFirstWarp() { return e.less(e.thread, e.index(warpSize)); }
  // sum of number(i, j) over j < depth for each i < count, four threads a sum; `use` by one of them.
  void sumLines(mlir::Value lines, mlir::Value depth, const std::function<mlir::Value(mlir::Value i, mlir::Value j)> &number,
                const std::function<void(mlir::Value i, mlir::Value sum)> &use);

private:
  const mlir::Type tileElement;
};

} // namespace mblm::cuda

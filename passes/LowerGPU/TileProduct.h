// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of tiles in shared memory by all threads of a block; the sums stay in registers.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

// A tile of a factor: `outer` are the product's rows (or columns), `depth` what is summed over.
//   depthInside: element (outer, depth) at base[outer * stride + depth], else at base[depth * stride + outer]
struct SharedTile {
  mlir::Value base; // !llvm.ptr<3>
  int64_t stride = 0;
  bool depthInside = true;
};

class TileProduct {
public:
  TileProduct(ThreadEmitter &e, int64_t rows, int64_t columns) : e(e), rows(rows), columns(columns) {}
  virtual ~TileProduct() = default;
  using Sums = llvm::SmallVector<mlir::Value>;

  // Of the tiles in shared memory.
  virtual mlir::Type element() const = 0;
  // The stride of a tile's rows of `inner` elements that keeps threads out of each other's banks; a multiple of 16 bytes.
  virtual int64_t stride(int64_t inner, bool depthInside) const = 0;
  // Depths come in multiples of this; what is beyond must be zero in both tiles.
  virtual int64_t depthStep() const = 0;

  virtual Sums zeros() = 0;
  // sums[r, c] + sum over depth, in increasing order, of a[r, depth] * b[c, depth].
  virtual Sums multiply(mlir::ValueRange sums, const SharedTile &a, const SharedTile &b, int64_t depth) = 0;
  // This thread's sums with their places in the tile: vectors of neighbouring columns, from `column` on.
  using Visit = std::function<void(mlir::Value row, mlir::Value column, mlir::ArrayRef<mlir::Value> neighbours)>;
  void visit(mlir::ValueRange sums, const Visit &visit);
  // New sums, from the old ones and their places.
  Sums map(mlir::ValueRange sums, const std::function<mlir::Value(mlir::Value row, mlir::Value column, mlir::Value sum)> &body);
  // The sum of what `body` says of this thread's sums, each of which belongs to one thread here.
  mlir::Value total(mlir::ValueRange sums,
                    const std::function<mlir::Value(mlir::Value row, mlir::Value column, mlir::Value sum)> &body);

  // Puts the sums into rows of shared or global memory, `stride` elements apart: f32, or of another type.
  void store(mlir::ValueRange sums, mlir::Value base, int64_t stride, mlir::Type element = {});

  ThreadEmitter &e;
  const int64_t rows, columns;

protected:
  // visit() in the order of the sums, by all threads.
  virtual void forPlaces(mlir::ValueRange sums, const Visit &visit) = 0;
  // Threads for which this does not hold have what others have, too; null: there are none.
  virtual mlir::Value owner() { return {}; }
};

// In f32, exact: products rounded once with their sum. 256 threads in a square of 16 x 16; thread (i, j) has the rows i, i + 16,
// ... and the columns j, j + 16, ... Sums come row by row; `rows` and `columns` are multiples of 16.
constexpr int64_t scalarSide = 16;
std::unique_ptr<TileProduct> scalarProduct(ThreadEmitter &e, int64_t rows, int64_t columns);

// In bf16 or tf32 on tensor cores, with f32 sums. `rows` and `columns` are multiples of 16.
std::unique_ptr<TileProduct> tensorProduct(ThreadEmitter &e, int64_t rows, int64_t columns);
std::unique_ptr<TileProduct> tf32Product(ThreadEmitter &e, int64_t rows, int64_t columns);

// The word that tensor cores take for a number: of 10 bits of mantissa the nearest, ties away from zero. `number` is an f32 or its
// bits.
mlir::Value roundToTf32(ThreadEmitter &e, mlir::Value number);

// Elements of global memory into shared memory, zeros where `inside` does not hold: by cp.async where the types are the same
// and the bytes 4 to 16.
void copyPiece(ThreadEmitter &e, mlir::Value from, mlir::Type fromElement, mlir::Value to, mlir::Type toElement, int64_t count,
               mlir::Value inside);

// A factor in global memory, of which a block takes the outer indices [first, first + count).
struct Factor {
  mlir::Value base; // !llvm.ptr<1>
  mlir::Type element;
  int64_t stride = 0;       // elements from row to row of memory
  bool depthInside = true;
  mlir::Value first, end;   // outer indices: the block's first one, and where the factor ends
  int64_t baseFactor = 64;  // what certainly divides the base's place, in elements
  int64_t endFactor = 1;    // what certainly divides `first` and `end`, where these are inside
};

// Rows [first, end) of a matrix, whose depth lies inside.
inline Factor rowsFactor(mlir::Value base, mlir::Type element, int64_t depth, mlir::Value first, mlir::Value end) {
  return {base, element, depth, /*depthInside=*/true, first, end};
}
// The columns from `first`, a tile's, on of a matrix that has `columns` of them; its rows are the depth.
inline Factor columnsFactor(ThreadEmitter &e, mlir::Value base, mlir::Type element, int64_t columns, mlir::Value first) {
  return {base, element, columns, /*depthInside=*/false, first, e.index(columns), /*baseFactor=*/64, /*endFactor=*/columns};
}

constexpr int64_t productDepth = 32; // of the tiles that a product works on at a time

// Runs a product over the whole depth [begin, end): tiles of `productDepth` come in the background, some ahead. `depthFactor`
// certainly divides begin and end.
TileProduct::Sums streamProduct(TileProduct &product, const Factor &a, const Factor &b, mlir::Value begin, mlir::Value end,
                                int64_t depthFactor, mlir::ValueRange init);

// The same with a left factor that lies in shared memory as a whole, its depths from `begin` on: padded with zeros to a multiple of
// productDepth.
TileProduct::Sums residentProduct(TileProduct &product, const SharedTile &a, const Factor &b, mlir::Value begin, mlir::Value end,
                                  int64_t depthFactor, mlir::ValueRange init);
// Bytes of shared memory that this takes at most for a right factor of so many columns.
int64_t residentRing(int64_t columns, int64_t elementBytes);

} // namespace mblm::cuda

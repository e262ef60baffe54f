// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two products of attention, of tiles in shared memory. What comes out stays in registers: each thread has some
// rows of the block, and shares a row with neighbouring threads.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

// Rows of a block, rows of the tiles that it goes through, threads.
struct TileSizes {
  int64_t rows, columns, threads;
};

// Where some rows or columns of a thread lie.
struct Places {
  mlir::Value first;
  llvm::SmallVector<int64_t> offsets;
  size_t size() const { return offsets.size(); }
  mlir::Value at(ThreadEmitter &e, size_t n) const { return e.add(first, offsets[n]); }
};

class AttentionTiles {
public:
  // For heads of `width` features; tiles' rows are padded with zeros to `depth`.
  AttentionTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width)
      : e(e), sizes(sizes), width(width), depth(paddedDepth(width)) {}
  virtual ~AttentionTiles() = default;
  using Sums = llvm::SmallVector<mlir::Value>;

  static int64_t paddedDepth(int64_t width) { return kernel::ceilDiv(width, 16) * 16; }
  virtual mlir::Type element() const = 0;
  // From row to row of a tile, in elements: an odd number of 16 bytes, so that neighbouring rows lie in different
  // banks.
  int64_t stride() const {
    int64_t piece = 128 / element().getIntOrFloatBitWidth();
    return (kernel::ceilDiv(depth, piece) | 1) * piece;
  }
  mlir::Value allocate(int64_t lines) { return e.shared(lines * stride() * element().getIntOrFloatBitWidth() / 8); }

  // This thread's rows in the block, and its columns among `columns` of them. Sums come row by row.
  virtual Places rowsOfThread() = 0;
  virtual Places columnsOfThread(int64_t columns) = 0;
  virtual int64_t threadsOfRow() const = 0;
  Sums zeros(int64_t columns) { return Sums(rowsOfThread().size() * columnsOfThread(columns).size(), e.number(0)); }

  // The exponential as these kernels have it: of what is in units of 1 / `unit()`.
  virtual double unit() const = 0;
  virtual mlir::Value exponential(mlir::Value x) = 0;

  // rows x columns: sum over c of a[r, c] * b[j, c].
  virtual Sums score(mlir::Value a, mlir::Value b) = 0;
  // rows x depth: sums[r, c] + sum over j of weights[r, j] * b[j, c].
  virtual Sums mix(mlir::ValueRange sums, mlir::ValueRange weights, mlir::Value b) = 0;

  ThreadEmitter &e;
  const TileSizes sizes;
  const int64_t width, depth;
};

// In f32, exact; 256 threads.
std::unique_ptr<AttentionTiles> scalarTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width);
// Factors in bf16, sums in f32; a warp for 16 rows.
std::unique_ptr<AttentionTiles> tensorTiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width);
// The same with tiles in f32, rounded to tf32 as they are multiplied.
std::unique_ptr<AttentionTiles> tf32Tiles(ThreadEmitter &e, const TileSizes &sizes, int64_t width);

} // namespace mblm::cuda

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products on sm_90a: one warp brings tiles by the copy engine (TMA), the threads of the emitter multiply them (wgmma). A ring of
// tiles lies between them; each of its slots has an mbarrier that says it is full, and one that says it is empty.
#pragma once

#include "passes/LowerGPU/TileProduct.h"

namespace mblm::cuda {

// A bf16 matrix in global memory, of which a block takes the outer indices from `first` on; rows of whole 16-byte pieces.
// Tiles beyond its end are filled with zeros.
struct BulkFactor {
  unsigned tensor = 0; // the kernel's pointer
  SymbolicDim offset;  // where it begins behind that, in floats
  SymbolicDim rows;    // in memory
  int64_t columns = 0;
  bool depthInside = true; // as in SharedTile
  mlir::Value first;
};

// Whether the copy engine can bring tiles of such rows.
bool comesInBulk(const Architecture &architecture, mlir::Type element, int64_t columns);

// Depths that a slot of the ring holds.
constexpr int64_t bulkDepth = 64;

// A tile of 64 rows for each 128 threads of the emitter, by `columns` (a multiple of 8, at most 256), over the depths [begin, end);
// where `end` is not the matrices' own, it is a multiple of `bulkDepth` from `begin`. `finish` writes what the multiplying
// threads, and only they, do with their sums.
using BulkFinish = std::function<void(TileProduct &product, mlir::ValueRange sums)>;
void bulkProduct(KernelWriter::Step &step, int64_t columns, const BulkFactor &a, const BulkFactor &b, mlir::Value begin,
                 mlir::Value end, const BulkFinish &finish);

// On warpgroups. Tiles are swizzled, `bulkDepth` deep, and at multiples of 1024 bytes. What zeros() and multiply() give is one
// struct: sums that may be under way still.
std::unique_ptr<TileProduct> warpGroupProduct(ThreadEmitter &e, int64_t rows, int64_t columns);

} // namespace mblm::cuda

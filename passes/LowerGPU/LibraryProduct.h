// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products that a library of the device may compute in the place of kernels. These are there all the same: the library can be
// missing, or refuse.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

enum class Library { Never, WhereItPays, WhereverItFits };

// result = left * right^T + addend + bias, then GELU in its tanh form. Tensors are the op's pointers, as in Kernels.h.
struct LibraryProduct {
  unsigned left = 0, right = 0, result = 0;
  std::optional<unsigned> addend, bias;
  SymbolicDim rows, columns, depth;
  bool leftDepthInside = true, rightDepthInside = true; // as in SharedTile
  mlir::Type element, resultElement;
  bool gelu = false, rounded = false; // f32 factors, to tf32
  size_t firstLaunch = 0; // of the op's: those before it make a factor
  int64_t least = 0;      // rows * columns * depth from which on the library is asked

  // As the runtime reads it (runtime/Gpu/Plan.h); it stands for `launches` of the op's.
  mlir::DictionaryAttr describe(mlir::MLIRContext *context, size_t launches) const;
};

// Where a library computes just what the op says, from rows and weights as they lie in memory, of one type.
std::optional<LibraryProduct> libraryProduct(mlir::Operation *op, Library which, Precision precision);

} // namespace mblm::cuda

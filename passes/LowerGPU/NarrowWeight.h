// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that products read in bf16. Copies of them stand beside the parameters (MBLM_NARROW, runtime/ABI.h) and are made
// again only when these have changed.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"
#include "passes/Memory/Placement.h"

#include <map>

namespace mblm::cuda {

// Neighbouring parameters.
struct NarrowWeight {
  int64_t offset, elements;
  Place place() const { return {MBLM_NARROW, SymbolicDim::constant(offset / 2)}; }
  bool operator<(const NarrowWeight &o) const { return std::tie(offset, elements) < std::tie(o.offset, o.elements); }
};

// What a product reads in the place of `packed`: a pack in bf16, or the weight of a streamed gemm. None where it begins at an odd
// place, in which a kernel could not read 16 bytes at a time.
std::optional<NarrowWeight> narrowWeight(mlir::Value packed, Precision precision);

// Pointers: the weight, its copy. `factor` certainly divides the places of both.
void emitNarrow(KernelWriter &writer, mlir::Location loc, int64_t elements, int64_t factor);

} // namespace mblm::cuda

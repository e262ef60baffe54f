// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime is told of launches, as attributes that become the artifact's metadata (runtime/Gpu/Plan.h).
#pragma once

#include "passes/LowerGPU/KernelWriter.h"
#include "passes/Memory/Placement.h"

namespace mblm::cuda {

// A pointer: the buffer, and how many floats behind its start.
mlir::Attribute pointerAttribute(mlir::Builder &builder, const Place &place);

// `from`: the place in the model. `op`: its number in the function. `arguments`: pointers.
mlir::NamedAttrList launchAttribute(mlir::Builder &builder, const Launch &launch, mlir::Location from, int64_t op,
                                    mlir::Attribute arguments);

} // namespace mblm::cuda

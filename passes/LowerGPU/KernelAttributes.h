// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What functions of a gpu.module say of themselves to those who make code of them.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace mblm::cuda {

// Bytes of dynamic shared memory that a kernel is launched with.
inline constexpr llvm::StringLiteral sharedBytesAttr = "mblm.shared_bytes";
// Positions of the arguments that are tensor maps.
inline constexpr llvm::StringLiteral tensorMapsAttr = "mblm.tensor_maps";

} // namespace mblm::cuda

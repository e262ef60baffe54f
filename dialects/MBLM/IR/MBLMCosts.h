// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the costs of this dialect and of the kernels count alike.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

namespace mblm {

// The number of (query, key) pairs that a mask lets through in one sequence of `length` positions.
double visiblePairs(MaskKind mask, std::optional<uint64_t> block, double length);

// The same where ranges say it, which only the data knows: of a sequence, or of its last positions (`last`), to itself as if causal, else
// as if the longer one was shared out among the shorter one. A bound where windows and documents make it less.
double rangedPairs(double queries, double keys, bool last);

} // namespace mblm

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bases of the polynomials that `mblm.ngram_rows` hashes with (BLT's).
#pragma once

#include <cstdint>

namespace mblm {

constexpr int64_t ngramPrimes[] = {1000000007, 5915587277, 1500450271, 3267000013, 5754853343, 4093082899,
                                   9576890767, 3628273133, 2860486313, 5463458053, 3367900313};

} // namespace mblm

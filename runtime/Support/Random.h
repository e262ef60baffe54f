// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011): a value depends on a key and a counter alone, so
// any element of any draw can be computed on its own, in any order and on any number of threads.
#pragma once

#include <array>
#include <cstdint>

namespace mblm::rt {

using PhiloxBlock = std::array<uint32_t, 4>;

PhiloxBlock philox(const PhiloxBlock &counter, const std::array<uint32_t, 2> &key);

// What a draw is for. Keeps the streams of one seed apart.
enum class Stream : uint32_t { Init = 1, Window = 2, Sample = 3, Dropout = 4, Mask = 5 };

// Block `index` of the stream's draw (a, b); b must stay below 2^24.
PhiloxBlock randomBlock(uint64_t seed, Stream stream, uint64_t index, uint32_t a, uint32_t b);

// In [0, 1), with 24 bits.
inline float unitFloat(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }
// In [0, n): the high half of a 64 by 64 bit product.
inline uint64_t below(uint32_t high, uint32_t low, uint64_t n) {
  return uint64_t((static_cast<unsigned __int128>(uint64_t(high) << 32 | low) * n) >> 64);
}

} // namespace mblm::rt

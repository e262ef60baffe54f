// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Philox: ten rounds of two 32-bit multiplications, with the key moved on by the golden ratio and sqrt(3) - 1.
#include "runtime/Support/Random.h"

namespace mblm::rt {

PhiloxBlock philox(const PhiloxBlock &counter, const std::array<uint32_t, 2> &key) {
  PhiloxBlock c = counter;
  uint32_t k0 = key[0];
  uint32_t k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53u) * c[0];
    uint64_t p1 = uint64_t(0xCD9E8D57u) * c[2];
    c = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k1, uint32_t(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

PhiloxBlock randomBlock(uint64_t seed, Stream stream, uint64_t index, uint32_t a, uint32_t b) {
  return philox({uint32_t(index), uint32_t(index >> 32), a, b | uint32_t(stream) << 24},
                {uint32_t(seed), uint32_t(seed >> 32)});
}

} // namespace mblm::rt

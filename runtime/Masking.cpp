// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Masking.h"

#include "runtime/Support/Random.h"

namespace mblm::rt {

Ids MaskedIds::of(const ModelInfo &info, const Ids &ids, const Chooses &chooses) {
  int64_t total = ids.batch * ids.length;
  masked.assign(ids.ids, ids.ids + total);
  visible.assign(size_t(total), 0);
  chosen = 0;
  for (int64_t i = 0; i < total; ++i) {
    bool counts = !ids.mask || ids.mask[i] != 0;
    if (counts && chooses(i / ids.length, i % ids.length)) {
      masked[size_t(i)] = int32_t(info.maskToken);
      visible[size_t(i)] = 1;
      ++chosen;
    }
  }
  Ids result = ids;
  result.ids = masked.data();
  result.targets = ids.ids;
  result.visible = visible.data();
  return result;
}

bool drawsMask(const ModelInfo &info, uint64_t seed, uint64_t index, uint32_t a, uint32_t b) {
  uint32_t word = randomBlock(seed, Stream::Mask, index / 4, a, b)[index % 4];
  return unitFloat(word) < float(info.maskProbability);
}

} // namespace mblm::rt

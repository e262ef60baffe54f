// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which bytes a masked model has to guess. As the reference's trainer has it, attention sees the masked positions and no others
// (above the bytes: the patches that have one), and they alone count in the loss.
#pragma once

#include "runtime/Model.h"

#include <functional>
#include <vector>

namespace mblm::rt {

// Sequences with some ids masked. Buffers are kept from one use to the next.
class MaskedIds {
public:
  // Decides about an id by its place.
  using Chooses = std::function<bool(int64_t sequence, int64_t position)>;
  // `ids` with the model's token where it `chooses`, but for those whose `ids.mask` is 0; what they were as targets, the chosen ones
  // visible. Valid until the next call.
  Ids of(const ModelInfo &info, const Ids &ids, const Chooses &chooses);
  int64_t count() const { return chosen; } // of the last call

private:
  std::vector<int32_t> masked, visible;
  int64_t chosen = 0;
};

// Whether a draw masks number `index` of (a, b), with the model's probability.
bool drawsMask(const ModelInfo &info, uint64_t seed, uint64_t index, uint32_t a, uint32_t b);

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small random models, weights and bytes: what differential tests feed to two executors of the same program. All of it
// follows from the seed alone.
#pragma once

#include "compiler/Spec/Spec.h"
#include "runtime/Program.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mblm::fuzz {

// A valid spec of 1 to 4 stages of those kinds of block, with any option of the format; a few thousand parameters.
spec::Spec randomSpec(uint64_t seed, const std::vector<spec::Block> &blocks = {
                                         spec::Block::Transformer, spec::Block::Mamba1, spec::Block::Mamba2});

// The same with dropout in all layers, at several rates.
spec::Spec withDropout(spec::Spec spec);

// Models that read sequences whole, of another one's Transformer layers: masked, or with a prefix before its last stage.
spec::Spec asMasked(spec::Spec spec);
spec::Spec withPrefix(spec::Spec spec);

// The spec's JSON, for messages.
std::string describe(const spec::Spec &spec);

struct Inputs {
  int64_t batch, slots;
  std::vector<int32_t> ids;  // [batch, slots * inner], the last slot padded where there is a pad id
  std::vector<float> mask;   // as ids: weights of targets, some zero, zero in the padding
  std::vector<int32_t> targets, visible; // as ids, of masked models: some sequences of every stage see nothing
  std::vector<float> params; // [parameterElements], of a size that keeps activations near one
  std::optional<rt::Draw> draw; // of dropout, for gradients and steps
};
Inputs randomInputs(const rt::ModelInfo &info, uint64_t seed);
Inputs randomInputs(const rt::ModelInfo &info, uint64_t seed, int64_t batch, int64_t slots);

} // namespace mblm::fuzz

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sampling bytes from a model, one at a time.
#pragma once

#include "runtime/Decoder.h"

#include <functional>

namespace mblm::rt {

struct SampleOptions {
  double temperature = 1;      // 0: greedy
  int64_t topK = 0;            // 0: all
  double filterThreshold = -1; // from 0: keep max(int((1 - threshold) * vocab), 1); below: off
  uint64_t seed = 0;
};

// The id for `position` of the sequence. Greedy ties go to the smaller id. Error(Numerics) when a logit is NaN.
int32_t sampleId(const float *logits, int64_t vocab, const SampleOptions &options, uint64_t position);

// Feeds `prompt` to a decoder of one sequence, then appends up to `count` ids; returns the new ones. `onId` sees each at once;
// returning false stops. With `feedLast` the decoder has seen the last new id, too.
std::vector<int32_t> generate(Decoder &decoder, const std::vector<int32_t> &prompt, int64_t count,
                              const SampleOptions &options, const std::function<bool(int32_t)> &onId = {},
                              bool feedLast = false);
// The same from the beginning.
std::vector<int32_t> generate(Model &model, const std::vector<int32_t> &prompt, int64_t count,
                              const SampleOptions &options, const std::function<bool(int32_t)> &onId = {});

// Bytes that a decoder needs room for. Error(BadInput) with the number that fits where `have` bytes and `count` new ones, of which
// the last is not fed back, are beyond the model's limit.
int64_t roomFor(const Model &model, int64_t have, int64_t count);

// Turns ids into text as they come: whole UTF-8 characters only, U+FFFD for broken ones, ids above 255 left out.
class Utf8Stream {
public:
  std::string push(int32_t id);
  std::string finish(); // what an unfinished character leaves

private:
  std::string pending;
};

} // namespace mblm::rt

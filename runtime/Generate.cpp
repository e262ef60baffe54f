// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random numbers are keyed by seed and position: a byte does not depend on how the ones before it were computed.
#include "runtime/Generate.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mblm::rt {

static int64_t keptCount(const SampleOptions &options, int64_t vocab) {
  int64_t kept = options.topK > 0 ? options.topK : vocab;
  if (options.filterThreshold >= 0) {
    kept = std::max<int64_t>(int64_t((1 - options.filterThreshold) * double(vocab)), 1);
  }
  return std::min(kept, vocab);
}

int32_t sampleId(const float *logits, int64_t vocab, const SampleOptions &options, uint64_t position) {
  for (int64_t i = 0; i < vocab; ++i) {
    if (std::isnan(logits[i])) {
      throw Error(Exit::Numerics, "logit " + std::to_string(i) + " at position " + std::to_string(position) +
                                      " is NaN; the weights may have diverged");
    }
  }
  if (options.temperature == 0) {
    return int32_t(std::max_element(logits, logits + vocab) - logits);
  }
  std::vector<int32_t> order(vocab);
  std::iota(order.begin(), order.end(), 0);
  int64_t kept = keptCount(options, vocab);
  auto better = [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), better);
  int32_t best = order[0];
  double bestScore = -INFINITY;
  for (int64_t i = 0; i < kept; ++i) {
    int32_t id = order[i];
    PhiloxBlock random =
        randomBlock(options.seed, Stream::Sample, uint64_t(id) / 4, uint32_t(position), uint32_t(position >> 32));
    double u = std::max<double>(unitFloat(random[id % 4]), 1e-20);
    double score = logits[id] / options.temperature - std::log(std::max(-std::log(u), 1e-20)); // Gumbel noise
    if (score > bestScore) {
      best = id;
      bestScore = score;
    }
  }
  return best;
}

static void checkOptions(const SampleOptions &options, int64_t count) {
  if (!(options.temperature >= 0) || std::isinf(options.temperature)) {
    throw Error(Exit::BadInput, "temperature expects a number from 0, got " + std::to_string(options.temperature));
  }
  if (options.filterThreshold > 1 || std::isnan(options.filterThreshold)) {
    throw Error(Exit::BadInput,
                "filter threshold expects a number from 0 to 1, got " + std::to_string(options.filterThreshold));
  }
  if (count < 0 || options.topK < 0) {
    throw Error(Exit::BadInput, "the number of bytes and top-k expect numbers from 0, got " + std::to_string(count) +
                                    " and " + std::to_string(options.topK));
  }
}

int64_t roomFor(const Model &model, int64_t have, int64_t count) {
  bool forgets = model.info().prefix > 0; // what is beyond the limit
  if (model.longest() > 0 && !forgets && count > 0 && count - 1 > model.longest() - have) {
    throw Error(Exit::BadInput,
                "a prompt of " + std::to_string(have) + " bytes and " + std::to_string(count) +
                    " new ones exceed the model's limit of " + std::to_string(model.longest()) + " bytes; at most " +
                    std::to_string(std::max<int64_t>(0, model.longest() - have + 1)) + " can be generated");
  }
  return std::max<int64_t>(1, have + std::max<int64_t>(0, count - 1));
}

std::vector<int32_t> generate(Decoder &decoder, const std::vector<int32_t> &prompt, int64_t count,
                              const SampleOptions &options, const std::function<bool(int32_t)> &onId, bool feedLast) {
  checkOptions(options, count);
  if (!prompt.empty()) {
    decoder.feed(prompt.data(), int64_t(prompt.size()));
  }
  std::vector<int32_t> ids;
  while (int64_t(ids.size()) < count) {
    Rows rows = decoder.logits();
    int32_t id = sampleId(rows.data, rows.width, options, uint64_t(decoder.length()));
    ids.push_back(id);
    bool stopped = onId && !onId(id);
    bool ends = stopped || int64_t(ids.size()) == count;
    if (!ends || feedLast) {
      decoder.feed(&id, 1);
    }
    if (ends) {
      break;
    }
  }
  return ids;
}

std::vector<int32_t> generate(Model &model, const std::vector<int32_t> &prompt, int64_t count,
                              const SampleOptions &options, const std::function<bool(int32_t)> &onId) {
  checkOptions(options, count);
  std::unique_ptr<Decoder> decoder = makeDecoder(model, 1, roomFor(model, int64_t(prompt.size()), count));
  return generate(*decoder, prompt, count, options, onId);
}

static const std::string replacement = "\xEF\xBF\xBD";

// Bytes that a character starting with `lead` has; 0: none starts so.
static size_t characterBytes(unsigned char lead) {
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xC2 || lead > 0xF4) { // continuation, overlong, or beyond U+10FFFF
    return 0;
  }
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// Whether `next` may be byte number `at` (from 1) of a character starting with `lead`.
static bool continues(unsigned char lead, size_t at, unsigned char next) {
  if ((next & 0xC0) != 0x80) {
    return false;
  }
  if (at > 1) {
    return true;
  }
  // No overlong forms, no surrogates, nothing beyond U+10FFFF.
  return !(lead == 0xE0 && next < 0xA0) && !(lead == 0xED && next > 0x9F) && !(lead == 0xF0 && next < 0x90) &&
         !(lead == 0xF4 && next > 0x8F);
}

std::string Utf8Stream::push(int32_t id) {
  if (id < 0 || id > 255) {
    return "";
  }
  auto byte = static_cast<unsigned char>(id);
  std::string out;
  if (!pending.empty()) {
    if (continues(pending[0], pending.size(), byte)) {
      pending += char(byte);
      if (pending.size() == characterBytes(pending[0])) {
        out.swap(pending);
      }
      return out;
    }
    out = finish();
  }
  size_t length = characterBytes(byte);
  if (length == 1) {
    return out + char(byte);
  }
  if (length == 0) {
    return out + replacement;
  }
  pending = char(byte);
  return out;
}

std::string Utf8Stream::finish() {
  bool broken = !pending.empty();
  pending.clear();
  return broken ? replacement : "";
}

} // namespace mblm::rt

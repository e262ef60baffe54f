// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy and random sampling, limits, and text from bytes.
#include "runtime/Generate.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <cmath>
#include <map>

namespace mblm::rt {

using test::BigramProgram;
using test::BigramShape;
using test::expectError;

namespace {

// A bigram model that follows a -> b -> c -> a, from the start to 'a'.
Model cycle(const BigramShape &shape = {}) {
  Model model(std::make_unique<BigramProgram>(shape));
  float *params = model.flat(Flat::Params);
  float *table = params + model.info().parameters[1].offset;
  int64_t v = model.info().vocab;
  params['a'] = 9;
  table['a' * v + 'b'] = 9;
  table['b' * v + 'c'] = 9;
  table['c' * v + 'a'] = 9;
  return model;
}

SampleOptions greedy() {
  SampleOptions options;
  options.temperature = 0;
  return options;
}

std::string decode(const std::string &bytes) {
  Utf8Stream stream;
  std::string text;
  for (unsigned char c : bytes) {
    text += stream.push(c);
  }
  return text + stream.finish();
}

} // namespace

TEST(Generate, GreedyFromPromptAndFromNothing) {
  Model model = cycle();
  EXPECT_EQ(generate(model, {'b'}, 5, greedy()), (std::vector<int32_t>{'c', 'a', 'b', 'c', 'a'}));
  EXPECT_EQ(generate(model, {}, 3, greedy()), (std::vector<int32_t>{'a', 'b', 'c'}));
  EXPECT_TRUE(generate(model, {'b'}, 0, greedy()).empty());
}

TEST(Generate, CallbackStops) {
  Model model = cycle();
  int seen = 0;
  std::vector<int32_t> ids = generate(model, {'a'}, 100, greedy(), [&](int32_t) { return ++seen < 4; });
  EXPECT_EQ(ids.size(), 4u);
}

TEST(Generate, LimitIsNamedBeforeAnythingRuns) {
  BigramShape shape;
  shape.maxSlots = 2; // 8 bytes
  Model model = cycle(shape);
  EXPECT_EQ(generate(model, {'a', 'b'}, 7, greedy()).size(), 7u);
  expectError(Exit::BadInput, "a prompt of 2 bytes and 8 new ones exceed the model's limit of 8 bytes; at most 7", [&] {
    generate(model, {'a', 'b'}, 8, greedy());
  });
}

TEST(Generate, SameSeedSameBytes) {
  Model model = cycle();
  SampleOptions options;
  options.temperature = 3;
  options.seed = 5;
  std::vector<int32_t> first = generate(model, {'a'}, 40, options);
  EXPECT_EQ(first, generate(model, {'a'}, 40, options));
  options.seed = 6;
  EXPECT_NE(first, generate(model, {'a'}, 40, options));
}

TEST(Generate, SamplesFollowTheDistribution) {
  std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f), -30};
  std::map<int32_t, int> counts;
  int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    ++counts[sampleId(logits.data(), 4, SampleOptions(), i)];
  }
  EXPECT_NEAR(counts[0] / double(draws), 0.5, 0.015);
  EXPECT_NEAR(counts[1] / double(draws), 0.3, 0.015);
  EXPECT_NEAR(counts[2] / double(draws), 0.2, 0.015);
  SampleOptions top;
  top.topK = 2;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(sampleId(logits.data(), 4, top, i), 2);
  }
}

TEST(Generate, FilterThresholdTruncatesLikeTheReferences) {
  std::vector<float> equal(256, 1.0f);
  auto largest = [&](double threshold) {
    SampleOptions options;
    options.filterThreshold = threshold;
    int32_t most = 0;
    for (int i = 0; i < 3000; ++i) {
      most = std::max(most, sampleId(equal.data(), 256, options, i));
    }
    return most;
  };
  EXPECT_EQ(largest(0.9), 24);  // k = 25; equal logits are kept in order of their ids
  EXPECT_EQ(largest(0.99), 1);  // k = 2
  EXPECT_EQ(largest(0.997), 0); // k = 1
  EXPECT_EQ(largest(1.0), 0);
}

TEST(Generate, BadOptionsAndLogits) {
  std::vector<float> logits = {0, NAN};
  expectError(Exit::Numerics, "logit 1 at position 3 is NaN", [&] { sampleId(logits.data(), 2, greedy(), 3); });
  Model model = cycle();
  SampleOptions options;
  options.temperature = -1;
  expectError(Exit::BadInput, "temperature", [&] { generate(model, {}, 1, options); });
  options.temperature = 1;
  options.filterThreshold = 1.5;
  expectError(Exit::BadInput, "filter threshold", [&] { generate(model, {}, 1, options); });
}

TEST(Utf8Stream, WholeCharactersOnly) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push(0xC3), "");
  EXPECT_EQ(stream.push(256), "") << "special ids leave a pending character alone";
  EXPECT_EQ(stream.push(0xA9), "\xC3\xA9");
  EXPECT_EQ(decode("\xF0\x9F\x98\x80!"), "\xF0\x9F\x98\x80!");
}

TEST(Utf8Stream, BrokenBytesBecomeReplacements) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(decode("\x80"), r);
  EXPECT_EQ(decode("\xC3"), r);
  EXPECT_EQ(decode("\xC3x"), r + "x");
  EXPECT_EQ(decode("\xC0\xAF"), r + r);                 // overlong
  EXPECT_EQ(decode("\xED\xA0\x80"), r + r + r);         // surrogate
  EXPECT_EQ(decode("\xF4\x90\x80\x80"), r + r + r + r); // beyond U+10FFFF
  EXPECT_EQ(decode("\xE2\x82\xC3\xA9"), r + "\xC3\xA9");
}

} // namespace mblm::rt

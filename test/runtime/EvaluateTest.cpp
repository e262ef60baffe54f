// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every byte counts once, whatever the windows.
#include "runtime/Evaluate.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <cmath>

namespace mblm::rt {

using test::BigramProgram;
using test::BigramShape;
using test::expectError;
using test::TestFolder;

// All logits zero: every byte costs log2(vocab) bits.
TEST(Evaluate, UniformModelCostsItsVocabulary) {
  TestFolder folder;
  Data data(folder.write("text", "one two  three\nfour five"));
  Model model(std::make_unique<BigramProgram>());
  for (int64_t window : {1, 3, 4, 7, 100}) {
    for (int64_t batch : {1, 3}) {
      EvalResult result = evaluate(model, data, data.all(), {window, batch, 0});
      EXPECT_EQ(result.bytes, data.size());
      EXPECT_EQ(result.words, 5);
      EXPECT_NEAR(result.bitsPerByte(), std::log2(257.0), 1e-5) << "window " << window;
      EXPECT_NEAR(std::log(result.wordPerplexity()), std::log(257.0) * double(data.size()) / 5, 1e-3);
    }
  }
  EXPECT_EQ(evaluate(model, data, data.all(), {4, 1, 10}).bytes, 10);
}

// A bigram looks back one byte only, so overlapping windows give the sum over the whole text.
TEST(Evaluate, WithoutStartTokenWindowsOverlapByOne) {
  TestFolder folder;
  Data data(folder.write("text", "the cat sat on the mat"));
  BigramShape shape;
  shape.startToken = false;
  shape.inner = 1;
  shape.pad.reset();
  Model model(std::make_unique<BigramProgram>(shape));
  model.initialize(3);
  EvalResult whole = evaluate(model, data, data.all(), {1000, 1, 0});
  EXPECT_EQ(whole.bytes, data.size() - 1);
  EXPECT_EQ(whole.words, 6);
  for (int64_t window : {2, 5, 21}) {
    EvalResult parts = evaluate(model, data, data.all(), {window, 2, 0});
    EXPECT_EQ(parts.bytes, whole.bytes);
    EXPECT_EQ(parts.words, whole.words);
    EXPECT_NEAR(parts.nats, whole.nats, 1e-4) << "window " << window;
  }
  Data one(folder.write("one", "x"));
  expectError(Exit::BadInput, "needs at least 2 bytes, got 1", [&] { evaluate(model, one, one.all()); });
}

TEST(Evaluate, PadValueIsNoTarget) {
  TestFolder folder;
  Data data(folder.write("text", std::string("a\0b", 3)));
  BigramShape shape;
  shape.vocab = 256;
  shape.pad = 0;
  Model model(std::make_unique<BigramProgram>(shape));
  EvalResult result = evaluate(model, data, data.all());
  EXPECT_EQ(result.bytes, 2);
  EXPECT_NEAR(result.bitsPerByte(), 8, 1e-6);
}

// A bigram that is sure of the next letter of the alphabet; "ba" fools it, and so does the beginning.
TEST(Evaluate, AccuracyCountsTheHighestLogit) {
  TestFolder folder;
  Model model(std::make_unique<BigramProgram>());
  const Parameter &table = model.info().parameters[1];
  float *params = model.flat(Flat::Params);
  for (int64_t id = 0; id + 1 < 257; ++id) {
    params[table.offset + id * 257 + id + 1] = 1;
  }
  Data data(folder.write("text", "abcdabcd"));
  for (int64_t window : {2, 3, 4, 8, 100}) {
    for (int64_t batch : {1, 3}) {
      Accuracy found = accuracy(model, data, data.all(), {window, batch, 0});
      EXPECT_EQ(found.targets, 8);
      int64_t hits = 0; // a window's first byte is guessed from nothing
      for (int64_t i : {1, 2, 3, 5, 6, 7}) {
        hits += i % window != 0;
      }
      EXPECT_EQ(found.hits, hits) << "window " << window;
    }
  }
  EXPECT_EQ(accuracy(model, data, data.all(), {8, 1, 4}).hits, 3);
  params['a'] = 1; // of the start row
  EXPECT_EQ(accuracy(model, data, data.all(), {8, 1, 4}).hits, 4);
  params[table.offset + 'a' * 257 + 'A'] = 1; // as high as 'b', and lower
  EXPECT_EQ(accuracy(model, data, data.all(), {8, 1, 4}).hits, 3);
  params[table.offset + 'b' * 257 + 'z'] = NAN;
  expectError(Exit::Numerics, "position 2 is NaN", [&] { accuracy(model, data, data.all()); });
}
TEST(Evaluate, AccuracyOfRecordedBatchesCountsTheMask) {
  TestFolder folder;
  std::vector<int32_t> ids = {5, 6, 9, 256, /**/ 1, 2, 3, 4, /**/ 7, 7, 7, 8, /**/ 0, 1, 1, 2};
  std::vector<float> mask = {1, 1, 0.5f, 1, /**/ 0, 0, 0, 0, /**/ 0, -1, 0, 1, /**/ 0, 1, 0, 0};
  writeSafetensors(folder / "b",
                   {{"ids", {2, 2, 4}, ids.data(), DType::I32}, {"loss_mask", {2, 2, 4}, mask.data(), DType::F32}});
  writeSafetensors(folder / "all", {{"ids", {2, 2, 4}, ids.data(), DType::I32}});
  writeSafetensors(folder / "flat", {{"ids", {4, 4}, ids.data(), DType::I32}});
  for (bool startToken : {true, false}) {
    BigramShape shape;
    shape.startToken = startToken;
    Model model(std::make_unique<BigramProgram>(shape));
    const Parameter &table = model.info().parameters[1];
    for (int64_t id = 0; id + 1 < 257; ++id) {
      model.flat(Flat::Params)[table.offset + id * 257 + id + 1] = 1;
    }
    for (int64_t batch : {1, 3, 4}) {
      Accuracy found = accuracy(model, readBatches(folder / "b"), {0, batch, 0});
      EXPECT_EQ(found.targets, startToken ? 6 : 5);
      EXPECT_EQ(found.hits, 3);
      found = accuracy(model, readBatches(folder / "all"), {0, batch, 0});
      EXPECT_EQ(found.targets, startToken ? 15 : 11);
      EXPECT_EQ(found.hits, startToken ? 8 : 7); // id 0, all logits equal
    }
  }
  expectError(Exit::BadInput, "has shape [4, 4], expected [steps * accumulate, batch, length]",
              [&] { readBatches(folder / "flat"); });
}

} // namespace mblm::rt

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

} // namespace mblm::rt

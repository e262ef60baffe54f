// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decoder's loop over the stages, by what a bigram's stages have seen; its limits; states on disk, own and foreign.
// (Whether steps are right, test/fuzz asks.)
#include "runtime/Decoder.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <numeric>

namespace mblm::rt {

using test::BigramProgram;
using test::BigramShape;
using test::expectError;
using test::TestFolder;

namespace {

Model bigram(const BigramShape &shape = {}) {
  Model model(std::make_unique<BigramProgram>(shape));
  model.initialize(3);
  return model;
}

std::vector<int32_t> counting(int64_t count) {
  std::vector<int32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 1);
  return ids;
}

std::vector<float> copyOf(const Rows &rows) { return {rows.data, rows.data + rows.batch * rows.rows * rows.width}; }

int64_t callsOf(Model &model) { return static_cast<BigramProgram &>(model.getProgram()).calls; }

} // namespace

TEST(Decoder, LogitsAreThoseOfForward) {
  Model model = bigram();
  std::vector<int32_t> ids = counting(22); // 2 x 11
  Rows whole = model.forward({2, 11, ids.data(), nullptr});
  std::vector<float> last;
  for (int64_t b = 0; b < 2; ++b) {
    const float *row = whole.data + (b * 11 + 10) * 257;
    last.insert(last.end(), row, row + 257);
  }
  std::unique_ptr<Decoder> decoderOwner = makeDecoder(model, 2, 11);
  Decoder &decoder = *decoderOwner;
  EXPECT_EQ(copyOf(decoder.logits()), copyOf(model.empty(2))) << "nothing was fed";
  EXPECT_EQ(copyOf(decoder.feed(ids.data(), 11)), last);
  EXPECT_EQ(decoder.length(), 11);
}

TEST(Decoder, StagesBelowRunOverTheOpenSlotOnly) {
  Model model = bigram();
  std::vector<int32_t> ids = counting(9);
  std::unique_ptr<Decoder> decoderOwner = makeDecoder(model, 1, 9);
  Decoder &decoder = *decoderOwner;
  int64_t before = callsOf(model);
  decoder.feed(ids.data(), 9);
  // The outer stage's start vector and two slots of four bytes; the local one's start vector and the last byte.
  EXPECT_EQ(callsOf(model) - before, 3 + 2);
  decoder.reset();
  before = callsOf(model);
  for (int64_t i = 0; i < 8; ++i) {
    decoder.feed(ids.data() + i, 1);
  }
  // The second patch is full, but is closed by the byte behind it.
  EXPECT_EQ(callsOf(model) - before, 2 + 2 + 8);
  decoder.feed(ids.data() + 8, 1);
  EXPECT_EQ(callsOf(model) - before, 3 + 3 + 9);
}

TEST(Decoder, LongPromptsGoInByPieces) {
  BigramShape shape;
  shape.maxLength = 400;
  Model model = bigram(shape);
  std::vector<int32_t> ids(4 * 130 + 1, 7);
  std::unique_ptr<Decoder> decoderOwner = makeDecoder(model, 1, int64_t(ids.size()));
  Decoder &decoder = *decoderOwner;
  int64_t before = callsOf(model);
  decoder.feed(ids.data(), int64_t(ids.size()));
  EXPECT_EQ(callsOf(model) - before, 1 + 2 + 2 + 1 + 1); // start, twice 64 slots, two more; start, byte
}

TEST(Decoder, Limits) {
  BigramShape shape;
  shape.maxSlots = 2;
  Model model = bigram(shape);
  expectError(Exit::BadInput, "length 9 needs 3 outermost slots of 4 bytes, but model 'bigram' takes at most 2 (8 bytes)",
              [&] { makeDecoder(model, 1, 9); });
  expectError(Exit::BadInput, "at least one sequence of at least one byte, got [0, 4]", [&] { makeDecoder(model, 0, 4); });
  std::unique_ptr<Decoder> decoderOwner = makeDecoder(model, 1, 5);
  Decoder &decoder = *decoderOwner;
  std::vector<int32_t> ids = counting(6);
  decoder.feed(ids.data(), 3);
  expectError(Exit::BadInput, "expected 1 to 2 bytes behind the 3 that are there, got 3", [&] { decoder.feed(ids.data(), 3); });
  ids[1] = 300;
  expectError(Exit::BadInput, "ids[0, 1] is 300", [&] { decoder.feed(ids.data(), 2); });
  ids[1] = 2;
  decoder.feed(ids.data(), 2); // the refused calls changed nothing
  EXPECT_EQ(decoder.length(), 5);
}

TEST(Decoder, StatesOfOthersAreRefused) {
  TestFolder folder;
  std::vector<int32_t> ids = counting(12);
  Model model = bigram();
  std::unique_ptr<Decoder> decoderOwner = makeDecoder(model, 2, 6);
  Decoder &decoder = *decoderOwner;
  decoder.feed(ids.data(), 6);
  decoder.save(folder / "state");
  EXPECT_EQ(Decoder::savedLength(folder / "state"), 6);

  std::unique_ptr<Decoder> againOwner = makeDecoder(model, 2, 10);
  Decoder &again = *againOwner;
  again.load(folder / "state");
  EXPECT_EQ(copyOf(again.logits()), copyOf(decoder.logits()));
  again.feed(ids.data(), 2);

  std::unique_ptr<Decoder> singleOwner = makeDecoder(model, 1, 10);
  Decoder &single = *singleOwner;
  std::unique_ptr<Decoder> smallOwner = makeDecoder(model, 2, 5);
  Decoder &small = *smallOwner;
  expectError(Exit::BadInput, "holds 2 sequences of 6 bytes; expected 1 of at most 10", [&] { single.load(folder / "state"); });
  expectError(Exit::BadInput, "expected 2 of at most 5", [&] { small.load(folder / "state"); });

  BigramShape shape;
  shape.vocab = 300;
  shape.pad = 299;
  Model wider = bigram(shape);
  std::unique_ptr<Decoder> otherOwner = makeDecoder(wider, 2, 6);
  Decoder &other = *otherOwner;
  expectError(Exit::Integrity, "belongs to another spec (model 'bigram', this is 'bigram')", [&] { other.load(folder / "state"); });
  model.flat(Flat::Params)[3] += 1;
  expectError(Exit::Integrity, "was made with other weights", [&] { again.load(folder / "state"); });

  float zero = 0;
  writeSafetensors(folder / "old", {{"x", {1}, &zero, DType::F32}}, {{"format", "mblm-state"}, {"version", "0"}});
  expectError(Exit::Integrity, "is no state of version 1, but of format 'mblm-state' and version '0'",
              [&] { again.load(folder / "old"); });
  writeSafetensors(folder / "weights", {{"x", {1}, &zero, DType::F32}});
  expectError(Exit::Integrity, "is no state of version 1", [&] { Decoder::savedLength(folder / "weights"); });
}

} // namespace mblm::rt

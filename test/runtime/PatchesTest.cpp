// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patch borders, packing and ids against what BLT's reference recorded, and one id at a time against whole rows.
#include "runtime/Patches.h"

#include "runtime/Support/Random.h"
#include "runtime/Tokenizer.h"
#include "test/runtime/RecordedPatches.h"
#include "test/runtime/TestFiles.h"

#include <numeric>

namespace mblm::rt {

using Json = nlohmann::json;
using test::expectError;
using test::Rows;
using test::rowsOf;
using test::textOfCase;
using Mode = PatchRule::Mode;

template <typename T>
static std::vector<T> flat(const Json &rows) {
  std::vector<T> all;
  for (const Json &row : rows) {
    for (const Json &value : row) {
      all.push_back(value.get<T>());
    }
  }
  return all;
}

TEST(Patches, EveryRecordedPatching) {
  size_t compared = 0;
  for (const test::Patching &each : test::recordedPatchings()) {
    PatchLengths lengths = patchRows(each.rule, each.ids.data(), each.entropies.data(), each.batch, each.length, each.next);
    if (each.lengths.empty()) {
      for (const std::vector<int32_t> &row : rowsOf(lengths)) {
        EXPECT_EQ(std::accumulate(row.begin(), row.end(), int64_t(0)), each.length + each.next);
      }
      continue;
    }
    EXPECT_EQ(rowsOf(lengths), each.lengths) << each.what;
    ++compared;
    if (each.next) { // without the next id all else is the same, but for a delimiter that comes last
      EXPECT_EQ(rowsOf(withoutNext(lengths)),
                rowsOf(patchRows(each.rule, each.ids.data(), each.entropies.data(), each.batch, each.length, false)))
          << each.what;
    }
  }
  EXPECT_EQ(compared, 225u + 144u);
}

TEST(Patches, FixedBudget) {
  const Json recorded = Json::parse(textOfCase("d02_patching"));
  for (const Json &each : recorded["fixed_budget"]) {
    for (size_t row = 0; row < each["entropies"].size(); ++row) {
      auto entropies = each["entropies"][row].get<std::vector<float>>();
      std::vector<uint8_t> starts = budgetStarts(entropies.data(), int64_t(entropies.size()), each["patch_size"], true);
      std::vector<int64_t> found;
      for (size_t i = 0; i < starts.size(); ++i) {
        if (starts[i] != 0) {
          found.push_back(int64_t(i));
        }
      }
      EXPECT_EQ(found, each["start_ids"][row].get<std::vector<int64_t>>());
    }
  }
}

// What the reference cut at each step of a generation is what was said id by id.
TEST(Patches, StepsOfARecordedGeneration) {
  const Json recorded = Json::parse(textOfCase("d16_generate"))["space_batch"];
  PatchRule rule;
  rule.mode = Mode::Space;
  size_t shortest = SIZE_MAX, compared = 0;
  for (const Json &prompt : recorded["prompt_ids"]) {
    shortest = std::min(shortest, prompt.size());
  }
  for (size_t row = 0; row < recorded["prompt_ids"].size(); ++row) {
    auto ids = recorded["prompt_ids"][row].get<std::vector<int32_t>>();
    for (int32_t id : recorded["generated_ids"][row]) {
      ids.push_back(id);
    }
    Patcher patcher(rule);
    std::vector<uint8_t> starts = {1};
    for (size_t length = 1; length <= ids.size(); ++length) {
      starts.push_back(patcher.feed(ids[length - 1]));
      const Json &steps = recorded["patch_lengths_per_step"];
      if (length >= shortest && length - shortest < steps.size()) {
        auto expected = steps[length - shortest][row].get<std::vector<int32_t>>();
        expected.erase(std::find(expected.begin(), expected.end(), 0), expected.end());
        EXPECT_EQ(lengthsOf(starts), expected) << row << ", " << length;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 40u);
}

// Ids and entropies with many words, marks and borders.
static void drawRow(uint64_t seed, std::vector<int32_t> &ids, std::vector<float> &entropies) {
  const int32_t alphabet[] = {0, 1, 2, 3, 3, 36, 36, 50, 60, 105, 110, 115, 200, 150, 230, 37};
  for (size_t i = 0; i < ids.size(); ++i) {
    PhiloxBlock bits = randomBlock(seed, Stream::Sample, i, 7, 0);
    ids[i] = alphabet[below(bits[0], bits[1], std::size(alphabet))];
    entropies[i] = 4 * unitFloat(bits[2]);
  }
}

TEST(Patches, OneIdAtATimeSaysTheSame) {
  uint64_t seed = 0;
  for (Mode mode : {Mode::Static, Mode::Byte, Mode::Space, Mode::Entropy, Mode::Bpe}) {
    for (int variant = 0; variant < 24; ++variant) {
      PatchRule rule;
      rule.mode = mode;
      rule.size = 1 + variant % 5;
      rule.lead = variant % 2 == 0 ? 0 : rule.size - 1;
      rule.firstAlone = variant % 3 == 0;
      rule.threshold = mode == Mode::Entropy && variant % 4 == 1 ? 0.5f : 2;
      rule.monotonic = variant % 4 == 1;
      if (variant % 4 >= 2) {
        rule.thresholdAdd = 0.25f;
      }
      rule.maxLength = variant % 6 < 3 ? 0 : variant % 6;
      std::vector<int32_t> ids(60);
      std::vector<float> entropies(60);
      drawRow(++seed, ids, entropies);
      ids.back() = 40; // where the last id is a delimiter, the reference says less
      std::vector<uint8_t> whole = patchStarts(rule, ids.data(), entropies.data(), 60, true), fed = {1};
      Patcher patcher(rule);
      for (size_t i = 0; i < ids.size(); ++i) {
        EXPECT_EQ(patcher.position(), int64_t(i));
        fed.push_back(patcher.feed(ids[i], entropies[i]));
      }
      EXPECT_EQ(fed, whole) << int(mode) << ", " << variant;
      std::vector<uint8_t> known = patchStarts(rule, ids.data(), entropies.data(), 60, false);
      EXPECT_EQ(known, std::vector<uint8_t>(whole.begin(), whole.end() - 1));
    }
  }
}

TEST(Patches, StaticPatchesAsModelsNeedThem) {
  PatchRule rule;
  rule.mode = Mode::Static;
  rule.size = 4;
  std::vector<int32_t> ids(11, 40);
  auto lengths = [&] { return lengthsOf(patchStarts(rule, ids.data(), nullptr, 11, true)); };
  EXPECT_EQ(lengths(), (std::vector<int32_t>{4, 4, 4}));
  rule.firstAlone = true; // as packing makes it
  EXPECT_EQ(lengths(), (std::vector<int32_t>{1, 3, 4, 4}));
  rule.lead = 3; // as MegaByte has it
  EXPECT_EQ(lengths(), (std::vector<int32_t>{1, 4, 4, 3}));
}

TEST(Patches, ShortRows) {
  PatchRule rule;
  rule.mode = Mode::Entropy;
  const int32_t id = 40;
  const float entropy = 0;
  EXPECT_EQ(lengthsOf(patchStarts(rule, &id, &entropy, 0, true)), std::vector<int32_t>{1});
  EXPECT_EQ(lengthsOf(patchStarts(rule, &id, &entropy, 0, false)), std::vector<int32_t>());
  EXPECT_EQ(lengthsOf(patchStarts(rule, &id, &entropy, 1, false)), std::vector<int32_t>{1});
  EXPECT_EQ(lengthsOf(patchStarts(rule, &id, &entropy, 1, true)), (std::vector<int32_t>{1, 1}));
  EXPECT_EQ(lengthsOf(budgetStarts(&entropy, 1, 4, true)), (std::vector<int32_t>{1, 1}));
}

TEST(Patches, ColumnsOfZerosGo) {
  PatchLengths lengths = trimmed({1, 2, 0, 0, 1, 1, 1, 0}, 2);
  EXPECT_EQ(rowsOf(lengths), (Rows{{1, 2, 0}, {1, 1, 1}}));
  EXPECT_EQ(rowsOf(withoutNext(lengths)), (Rows{{1, 1}, {1, 1}}));
  EXPECT_EQ(rowsOf(trimmed({1, 1, 2, 0}, 2)), (Rows{{1, 1}, {2, 0}}));
}

TEST(Patches, Refusals) {
  PatchRule rule;
  const int32_t id = 40;
  expectError(Exit::BadInput, "expected 'patch_lengths' with the ids", [&] { Patcher patcher(rule); });
  rule.mode = Mode::Static;
  expectError(Exit::BadInput, "static patches of 0 bytes; expected at least 1", [&] { Patcher patcher(rule); });
  rule.mode = Mode::Entropy;
  expectError(Exit::BadInput, "need the entropies", [&] { patchStarts(rule, &id, nullptr, 1, true); });
  expectError(Exit::BadInput, "expected at least 1", [&] { budgetStarts(nullptr, 0, 0, true); });
}

TEST(Patches, WhatAModelNeeds) {
  auto check = [](std::vector<int32_t> lengths, int64_t batch, int64_t length) {
    checkPatchLengths(lengths.data(), batch, int64_t(lengths.size()) / std::max<int64_t>(batch, 1), length);
  };
  check({1, 4, 1, 1, 5, 0}, 2, 5);
  expectError(Exit::BadInput, "patch_lengths[1, 0] is 2; expected 1", [&] { check({1, 3, 2, 2}, 2, 3); });
  expectError(Exit::BadInput, "patch_lengths[0, 2] is 3 behind a 0", [&] { check({1, 0, 3}, 1, 3); });
  expectError(Exit::BadInput, "patch_lengths[0, 1] is -1", [&] { check({1, -1, 4}, 1, 3); });
  expectError(Exit::BadInput, "row 1 of patch_lengths sums to 3; expected 4, the ids and the next one", [&] {
    check({1, 3, 1, 2}, 2, 3);
  });
  expectError(Exit::BadInput, "has no patches", [&] { check({}, 1, 3); });
}

TEST(Packing, EveryRecordedBatch) {
  const Json recorded = Json::parse(textOfCase("d17_packing"));
  int64_t batch = recorded["batch_size"];
  std::vector<PatchedSequence> sequences;
  for (const Json &each : recorded["sequences"]) {
    sequences.push_back(
        {each["tokens"].get<std::vector<int32_t>>(), each["patch_lengths"].get<std::vector<int32_t>>()});
  }
  for (const Json &each : recorded["cases"]) {
    auto from = sequences.begin();
    for (const Json &expected : each["batches"]) {
      auto to = from + std::min<ptrdiff_t>(batch, sequences.end() - from);
      PatchedBatch packed = packPatches({from, to}, batch, each["max_length"], each["pad_to_max_length"]);
      from = to;
      EXPECT_EQ(packed.ids, flat<int32_t>(expected["x"]));
      EXPECT_EQ(packed.targets, flat<int32_t>(expected["y"]));
      EXPECT_EQ(packed.mask, flat<float>(expected["mask"]));
      EXPECT_EQ(packed.lengths, flat<int32_t>(expected["patch_lengths"]));
      EXPECT_EQ(packed.patches, recorded["seq_len_patches"].get<int64_t>());
      EXPECT_EQ(packed.length, each["max_length"].get<int64_t>());
      checkPatchLengths(packed.lengths.data(), batch, packed.patches, packed.length);
    }
    EXPECT_EQ(from, sequences.end());
  }
}

TEST(Packing, RowsAreAsLongAsTheLongest) {
  PatchedBatch packed = packPatches({{{10, 11, 12, 13}, {1, 3}}, {{20, 21}, {1, 1}}}, 2, 0, false);
  EXPECT_EQ(packed.length, 3);
  EXPECT_EQ(packed.ids, (std::vector<int32_t>{10, 11, 12, 20, 0, 0}));
  EXPECT_EQ(packed.targets, (std::vector<int32_t>{11, 12, 13, 21, 0, 0}));
  EXPECT_EQ(packed.mask, (std::vector<float>{1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(packed.lengths, (std::vector<int32_t>{1, 3, 1, 3}));
  EXPECT_EQ(packPatches({{{10, 11, 12, 13}, {1, 3}}}, 1, 8, false).length, 3);
  EXPECT_EQ(packPatches({{{10, 11, 12, 13}, {1, 3}}}, 1, 8, true).lengths, (std::vector<int32_t>{1, 8}));
}

TEST(Packing, Refusals) {
  const PatchedSequence one = {{10, 11, 12}, {1, 2}};
  expectError(Exit::BadInput, "0 sequences for a batch of 2; expected 1 to 2", [] { packPatches({}, 2, 0, false); });
  expectError(Exit::BadInput, "sequence 1 has 3 patches but the first has 2", [&] {
    packPatches({one, {{1, 2, 3}, {1, 1, 1}}}, 2, 0, false);
  });
  expectError(Exit::BadInput, "sequence 0 has patches of 3 ids but 2 ids", [] {
    packPatches({{{1, 2}, {1, 2}}}, 1, 0, false);
  });
  expectError(Exit::BadInput, "sequence 0 is one patch of 2 ids", [] { packPatches({{{1, 2}, {2}}}, 1, 0, false); });
  expectError(Exit::BadInput, "has no patches, or one without ids", [] {
    packPatches({{{1, 2}, {1, 1, 0}}}, 1, 0, false);
  });
}

// The recorded texts spell a surrogate that JSON does not allow; here it stands as its three bytes.
static Json tokenizerCases(const std::string &surrogate) {
  std::string text = textOfCase("d01_tokenizer"), lone = "a\\ud800b";
  for (size_t at; (at = text.find(lone)) != std::string::npos;) {
    text.replace(at, lone.size(), surrogate);
  }
  return Json::parse(text);
}

TEST(Tokenizer, EveryRecordedText) {
  const Json recorded = tokenizerCases("SURROGATE");
  for (const Json &each : recorded["encode"]) {
    std::string text = each["text"];
    text = text == "SURROGATE" ? "a\xED\xA0\x80"
                                 "b"
                               : text;
    std::vector<int32_t> ids = encodeText(text, each["add_bos"], each["add_eos"]);
    EXPECT_EQ(ids, each["ids"].get<std::vector<int32_t>>()) << each["text"];
    EXPECT_EQ(decodeText(ids, false), each["decoded"].get<std::string>());
  }
  EXPECT_EQ(recorded["encode"].size(), 28u);
  for (const Json &each : recorded["decode"]) {
    EXPECT_EQ(decodeText(each["ids"], each["cut_at_eos"]), each["decoded"].get<std::string>());
  }
}

TEST(Tokenizer, BytesThatAreNoText) {
  const std::string bytes = "a\xFF\xC3z\xE2\x82\xF0\x80\x80\x80\xC3\xA9";
  std::vector<int32_t> ids = encodeText(bytes, false, false);
  EXPECT_EQ(ids.size(), bytes.size()) << "bytes stay";
  EXPECT_EQ(decodeText(ids, false), "az\xC3\xA9");
  EXPECT_EQ(decodeText({1, 101, 400, -1, 2, 102}, true), "a");
}

} // namespace mblm::rt

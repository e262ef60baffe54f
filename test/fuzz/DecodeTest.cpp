// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps against whole passes: the logits behind every byte, however a text is cut into calls, on native code and on the
// reference interpreter; bit by bit whatever the threads and the sequences beside; and from a saved state.
#include "test/fuzz/RandomSpec.h"
#include "test/support/Native.h"

#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Reader.h"
#include "runtime/Decoder.h"
#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

struct Text {
  int64_t batch, length;
  std::vector<int32_t> ids; // [batch, length]
};

struct Case {
  std::string name;
  spec::Spec spec;
  uint64_t seed;
  bool native;
  int64_t slots = 0; // 0: the seed's
  std::string stepWeights = "f32";
};

rt::Model modelOf(const Case &c, const std::vector<float> &params, int threads = 1) {
  test::Native native;
  native.threads = threads;
  native.stepWeights = c.stepWeights;
  rt::Model model(c.native ? test::compileSpec(c.spec, native) : test::interpretSpec(c.spec));
  std::copy(params.begin(), params.end(), model.flat(rt::Flat::Params));
  model.quantizeWeights(); // where steps do, whole passes are to do the same
  return model;
}

// Ids of a random length that ends anywhere in the last slot.
Text textOf(const rt::ModelInfo &info, const Inputs &inputs, uint64_t seed) {
  int64_t padded = inputs.slots * info.inner, length = padded - int64_t(seed % uint64_t(info.inner));
  Text text{inputs.batch, length, {}};
  for (int64_t b = 0; b < inputs.batch; ++b) {
    auto begin = inputs.ids.begin() + b * padded;
    text.ids.insert(text.ids.end(), begin, begin + length);
  }
  return text;
}

// Columns [from, from + count) of the text.
std::vector<int32_t> columns(const Text &text, int64_t from, int64_t count) {
  std::vector<int32_t> ids;
  for (int64_t b = 0; b < text.batch; ++b) {
    auto begin = text.ids.begin() + b * text.length + from;
    ids.insert(ids.end(), begin, begin + count);
  }
  return ids;
}

std::vector<float> copyOf(const rt::Rows &rows) { return {rows.data, rows.data + rows.batch * rows.rows * rows.width}; }

// Logits behind the last byte of each piece, [pieces][batch, vocab].
std::vector<std::vector<float>> feed(rt::Decoder &decoder, const Text &text, const std::vector<int64_t> &pieces) {
  std::vector<std::vector<float>> logits;
  int64_t from = decoder.length();
  for (int64_t count : pieces) {
    logits.push_back(copyOf(decoder.feed(columns(text, from, count).data(), count)));
    from += count;
  }
  return logits;
}

std::vector<int64_t> bytewise(int64_t length) { return std::vector<int64_t>(size_t(length), 1); }

void expectClose(const std::vector<float> &got, const std::vector<float> &exact, const std::string &what) {
  ASSERT_EQ(got.size(), exact.size()) << what;
  for (size_t n = 0; n < got.size(); ++n) {
    ASSERT_NEAR(got[n], exact[n], 1e-4 * (1 + std::abs(exact[n]))) << what << ", element " << n;
  }
}

void expectSame(const std::vector<float> &got, const std::vector<float> &expected, const std::string &what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0) << what;
}

class Decode : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    info = makeModelInfo(GetParam().spec);
    inputs = GetParam().slots ? randomInputs(info, GetParam().seed, 2, GetParam().slots) : randomInputs(info, GetParam().seed);
    text = textOf(info, inputs, GetParam().seed);
  }
  rt::Model open(int threads = 1) { return modelOf(GetParam(), inputs.params, threads); }

  rt::ModelInfo info;
  Inputs inputs;
  Text text;
};

TEST_P(Decode, EqualsForwardAtEveryByte) {
  SCOPED_TRACE(describe(GetParam().spec));
  rt::Model model = open();
  std::vector<float> whole = copyOf(model.forward({text.batch, text.length, text.ids.data(), nullptr}));
  std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, text.batch, text.length);
  rt::Decoder &decoder = *decoderOwner;
  auto stepped = feed(decoder, text, bytewise(text.length));
  auto rowsBehind = [&](int64_t t) {
    std::vector<float> rows;
    for (int64_t b = 0; b < text.batch; ++b) {
      auto row = whole.begin() + (b * text.length + t) * info.vocab;
      rows.insert(rows.end(), row, row + info.vocab);
    }
    return rows;
  };
  for (int64_t t = 0; t < text.length; ++t) {
    expectClose(stepped[size_t(t)], rowsBehind(t), "byte " + std::to_string(t));
  }
  // Cut in two everywhere; a decoder that was used before is as good as a new one.
  int64_t stride = std::max<int64_t>(1, text.length / 24);
  for (int64_t cut = 1; cut < text.length; cut += stride) {
    decoder.reset();
    auto ends = feed(decoder, text, {cut, text.length - cut});
    expectClose(ends[0], rowsBehind(cut - 1), "first " + std::to_string(cut) + " bytes at once");
    expectClose(ends[1], rowsBehind(text.length - 1), "the rest behind " + std::to_string(cut) + " bytes");
  }
}

TEST_P(Decode, SameBitsWhateverTheThreadsAndTheBatch) {
  if (!GetParam().native) {
    GTEST_SKIP() << "the interpreter has one thread";
  }
  rt::Model model = open(), parallel = open(3);
  std::vector<int64_t> pieces{(text.length + 1) / 2};
  pieces.resize(size_t(1 + text.length / 2), 1);
  std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, text.batch, text.length);
  rt::Decoder &decoder = *decoderOwner;
  std::unique_ptr<rt::Decoder> otherOwner = rt::makeDecoder(parallel, text.batch, text.length + 5 * (info.maxSlots == 0));
  rt::Decoder &other = *otherOwner;
  auto expected = feed(decoder, text, pieces), got = feed(other, text, pieces);
  for (size_t n = 0; n < pieces.size(); ++n) {
    expectSame(got[n], expected[n], "3 threads, piece " + std::to_string(n));
  }
  for (int64_t b = 0; b < text.batch; ++b) {
    Text alone{1, text.length, {text.ids.begin() + b * text.length, text.ids.begin() + (b + 1) * text.length}};
    std::unique_ptr<rt::Decoder> singleOwner = rt::makeDecoder(model, 1, text.length);
    rt::Decoder &single = *singleOwner;
    auto rows = feed(single, alone, pieces);
    for (size_t n = 0; n < pieces.size(); ++n) {
      auto part = expected[n].begin() + b * info.vocab;
      expectSame(rows[n], {part, part + info.vocab}, "sequence " + std::to_string(b) + " alone");
    }
  }
}

// Copies of weights are those of the parameters as they are, not as they were.
TEST_P(Decode, FollowsTheParameters) {
  std::vector<float> params = inputs.params;
  rt::Model model = open();
  std::unique_ptr<rt::Decoder> decoder = rt::makeDecoder(model, text.batch, text.length);
  std::vector<int64_t> pieces{(text.length + 1) / 2};
  pieces.resize(size_t(1 + text.length / 2), 1);
  auto before = feed(*decoder, text, pieces);
  std::transform(params.begin(), params.end(), params.begin(), [](float x) { return 0.75f * x; });
  std::copy(params.begin(), params.end(), model.flat(rt::Flat::Params));
  decoder->reset();
  auto after = feed(*decoder, text, pieces);
  rt::Model fresh = modelOf(GetParam(), params);
  std::copy(params.begin(), params.end(), fresh.flat(rt::Flat::Params)); // as there, not yet rounded
  std::unique_ptr<rt::Decoder> other = rt::makeDecoder(fresh, text.batch, text.length);
  auto expected = feed(*other, text, pieces);
  for (size_t n = 0; n < pieces.size(); ++n) {
    expectSame(after[n], expected[n], "piece " + std::to_string(n));
  }
  EXPECT_NE(after.back(), before.back());
}

TEST_P(Decode, GoesOnFromASavedState) {
  rt::Model model = open();
  std::string path = (std::filesystem::temp_directory_path() / ("mblm-decode-" + GetParam().name)).string();
  for (int64_t half : {int64_t(1), text.length / 2}) {
    if (half < 1 || half >= text.length) {
      continue;
    }
    std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, text.batch, text.length);
    rt::Decoder &decoder = *decoderOwner;
    auto before = feed(decoder, text, bytewise(half));
    decoder.save(path);
    auto expected = feed(decoder, text, bytewise(text.length - half));
    EXPECT_EQ(rt::Decoder::savedLength(path), half);
    std::unique_ptr<rt::Decoder> loadedOwner = rt::makeDecoder(model, text.batch, text.length + (info.maxSlots ? 0 : 3 * info.inner));
    rt::Decoder &loaded = *loadedOwner;
    loaded.load(path);
    expectSame(copyOf(loaded.logits()), before.back(), "logits of the state");
    auto got = feed(loaded, text, bytewise(text.length - half));
    for (size_t n = 0; n < got.size(); ++n) {
      // The interpreter's states are f64, a file's are f32.
      (GetParam().native ? expectSame : expectClose)(got[n], expected[n], "byte " + std::to_string(n) + " behind the state");
    }
  }
  // Other weights.
  std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, text.batch, text.length);
  rt::Decoder &decoder = *decoderOwner;
  model.flat(rt::Flat::Params)[0] += 1;
  EXPECT_THROW(decoder.load(path), Error);
  std::filesystem::remove(path);
}

// Hierarchies of up to four stages; long outer sequences, so that prompts go in by pieces of 64 slots.
const char *const longOuter = R"({ "format": 1, "name": "long", "vocab": 20, "pad": 19, "stages": [
  { "dim": 24, "length": 200, "position": "rope", "layers": [
    { "heads": 2, "head_dim": 14, "rotary": true }, { "heads": 1, "head_dim": 80, "rotary": true } ] },
  { "dim": 20, "length": 3, "position": "learned", "layers": [ { "heads": 3, "head_dim": 6, "rotary": true } ] } ] })";
const char *const plain = R"({ "format": 1, "name": "plain", "vocab": 20, "pad": 19, "stages": [
  { "dim": 40, "length": 300, "position": "none", "layers": [
    { "heads": 1, "head_dim": 8, "rotary": true }, { "heads": 2, "head_dim": 33, "rotary": false } ] } ] })";
const char *const deep = R"({ "format": 1, "name": "deep", "vocab": 20, "pad": 19, "stages": [
  { "dim": 16, "length": 9, "position": "learned", "layers": [ { "heads": 2, "head_dim": 8, "rotary": true } ] },
  { "dim": 16, "length": 3, "position": "none", "layers": [ { "heads": 2, "head_dim": 8, "rotary": false } ] },
  { "dim": 20, "length": 1, "position": "rope", "layers": [ { "heads": 2, "head_dim": 8, "rotary": true } ] },
  { "dim": 24, "length": 4, "position": "learned", "layers": [ { "heads": 1, "head_dim": 16, "rotary": true } ] } ] })";
// Patches of one slot in patches of one: rows stay rows where stages meet.
const char *const single = R"({ "format": 1, "name": "single", "vocab": 20, "pad": 19, "stages": [
  { "dim": 16, "length": 9, "position": "none", "layers": [ { "heads": 2, "head_dim": 8, "rotary": true } ] },
  { "dim": 12, "length": 1, "position": "none", "layers": [ { "heads": 1, "head_dim": 8, "rotary": true } ] },
  { "dim": 20, "length": 1, "position": "none", "layers": [ { "heads": 1, "head_dim": 8, "rotary": true } ] } ] })";

std::vector<Case> cases() {
  std::vector<Case> list;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    list.push_back({"reference" + std::to_string(seed), randomSpec(seed), seed, false});
    if (seed < 6) {
      list.push_back({"native" + std::to_string(seed), randomSpec(seed + 20), seed, true});
    }
  }
  struct Fixed {
    const char *name, *json;
    int64_t slots;
  };
  for (const Fixed &fixed : {Fixed{"long_outer", longOuter, 150}, {"plain", plain, 200}, {"deep", deep, 5}, {"single", single, 9}}) {
    list.push_back({fixed.name, spec::parseSpec(fixed.json, fixed.name), 3, true, fixed.slots});
  }
  for (uint64_t seed = 0; seed < 4; ++seed) {
    list.push_back({"int8_" + std::to_string(seed), randomSpec(seed + 60), seed, true, 0, "int8"});
  }
  list.push_back({"int8_long_outer", spec::parseSpec(longOuter, "long_outer"), 3, true, 150, "int8"});
  list.push_back({"deep_reference", spec::parseSpec(deep, "deep"), 3, false, 3});
  return list;
}

// The tiny twins of the models that come with the project.
std::vector<Case> models() {
  std::vector<Case> list;
  std::error_code missing; // another folder than the repository: no models, and a test says so
  for (const auto &entry : std::filesystem::directory_iterator("models", missing)) {
    std::string path = entry.path().string(), name = entry.path().stem().string();
    if (name.find("tiny") == std::string::npos) {
      continue;
    }
    spec::Spec spec = spec::readSpec(path);
    if (spec.patches || spec.isWhole()) { // one sequence at a time: test/golden/PatchedGenerationTest.cpp; no steps
      continue;
    }
    int64_t slots = spec.stages.size() > 1 ? 2 : 20;
    std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    list.push_back({name, std::move(spec), 5, true, slots});
  }
  std::sort(list.begin(), list.end(), [](const Case &a, const Case &b) { return a.name < b.name; });
  return list;
}

std::string caseName(const testing::TestParamInfo<Case> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, Decode, testing::ValuesIn(cases()), caseName);
INSTANTIATE_TEST_SUITE_P(Models, Decode, testing::ValuesIn(models()), caseName);

} // namespace

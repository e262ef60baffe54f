// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where texts fall into patches, by compiled code and by the interpreter: as BLT's reference recorded it, and as the runtime's patcher
// says it id by id.
#include "compiler/Interpreter/ReferenceProgram.h"
#include "compiler/Pipelines/Phases.h"
#include "dialects/Register.h"
#include "runtime/Tokenizer.h"
#include "test/runtime/RecordedPatches.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <cstring>
#include <map>
#include <random>

using namespace mblm;

namespace {

using Mode = rt::PatchRule::Mode;
using rt::test::patchModes;
using rt::test::Patching;
using rt::test::rowsOf;

// Bits, so that the number is the rule's own.
std::string f32(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  char text[24];
  std::snprintf(text, sizeof text, "0x%08X : f32", bits);
  return text;
}

// A module with the entry `patches` of a rule alone.
std::string moduleText(const rt::PatchRule &rule, bool next) {
  const std::string ids = "tensor<?x?xi32>", numbers = "tensor<?x?xf32>";
  std::string attributes = "size = " + std::to_string(rule.size) + ", lead = " + std::to_string(rule.lead), mode;
  for (auto [word, each] : patchModes) {
    mode = each == rule.mode ? word : mode;
  }
  bool byEntropies = rule.mode == Mode::Entropy;
  attributes += byEntropies ? ", threshold = " + f32(rule.threshold) : "";
  attributes += rule.thresholdAdd ? ", threshold_add = " + f32(*rule.thresholdAdd) : "";
  attributes += rule.maxLength > 0 ? ", max_length = " + std::to_string(rule.maxLength) : "";
  attributes += std::string(rule.firstAlone ? ", alone" : "") + (rule.monotonic ? ", monotonic" : "") + (next ? ", next" : "");
  return "func.func @patches(%ids: " + ids + (byEntropies ? ", %h: " + numbers + " {mblm.entropies}" : "") + ") -> " + ids + " {\n" +
         "%starts = mblm.patch_starts " + mode + " %ids" + (byEntropies ? " by %h" : "") + " {" + attributes + "} : " + ids +
         (byEntropies ? ", " + numbers : "") + " -> " + ids + "\n%lengths = mblm.patch_lengths %starts : " + ids + " -> " + ids +
         "\nreturn %lengths : " + ids + "\n}\n";
}

std::unique_ptr<rt::Program> makeProgram(const rt::PatchRule &rule, bool next, bool native) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  auto context = std::make_shared<mlir::MLIRContext>(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(moduleText(rule, next), context.get());
  if (!module) {
    ADD_FAILURE() << moduleText(rule, next);
    return nullptr;
  }
  rt::ModelInfo info;
  info.name = "patches";
  info.vocab = 260;
  if (!native) {
    return makeReferenceProgram(std::move(module), context, info);
  }
  pipelines::toKernelPhase(*module, {});
  return test::compileKernels(*module, info, {});
}

// A rule as compiled code and in the interpreter.
class Cutter {
public:
  Cutter(const rt::PatchRule &rule, bool next) : next(next), programs{makeProgram(rule, next, false), makeProgram(rule, next, true)} {}

  void expect(const Patching &expected) {
    for (const std::unique_ptr<rt::Program> &program : programs) {
      std::vector<int32_t> lengths(size_t(expected.batch * (expected.length + next)), -1);
      rt::Call call;
      call.batch = expected.batch;
      call.slots = expected.length;
      call.ids = expected.ids.data();
      call.entropies = expected.entropies.data();
      call.patchLengths = lengths.data();
      program->run(rt::Entry::Patches, call);
      EXPECT_EQ(rowsOf(rt::trimmed(lengths, expected.batch)), expected.lengths)
          << expected.what << (program == programs[0] ? ", interpreted" : ", compiled");
    }
  }

private:
  bool next;
  std::unique_ptr<rt::Program> programs[2];
};

// As they were recorded, but for the many thresholds of one entropy model, of which every eighth counts.
TEST(PatchStarts, EveryRecordedPatching) {
  std::map<std::string, Cutter> cutters; // one for each rule
  size_t compared = 0, number = 0;
  for (const Patching &each : rt::test::recordedPatchings()) {
    bool isTexts = number++ >= 226;
    if (!each.lengths.empty() && (!isTexts || number % 8 == 0)) {
      cutters.try_emplace(moduleText(each.rule, each.next), each.rule, each.next).first->second.expect(each);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 225u + 18u);
}

// Ids of any kind, many of them marks, blanks and letters, with entropies from 0 to 4 of which many are equal.
Patching randomText(std::mt19937_64 &random, int64_t batch, int64_t length) {
  const int32_t alphabet[] = {0, 1, 2, 3, 3, 36, 36, 50, 60, 105, 110, 115, 200, 150, 230, 37};
  Patching text;
  text.batch = batch;
  text.length = length;
  for (int64_t n = 0; n < batch * length; ++n) {
    text.ids.push_back(random() % 3 ? alphabet[random() % std::size(alphabet)] : int32_t(random() % 260));
    text.entropies.push_back(float(random() % 41) / 10);
  }
  return text;
}

std::vector<Patching> textsFor(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string everyByte;
  for (int byte = 0; byte < 256; ++byte) {
    everyByte += char(byte);
  }
  std::vector<Patching> texts;
  for (const std::string &bytes : {std::string("Wenn Fl\xC3\xBCsse \xE2\x82\xAC 3,50 \xF0\x9F\x90\xA6 steigen\n\n"), everyByte, std::string(),
                                   std::string("x"), std::string(300, 'a'), std::string("\x80\xBF\xC0\xFF")}) {
    std::vector<int32_t> ids = rt::encodeText(bytes, /*begin=*/true, /*end=*/!bytes.empty());
    texts.push_back(randomText(random, 1, int64_t(ids.size())));
    texts.back().ids = ids;
  }
  for (int64_t length : {1, 2, 3, 60}) {
    texts.push_back(randomText(random, 3, length));
  }
  return texts;
}

class RandomPatchStarts : public testing::TestWithParam<std::pair<const char *, Mode>> {};

TEST_P(RandomPatchStarts, AreThePatchers) {
  for (int variant = 0; variant < 8; ++variant) {
    rt::PatchRule rule;
    rule.mode = GetParam().second;
    bool byEntropies = rule.mode == Mode::Entropy;
    rule.size = 1 + variant % 5;
    rule.lead = variant % 2 ? rule.size - 1 : 0;
    rule.firstAlone = variant % 3 == 0;
    const float thresholds[] = {2, 0.5f, 1, 3, -1, 99, -9, 1.335442066192627f}; // some begin no patches, some nothing else
    rule.threshold = thresholds[variant];
    rule.monotonic = byEntropies && (variant == 1 || variant == 6);
    if (byEntropies && (variant == 2 || variant == 3 || variant == 4)) {
      rule.thresholdAdd = variant == 4 ? -9.0f : 0.25f;
    }
    rule.maxLength = variant % 4 < 2 ? 0 : variant;
    bool next = variant % 2 == 0;
    Cutter cutter(rule, next);
    for (Patching &text : textsFor(uint64_t(variant))) {
      text.lengths = rowsOf(rt::patchRows(rule, text.ids.data(), text.entropies.data(), text.batch, text.length, next));
      text.what = std::string(GetParam().first) + ", variant " + std::to_string(variant) + ", " + std::to_string(text.length) + " ids";
      cutter.expect(text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, RandomPatchStarts, testing::ValuesIn(patchModes), [](const auto &info) { return std::string(info.param.first); });

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How BLT's reference cut texts into patches, for tests of whatever cuts them here.
#pragma once

#include "runtime/Patches.h"
#include "runtime/Safetensors.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace mblm::rt::test {

using Rows = std::vector<std::vector<int32_t>>;

constexpr std::pair<const char *, PatchRule::Mode> patchModes[] = {{"static", PatchRule::Mode::Static},
                                                                   {"byte", PatchRule::Mode::Byte},
                                                                   {"space", PatchRule::Mode::Space},
                                                                   {"entropy", PatchRule::Mode::Entropy},
                                                                   {"bpe", PatchRule::Mode::Bpe}};

// A rule in the reference's words.
inline PatchRule ruleOf(const std::string &mode, const nlohmann::json &args) {
  PatchRule rule;
  for (const auto &[name, each] : patchModes) {
    rule.mode = mode == name ? each : rule.mode;
  }
  EXPECT_NE(rule.mode, PatchRule::Mode::Given) << mode;
  rule.size = int64_t(args.value("patch_size", 0.0));
  rule.threshold = args.value("threshold", rule.threshold);
  if (args.contains("threshold_add")) {
    rule.thresholdAdd = args["threshold_add"].get<float>();
  }
  rule.monotonic = args.value("monotonicity", false);
  rule.maxLength = args.value("max_patch_length", 0);
  return rule;
}

inline std::string textOfCase(const std::string &name) {
  std::ifstream stream("test/golden/blt/" + name + "/case.json");
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// Rows of ids with the entropy of what follows each of them, and the patches that a rule makes of them.
struct Patching {
  PatchRule rule;
  bool next = false;
  int64_t batch = 1, length = 0;
  std::vector<int32_t> ids;
  std::vector<float> entropies; // zeros where none are recorded
  Rows lengths;                 // none where the reference failed
  std::string what;
};

// Of ids and entropies that were made up, and of texts with an entropy model's entropies.
inline std::vector<Patching> recordedPatchings() {
  std::vector<Patching> all;
  const nlohmann::json madeUp = nlohmann::json::parse(textOfCase("d02_patching")), texts = nlohmann::json::parse(textOfCase("d04_entropy"));
  for (const nlohmann::json &each : madeUp["cases"]) {
    Patching &made = all.emplace_back();
    made.rule = ruleOf(each["mode"], each["args"]);
    made.next = each["include_next_token"];
    made.batch = int64_t(each["tokens"].size());
    made.length = int64_t(each["tokens"][0].size());
    for (size_t row = 0; row < each["tokens"].size(); ++row) {
      for (size_t t = 0; t < each["tokens"][row].size(); ++t) {
        made.ids.push_back(each["tokens"][row][t]);
        made.entropies.push_back(each.contains("entropies") ? each["entropies"][row][t].get<float>() : 0);
      }
    }
    if (!each.contains("reference_raises")) {
      made.lengths = each["patch_lengths"].get<Rows>();
    }
    made.what = each["mode"].dump() + each["args"].dump() + each["tokens"].dump();
  }
  SafetensorsFile file("test/golden/blt/d04_entropy/io.safetensors");
  for (const nlohmann::json &each : texts["patch"]) {
    std::string text = "t" + std::to_string(each["text"].get<int64_t>());
    Patching &made = all.emplace_back();
    made.rule = ruleOf("entropy", each["args"]);
    made.next = each["include_next_token"];
    made.entropies = file.floats(text + ".entropies");
    made.ids = file.integers(text + ".ids");
    made.length = int64_t(made.ids.size());
    made.lengths = {each["patch_lengths"].get<std::vector<int32_t>>()};
    made.what = text + each["args"].dump();
  }
  return all;
}

inline Rows rowsOf(const PatchLengths &lengths) {
  Rows rows;
  for (int64_t b = 0; b < lengths.batch; ++b) {
    auto begin = lengths.lengths.begin() + b * lengths.patches;
    rows.emplace_back(begin, begin + lengths.patches);
  }
  return rows;
}

} // namespace mblm::rt::test

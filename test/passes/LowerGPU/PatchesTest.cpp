// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on patches that the data decides, as CUDA kernels on the simulator against the interpreter. A few cases stand for all where
// time is short; all of them, in some minutes:
//   test-lower-gpu --gtest_also_run_disabled_tests --gtest_filter='*Patches*'
#include "runtime/Support/Error.h"
#include "test/passes/PatchesCases.h"

#include <gtest/gtest.h>

#include <set>

using namespace mblm::test;

namespace {
class Patches : public testing::TestWithParam<PatchesCase> {
protected:
  void check(const std::string &level, const std::string &precision, double tolerance, bool fuse = true) {
    Native native;
    native.level = level;
    native.precision = precision;
    native.fusion.on = fuse;
    expectAgreement(GetParam().test, 13, tolerance, {native});
  }
};
class PatchesOnTensorCores : public Patches {};

std::vector<PatchesCase> those(const std::set<std::string> &names) {
  std::vector<PatchesCase> found;
  for (const PatchesCase &c : patchesCases()) {
    if (names.count(c.name)) {
      found.push_back(c);
    }
  }
  if (found.size() != names.size()) {
    throw mblm::Error(mblm::Exit::Internal, "a case that is asked for is none");
  }
  return found;
}

// In bf16 other numbers are the largest of a range, so that pools are compared in f32 alone.
std::vector<PatchesCase> attentionCases() {
  std::vector<PatchesCase> found;
  for (const PatchesCase &c : patchesCases()) {
    if (c.test.body.find("ranged_attention") != std::string::npos && c.test.body.find("mblm.pool") == std::string::npos) {
      found.push_back(c);
    }
  }
  return found;
}

TEST_P(Patches, AgreeWithTheInterpreter) { check("sm_80", "f32", GetParam().tolerance); }
TEST_P(PatchesOnTensorCores, AgreeInTf32) { check("sm_80", "tf32", 1e-2); }
TEST_P(PatchesOnTensorCores, AgreeInBrainFloats) { check("sm_90a", "bf16", 5e-2, /*fuse=*/false); }

const auto name = [](const testing::TestParamInfo<PatchesCase> &info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Some, Patches,
                         testing::ValuesIn(those({"hashes_and_lists", "grams_of_two_words", "visible_bytes_behind_documents", "visible_patches_documents", "byte_patches_ahead",
                                                  "pool", "pool_gradients_odd", "gaps", "window_beyond_a_block", "wide_groups",
                                                  "patches_read_window_grads", "bytes_read", "step_groups", "step_several_in_a_row"})),
                         name);
INSTANTIATE_TEST_SUITE_P(Some, PatchesOnTensorCores,
                         testing::ValuesIn(those({"window_within_a_block", "bytes_read_window_grads", "beside_scans"})), name);
INSTANTIATE_TEST_SUITE_P(DISABLED_All, Patches, testing::ValuesIn(patchesCases()), name);
INSTANTIATE_TEST_SUITE_P(DISABLED_All, PatchesOnTensorCores, testing::ValuesIn(attentionCases()), name);
} // namespace

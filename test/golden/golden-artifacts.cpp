// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every recorded case on artifacts that were compiled elsewhere: GOLDEN_ARTIFACTS names their folder, with
// PACK/CASE.so in it, GOLDEN_TARGET what they run on: cuda (default), cpu or sim. Needs neither MLIR nor LLVM.
#include "test/golden/GoldenSuite.h"

#include "runtime/Artifact.h"

#include <cstdlib>
#include <filesystem>

using namespace mblm;
using namespace mblm::golden;

static std::unique_ptr<rt::Program> load(const GoldenCase &golden) {
  const char *folder = std::getenv("GOLDEN_ARTIFACTS");
  std::string path = std::string(folder ? folder : "build/gpu-pack/golden") + "/" + golden.name.pack + "/" +
                     golden.name.name + ".so";
  if (!std::filesystem::exists(path)) {
    throw Error(Exit::Device, "'" + path + "' is missing; tools/gpu-pack makes it");
  }
  const char *named = std::getenv("GOLDEN_TARGET");
  std::string target = named ? named : "cuda";
  return rt::loadArtifact(path, 0,
                          target == "cuda"  ? rt::RunOn::Cuda
                          : target == "sim" ? rt::RunOn::Simulator
                                            : rt::RunOn::Cpu);
}

static const Way artifacts{"artifacts", within(), load};

INSTANTIATE_TEST_SUITE_P(All, GoldenForward, testing::Combine(testing::Values(artifacts), testing::ValuesIn(forwardCases())),
                         testName);
// Those of BLT that their configuration alone describes.
static const CaseName patched[] = {patchedCases()[0], patchedCases()[2], patchedCases()[3], patchedCases()[4]};
INSTANTIATE_TEST_SUITE_P(Patched, GoldenForward, testing::Combine(testing::Values(artifacts), testing::ValuesIn(patched)), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenTrajectory,
                         testing::Combine(testing::Values(artifacts), testing::ValuesIn(trajectoryCases())), testName);
INSTANTIATE_TEST_SUITE_P(All, GoldenGreedy, testing::Combine(testing::Values(artifacts), testing::ValuesIn(greedyCases())),
                         testName);

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which code CPUs of several kinds take, and what is said where there is none for them.
#include "runtime/Level.h"

#include "test/runtime/TestFiles.h"

#include <set>

namespace mblm::rt {

using test::expectError;

namespace {

// A CPU that has what these levels need.
std::function<std::string(const Level &)> cpuWith(std::set<std::string> levels) {
  return [levels](const Level &level) { return levels.count(level.name) ? "" : "what " + level.name + " needs"; };
}

const std::vector<std::string> several = {"amx", "avx512", "avx2"};

} // namespace

TEST(Level, TheFirstThatTheCpuRunsIsTaken) {
  EXPECT_EQ(chooseLevel(several, "x", "", cpuWith({"amx", "avx512bf16", "avx512", "avx2", "portable"})), "amx");
  EXPECT_EQ(chooseLevel(several, "x", "", cpuWith({"avx512", "avx2", "portable"})), "avx512");
  EXPECT_EQ(chooseLevel(several, "x", "", cpuWith({"avx2", "portable"})), "avx2");
}

TEST(Level, NoneThatTheCpuRuns) {
  expectError(Exit::Device,
              "x: compiled for amx, avx512 and avx2, but this CPU lacks what avx2 needs; compile the spec again for what it "
              "runs, portable",
              [] { chooseLevel(several, "x", "", cpuWith({"portable"})); });
  expectError(Exit::Device, "x: compiled for avx2, but this CPU lacks what avx2 needs; compile the spec again for what it runs, neon",
              [] { chooseLevel({"avx2"}, "x", "", cpuWith({"neon"})); });
  expectError(Exit::Device, "x: compiled for unknown target level 'avx9000'",
              [] { chooseLevel({"avx9000", "avx2"}, "x", "", cpuWith({"avx2"})); });
}

TEST(Level, NamedOnes) {
  EXPECT_EQ(chooseLevel(several, "x", "avx2", cpuWith({"avx512", "avx2"})), "avx2");
  expectError(Exit::Usage, "x: compiled for amx, avx512 and avx2, but MBLM_LEVEL is 'portable'; expected amx, avx512 or avx2",
              [] { chooseLevel(several, "x", "portable", cpuWith({"avx2", "portable"})); });
  expectError(Exit::Device, "x: compiled for amx, avx512 and avx2, but MBLM_LEVEL is amx, and this CPU lacks what amx needs",
              [] { chooseLevel(several, "x", "amx", cpuWith({"avx2"})); });
}

TEST(Level, OfThisMachine) {
  std::set<std::string> runs;
  for (const Level &level : allLevels()) {
    EXPECT_EQ(findLevel(level.name), &level);
    std::string missing = lackingFor(level);
    if (missing.empty()) {
      runs.insert(level.name);
    }
    if (level.architecture != hostArchitecture()) {
      EXPECT_EQ(missing, "the architecture " + level.architecture);
    }
  }
  EXPECT_EQ(findLevel("sse9"), nullptr);
  // The least of each architecture runs on all of it, and whoever runs a level runs those behind it.
  EXPECT_TRUE(runs.count(hostArchitecture() == "x86-64" ? "portable" : "neon"));
  bool found = false;
  for (const Level &level : allLevels()) {
    if (level.architecture == hostArchitecture()) {
      EXPECT_TRUE(!found || runs.count(level.name)) << level.name;
      found = found || runs.count(level.name);
    }
  }
}

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels of machines: which instructions native code is made of, which of them this CPU has, and which code of an artifact
// that holds several is taken.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace mblm::rt {

struct Level {
  std::string name;
  std::string architecture; // "x86-64" or "aarch64"
  bool onlyNarrow = false;  // differs from what stands behind it in products of bf16 factors alone
};

// Those of one architecture stand together, best first.
const std::vector<Level> &allLevels();
// Null for a name that is none.
const Level *findLevel(const std::string &name);
// The architecture that this program was made for.
std::string hostArchitecture();

// What code of that level needs and this CPU has not; empty: it runs. Asks the kernel for what the level needs its leave for.
std::string lackingFor(const Level &level);

// The names of levels, or of any things, as one reads them: "a, b or c".
std::string listed(const std::vector<std::string> &names, const std::string &last = "or");

// The first of the levels `held` that this CPU runs, or that the environment's MBLM_LEVEL names. Throws Error, each naming
// `where`: Device where this CPU runs none of them or not the one that is named, Usage where the one that is named is not held.
std::string chooseLevel(const std::vector<std::string> &held, const std::string &where);
// The same on a CPU that lacks what `lacking` says; `named` empty: the best.
std::string chooseLevel(const std::vector<std::string> &held, const std::string &where, const std::string &named,
                        const std::function<std::string(const Level &)> &lacking);

} // namespace mblm::rt

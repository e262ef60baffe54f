// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which instructions generated code may use. A level fixes them, so that an artifact runs on every machine of its
// level; code made for this machine is only scheduled for it.
#pragma once

#include <string>
#include <vector>

namespace mblm::target {

// The rest are LLVM's names.
struct Machine {
  std::string level;    // of runtime/Level.h
  std::string tunedFor; // the CPU whose timings are assumed
  std::string triple, cpu;
  std::string features;    // beyond the CPU's
  std::string vectorWidth; // in bits, where LLVM would take less than there is; empty: as it likes
};

// The best level that this CPU runs; with products in bf16 also of those that differ from avx512 in these alone.
Machine hostMachine(bool narrowProducts = false);
// Code of a level for any CPU that has it. Error(Usage) for an unknown level.
Machine machineOfLevel(const std::string &level);

// Those that a list of levels names, "avx512,avx2", or "all": those of this machine's architecture, for products in bf16 or not.
// Best first, each once. Error(Usage) for an unknown one, and for those of several architectures.
std::vector<Machine> machinesOfLevels(const std::string &list, bool narrowProducts = false);

// What follows the names of code for one of these machines, which stand in one file: nothing where it is the only one.
std::string suffixOf(const Machine &machine, const std::vector<Machine> &machines);

// Whether its code can run where this program runs, given a CPU of its level.
bool isForThisArchitecture(const Machine &machine);

} // namespace mblm::target

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which instructions generated code may use. A level fixes them, so that an artifact runs on every machine of its
// level; code made for this machine is only scheduled for it.
#pragma once

#include <string>

namespace mblm::target {

struct Machine {
  std::string level;    // "amx" | "avx512bf16" | "avx512" | "avx2" | "portable"
  std::string tunedFor; // LLVM's name of the CPU whose timings are assumed
};

// The best level that this CPU runs; with products in bf16 also of those that differ from avx512 in these alone.
Machine hostMachine(bool narrowProducts = false);
// Code of a level for any CPU that has it. Error(Usage) for an unknown level.
Machine machineOfLevel(const std::string &level);

} // namespace mblm::target

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The metadata text of an artifact, read and checked.
#pragma once

#include "runtime/Program.h"

#include <map>

namespace mblm::rt {

struct EntrySizes {
  LinearSize arena;
  LinearSize scratch; // per thread
};

struct Metadata {
  ModelInfo info;
  std::string level; // "avx512" | "avx2" | "portable"
  std::map<std::string, EntrySizes> entries;
  std::vector<StateTensor> states;
  std::map<std::string, std::vector<std::string>> launches; // kernels' names by entry, in order
};

// Throws Error(Integrity) naming `where` and the field.
Metadata parseMetadata(const std::string &text, const std::string &where);

// Throws Error(Device) unless this CPU runs code of that level.
void requireCpuLevel(const std::string &level, const std::string &where);

} // namespace mblm::rt

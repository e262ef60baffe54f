// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The metadata text of an artifact, read and checked.
#pragma once

#include "runtime/Program.h"

#include <array>
#include <map>

namespace mblm::rt {

// c1 + cM*M + cB*B + cBM*B*M, in floats.
struct LinearSize {
  std::array<int64_t, 4> coefficients = {};
  // Throws Error(Resource) when the size cannot be counted in 63 bits; `what` names it.
  int64_t at(int64_t batch, int64_t slots, const std::string &what) const;
};

struct EntrySizes {
  LinearSize arena;
  LinearSize scratch; // per thread
};

struct Metadata {
  ModelInfo info;
  std::string level; // "avx512" | "avx2" | "portable"
  std::map<std::string, EntrySizes> entries;
  std::map<std::string, std::vector<std::string>> launches; // kernels' names by entry, in order
};

// Throws Error(Integrity) naming `where` and the field.
Metadata parseMetadata(const std::string &text, const std::string &where);

// Throws Error(Device) unless this CPU runs code of that level.
void requireCpuLevel(const std::string &level, const std::string &where);

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/Levels.h"

#include "llvm/ADT/StringExtras.h"

using namespace mblm;
using namespace mblm::emit;

// Accumulators, a row of B and a broadcast of A fill most of the 32 registers, or 16. Vectors of four numbers need more of them
// in a row, so that loads of A do not outnumber multiply-adds.
static Machine machine(int64_t lanes, int64_t tileRows, int64_t tileVectors, bool fma, NarrowProducts narrow = NarrowProducts::Widened) {
  Machine result;
  result.lanes = lanes;
  result.tileRows = tileRows;
  result.tileVectors = tileVectors;
  result.fma = fma;
  result.narrow = narrow;
  return result;
}

static const std::pair<const char *, Machine> levels[] = {
    {"amx", machine(16, 12, 2, true, NarrowProducts::Tiles)},
    {"avx512bf16", machine(16, 12, 2, true, NarrowProducts::Pairs)},
    {"avx512", machine(16, 12, 2, true)},
    {"avx2", machine(8, 6, 2, true)},
    {"portable", machine(4, 4, 2, false)},
    {"neon", machine(4, 6, 4, true)},
};

std::optional<Machine> cpu::machineOfLevel(llvm::StringRef level) {
  for (const auto &[name, machine] : levels) {
    if (level == name) {
      return machine;
    }
  }
  return std::nullopt;
}

std::string cpu::levelNames() {
  return llvm::join(llvm::make_first_range(levels), ", ");
}

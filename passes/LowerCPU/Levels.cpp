// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/Levels.h"

#include "llvm/ADT/StringExtras.h"

using namespace mblm;
using namespace mblm::emit;

// Lanes, rows and vectors of the gemm tile, registers. Accumulators, a row of B and a broadcast of A fill most registers; vectors
// of four numbers are too short to hide behind two of them what A's loads cost.
static Machine machine(int64_t lanes, int64_t tileRows, int64_t tileVectors, int64_t registers) {
  Machine result;
  result.lanes = lanes;
  result.tileRows = tileRows;
  result.tileVectors = tileVectors;
  result.registers = registers;
  return result;
}

static Machine withNarrow(Machine machine, NarrowProducts narrow) {
  machine.narrow = narrow;
  return machine;
}

static Machine withoutFma(Machine machine) {
  machine.fma = false;
  return machine;
}

static const std::pair<const char *, Machine> levels[] = {
    {"amx", withNarrow(machine(16, 12, 2, 32), NarrowProducts::Tiles)},
    {"avx512bf16", withNarrow(machine(16, 12, 2, 32), NarrowProducts::Pairs)},
    {"avx512", machine(16, 12, 2, 32)},
    {"avx2", machine(8, 6, 2, 16)},
    {"portable", withoutFma(machine(4, 4, 2, 16))},
    {"neon", machine(4, 6, 4, 32)},
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

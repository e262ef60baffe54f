// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/Levels.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

// Accumulators, a row of B and a broadcast of A fill most of the 32 registers, or 16. Vectors of four numbers need more of them
// in a row, so that loads of A do not outnumber multiply-adds.
static Machine machine(int64_t lanes, int64_t tileRows, int64_t tileVectors, bool fma, int64_t nearBytes, int64_t middleBytes,
                       NarrowProducts narrow = NarrowProducts::Widened) {
  Machine result;
  result.lanes = lanes;
  result.tileRows = tileRows;
  result.tileVectors = tileVectors;
  result.fma = fma;
  result.nearBytes = nearBytes;
  result.middleBytes = middleBytes;
  result.narrow = narrow;
  return result;
}

constexpr int64_t KiB = 1 << 10, MiB = 1 << 20;

static const std::pair<const char *, Machine> levels[] = {
    {"amx", machine(16, 12, 2, true, 48 * KiB, 2 * MiB, NarrowProducts::Tiles)},
    {"avx512bf16", machine(16, 12, 2, true, 32 * KiB, MiB, NarrowProducts::Pairs)},
    {"avx512", machine(16, 12, 2, true, 32 * KiB, MiB)},
    {"avx2", machine(8, 6, 2, true, 32 * KiB, 512 * KiB)},
    {"portable", machine(4, 4, 2, false, 32 * KiB, 512 * KiB)},
    {"neon", machine(4, 6, 4, true, 32 * KiB, 512 * KiB)},
};

FailureOr<Machine> cpu::machineOfLevel(Location loc, llvm::StringRef level) {
  for (const auto &[name, machine] : levels) {
    if (level == name) {
      return machine;
    }
  }
  return emitError(loc) << "expects one of the levels " << llvm::join(llvm::make_first_range(levels), ", ") << ", but got " << level;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inside of a simulated kernel.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>
#include <string>
#include <vector>

namespace mblm::target {

constexpr const char *tableSymbol = "mblm_sim_table";

// Offsets of a kernel's globals in shared memory.
struct SharedLayout {
  llvm::DenseMap<mlir::StringAttr, uint64_t> offsets;
  uint64_t bytes = 0; // of those with a size
};

// A kernel's operations, as messages and counters know them. Those that look alike are one.
class Sites {
public:
  uint32_t number(mlir::Operation *op, uint32_t bytes, uint32_t alignment);
  size_t count() const { return all.size(); }
  std::vector<uint32_t> words() const; // of the table of `Site`s
  std::string texts() const;

private:
  struct Entry {
    std::string text;
    uint32_t bytes, alignment;
    bool operator<(const Entry &other) const {
      return std::tie(text, bytes, alignment) < std::tie(other.text, other.bytes, other.alignment);
    }
  };
  std::map<Entry, uint32_t> numbers;
  std::vector<const Entry *> all;
};

// Turns operations into calls of the simulator. True where one of them may wait for another thread.
bool simulateOps(mlir::LLVM::LLVMFuncOp function, const SharedLayout &shared, Sites &sites);

} // namespace mblm::target

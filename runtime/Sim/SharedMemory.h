// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The window through which blocks see their shared memory, and its shadow.
#pragma once

#include "runtime/Sim/Shadow.h"

namespace mblm::sim {

class SharedMemory {
public:
  static constexpr uint32_t limit = 227 * 1024;  // bytes that a block may have
  static constexpr uint32_t window = 256 * 1024; // descriptors hold 18 bits of an address

  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory &) = delete;

  // For a block of so many bytes: all poison, nothing written.
  void reset(uint32_t bytes);
  void forget();

  uint64_t base() const { return begin; }
  bool inWindow(uint64_t address) const { return address - begin < window; }
  bool contains(uint64_t address, uint32_t count) const {
    return address - begin < size && count <= size - (address - begin);
  }
  uint32_t bytes() const { return size; }
  Cell &cell(uint32_t word) { return cells[word]; }
  uint8_t &written(uint32_t word) { return initialised[word]; } // a bit a byte

private:
  uint64_t begin = 0;
  uint32_t size = 0;
  char *memory = nullptr;
  std::vector<Cell> cells;
  std::vector<uint8_t> initialised;
};

} // namespace mblm::sim

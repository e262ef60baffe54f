// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device's memory: pieces of the host's, each with the shadow of its accesses.
#pragma once

#include "runtime/Sim/Shadow.h"

#include <map>
#include <string>

namespace mblm::sim {

struct Allocation {
  Allocation(int64_t bytes, const std::string &what);
  ~Allocation();
  Allocation(const Allocation &) = delete;

  bool contains(uint64_t address, uint64_t count) const {
    return address - base < bytes && count <= bytes - (address - base); // wraps around below the base
  }
  void forget(); // all accesses

  std::string what;
  uint64_t base = 0, bytes = 0;
  Cell *cells = nullptr; // one for four bytes
  struct Sector {
    uint32_t read, written; // the launch that touched it last
  };
  Sector *sectors = nullptr; // one for 32 bytes

private:
  char *memory;
  size_t mapped;
};

class GlobalMemory {
public:
  Allocation &allocate(int64_t bytes, const std::string &what);
  void release(void *memory);
  // The one that begins last at or below the address; null: none.
  Allocation *find(uint64_t address);
  // The one that `bytes` at `address` lie in; Error(Device) where there is none.
  Allocation &require(const void *address, int64_t bytes, const char *what);
  void forget();

private:
  std::map<uint64_t, std::unique_ptr<Allocation>> allocations;
};

} // namespace mblm::sim

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each allocation is one mapping: its bytes, a gap, its shadow; what is never touched takes no memory.
#include "runtime/Sim/GlobalMemory.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Memory.h"

#include <cstring>
#include <sys/mman.h>

using namespace mblm;
using namespace mblm::sim;

static size_t pages(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

Allocation::Allocation(int64_t count, const std::string &what) : what(what), bytes(uint64_t(count)) {
  size_t data = pages(bytes) + 4096, shadow = pages((bytes / 4 + 1) * sizeof(Cell)),
         marks = pages((bytes / 32 + 1) * sizeof(Sector));
  mapped = data + shadow + marks;
  void *fresh = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fresh == MAP_FAILED) {
    throw Error(Exit::Resource, "simulator: cannot map " + std::to_string(count) + " bytes for " + what);
  }
  try {
    rt::memoryAccount().charge(count, what);
  } catch (...) {
    munmap(fresh, mapped);
    throw;
  }
  memory = static_cast<char *>(fresh);
  base = uint64_t(memory);
  cells = reinterpret_cast<Cell *>(memory + data);
  sectors = reinterpret_cast<Sector *>(memory + data + shadow);
  std::memset(memory, 0xff, bytes); // NaNs, as nobody may rely on what is there
}

Allocation::~Allocation() {
  rt::memoryAccount().release(int64_t(bytes));
  munmap(memory, mapped);
}

void Allocation::forget() {
  char *begin = reinterpret_cast<char *>(cells);
  madvise(begin, memory + mapped - begin, MADV_DONTNEED);
}

Allocation &GlobalMemory::allocate(int64_t bytes, const std::string &what) {
  auto fresh = std::make_unique<Allocation>(bytes, what);
  uint64_t base = fresh->base;
  return *(allocations[base] = std::move(fresh));
}

void GlobalMemory::release(void *memory) { allocations.erase(uint64_t(memory)); }

Allocation *GlobalMemory::find(uint64_t address) {
  auto next = allocations.upper_bound(address);
  return next == allocations.begin() ? nullptr : std::prev(next)->second.get();
}

Allocation &GlobalMemory::require(const void *address, int64_t bytes, const char *what) {
  Allocation *found = find(uint64_t(address));
  if (!found || !found->contains(uint64_t(address), uint64_t(bytes))) {
    throw Error(
        Exit::Device,
        std::string("simulator: ") + what + " of " + std::to_string(bytes) + " bytes leaves the device's allocations" +
            (found ? " behind '" + found->what + "' of " + std::to_string(found->bytes) + " bytes" : std::string()));
  }
  return *found;
}

void GlobalMemory::forget() {
  for (auto &[base, allocation] : allocations) {
    allocation->forget();
  }
}

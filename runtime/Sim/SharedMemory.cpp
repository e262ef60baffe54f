// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The window lies where 32 bits address it, so that kernels may keep shared addresses in 32 bits, and is aligned to its
// size, so that the low bits of an address are its offset.
#include "runtime/Sim/SharedMemory.h"

#include "runtime/Support/Error.h"

#include <cstring>
#include <sys/mman.h>

using namespace mblm;
using namespace mblm::sim;

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

SharedMemory::SharedMemory() {
  void *fresh =
      mmap(nullptr, 2 * window, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);
  if (fresh == MAP_FAILED) {
    throw Error(Exit::Resource, "simulator: cannot map the window of shared memory");
  }
  memory = static_cast<char *>(fresh);
  begin = (uint64_t(memory) + window - 1) / window * window;
}

SharedMemory::~SharedMemory() { munmap(memory, 2 * window); }

void SharedMemory::reset(uint32_t bytes) {
  size = bytes;
  size_t words = bytes / 4 + 1;
  if (cells.size() < words) {
    cells.resize(words);
  }
  initialised.assign(words, 0);
  std::memset(reinterpret_cast<void *>(begin), 0xff, bytes); // NaNs
}

void SharedMemory::forget() { std::fill(cells.begin(), cells.end(), Cell()); }

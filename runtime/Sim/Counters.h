// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel does to memory, counted as the hardware would see it: warp by warp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mblm::sim {

struct Counters {
  int64_t launches = 0, blocks = 0, threads = 0;
  int64_t bytesRead = 0, bytesWritten = 0;       // of global memory, access by access
  int64_t distinctRead = 0, distinctWritten = 0; // bytes of the 32-byte sectors touched, each once a launch
  int64_t sectors = 0, leastSectors = 0;         // of warps' accesses; what they would be if bytes lay side by side
  int64_t sharedAccesses = 0, bankConflicts = 0; // wavefronts if there were no conflicts; further ones
  int64_t mmaFlops = 0;
  int64_t switches = 0;

  Counters &operator+=(const Counters &other);
  std::string text() const; // one line
};

struct Access {
  uint64_t address;
  uint32_t site;
  uint16_t bytes;
  bool shared;
};

// A thread's accesses since its warp's were last counted.
using Trace = std::vector<Access>;
constexpr size_t maxTrace = 4096; // what is beyond goes uncounted

// Pairs the accesses of a warp's threads (same site, same turn) and counts them; empties the traces.
void countWarp(Trace *const *traces, uint32_t lanes, Counters &counters);
// One wavefront's worth of 16-byte rows: an 8 x 8 matrix of ldmatrix.
void countRows(const uint64_t *rows, uint32_t count, Counters &counters);

} // namespace mblm::sim

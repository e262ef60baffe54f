// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads of a warp run one after another here; position by position their traces tell what would have been one
// instruction. Where threads took different ways, accesses are paired by site and turn.
#include "runtime/Sim/Counters.h"

#include <algorithm>
#include <map>

using namespace mblm::sim;

Counters &Counters::operator+=(const Counters &other) {
  launches += other.launches;
  blocks += other.blocks;
  threads += other.threads;
  bytesRead += other.bytesRead;
  bytesWritten += other.bytesWritten;
  distinctRead += other.distinctRead;
  distinctWritten += other.distinctWritten;
  sectors += other.sectors;
  leastSectors += other.leastSectors;
  sharedAccesses += other.sharedAccesses;
  bankConflicts += other.bankConflicts;
  mmaFlops += other.mmaFlops;
  switches += other.switches;
  return *this;
}

std::string Counters::text() const {
  auto count = [](const char *what, int64_t value) { return std::string(what) + " " + std::to_string(value); };
  return count("launches", launches) + count(", blocks", blocks) + count(", threads", threads) +
         count(", bytes read", bytesRead) + count(" (distinct", distinctRead) +
         count("), bytes written", bytesWritten) + count(" (distinct", distinctWritten) + count("), sectors", sectors) +
         count(" (least", leastSectors) + count("), shared wavefronts", sharedAccesses) +
         count(" and conflicts", bankConflicts) + count(", mma flops", mmaFlops);
}

static size_t distinct(uint64_t *values, size_t count) {
  if (!std::is_sorted(values, values + count)) {
    std::sort(values, values + count);
  }
  return std::unique(values, values + count) - values;
}

static void countGlobal(const uint64_t *addresses, size_t lanes, uint32_t bytes, Counters &counters) {
  uint64_t starts[32], sectors[32 * 2];
  size_t touched = 0;
  for (size_t i = 0; i < lanes; ++i) {
    starts[i] = addresses[i];
    for (uint64_t sector = addresses[i] / 32; sector <= (addresses[i] + bytes - 1) / 32 && touched < 64; ++sector) {
      sectors[touched++] = sector;
    }
  }
  counters.sectors += distinct(sectors, touched);
  counters.leastSectors += (distinct(starts, lanes) * bytes + 31) / 32;
}

// The most different words that one of the 32 banks must give.
static uint32_t wavefronts(const uint64_t *addresses, size_t lanes, uint32_t bytes) {
  uint64_t words[32 * 4];
  size_t count = 0;
  for (size_t i = 0; i < lanes; ++i) {
    for (uint64_t word = addresses[i] / 4; word <= (addresses[i] + bytes - 1) / 4 && count < 128; ++word) {
      words[count++] = word;
    }
  }
  count = distinct(words, count);
  uint8_t banks[32] = {};
  uint32_t most = 1;
  for (size_t i = 0; i < count; ++i) {
    most = std::max<uint32_t>(most, ++banks[words[i] % 32]);
  }
  return most;
}

// 128 bytes at a time: wide accesses go by halves or quarters of the warp.
static void countShared(const uint64_t *addresses, size_t lanes, uint32_t bytes, Counters &counters) {
  size_t group = bytes <= 4 ? 32 : std::max<size_t>(128 / bytes, 1);
  for (size_t begin = 0; begin < lanes; begin += group) {
    uint32_t needed = wavefronts(addresses + begin, std::min(group, lanes - begin), std::min<uint32_t>(bytes, 16));
    ++counters.sharedAccesses;
    counters.bankConflicts += needed - 1;
  }
}

void mblm::sim::countRows(const uint64_t *rows, uint32_t count, Counters &counters) {
  countShared(rows, count, 16, counters);
}

// Lanes side by side, as most accesses are.
static bool countConsecutive(const uint64_t *addresses, size_t lanes, const Access &like, Counters &counters) {
  uint64_t apart = 0;
  for (size_t i = 1; i < lanes; ++i) {
    apart |= addresses[i] - addresses[i - 1] - like.bytes;
  }
  if (apart) {
    return false;
  }
  uint64_t bytes = lanes * like.bytes;
  if (!like.shared) {
    counters.sectors += (addresses[0] + bytes - 1) / 32 - addresses[0] / 32 + 1;
    counters.leastSectors += (bytes + 31) / 32;
  } else if (like.bytes >= 4 && like.bytes <= 16) {
    counters.sharedAccesses += (bytes + 127) / 128;
  } else {
    return false;
  }
  return true;
}

static void countTogether(const uint64_t *addresses, size_t lanes, const Access &like, Counters &counters) {
  if (countConsecutive(addresses, lanes, like, counters)) {
    return;
  }
  if (like.shared) {
    countShared(addresses, lanes, like.bytes, counters);
  } else {
    countGlobal(addresses, lanes, like.bytes, counters);
  }
}

static bool alike(Trace *const *traces, uint32_t lanes) {
  const Trace &first = *traces[0];
  for (uint32_t lane = 1; lane < lanes; ++lane) {
    const Trace &other = *traces[lane];
    if (other.size() != first.size()) {
      return false;
    }
    for (size_t i = 0; i < first.size(); ++i) {
      if (other[i].site != first[i].site || other[i].shared != first[i].shared) {
        return false;
      }
    }
  }
  return true;
}

static void countByTurn(Trace *const *traces, uint32_t lanes, Counters &counters) {
  std::map<std::pair<uint32_t, uint32_t>, std::vector<Access>> together;
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    std::map<uint32_t, uint32_t> turns;
    for (const Access &access : *traces[lane]) {
      uint32_t site = access.site << 1 | uint32_t(access.shared);
      together[{site, turns[site]++}].push_back(access);
    }
  }
  uint64_t addresses[32];
  for (const auto &[key, accesses] : together) {
    std::transform(accesses.begin(), accesses.end(), addresses, [](const Access &access) { return access.address; });
    countTogether(addresses, accesses.size(), accesses.front(), counters);
  }
}

void mblm::sim::countWarp(Trace *const *traces, uint32_t lanes, Counters &counters) {
  if (alike(traces, lanes)) {
    uint64_t addresses[32];
    for (size_t i = 0; i < traces[0]->size(); ++i) {
      for (uint32_t lane = 0; lane < lanes; ++lane) {
        addresses[lane] = (*traces[lane])[i].address;
      }
      countTogether(addresses, lanes, (*traces[0])[i], counters);
    }
  } else {
    countByTurn(traces, lanes, counters);
  }
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    traces[lane]->clear();
  }
}

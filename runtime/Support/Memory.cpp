// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers come straight from the kernel (mmap): zeroed for free, returned at once, and large ones on huge pages.
#include "runtime/Support/Memory.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace mblm::rt {

static constexpr int64_t slackBytes = 256;
static constexpr int64_t hugePage = 2 << 20;

MemoryAccount &memoryAccount() {
  static MemoryAccount account;
  return account;
}

void MemoryAccount::charge(int64_t bytes, const std::string &what) {
  if (bytes > limit() - current) {
    throw Error(Exit::Resource, what + " needs " + std::to_string(bytes) + " bytes beside the " +
                                    std::to_string(current) + " in use, but the limit is " + std::to_string(maximum) +
                                    " bytes (--max-memory); a smaller batch or length would fit");
  }
  current += bytes;
  highest = std::max(highest, current);
}

// The smallest memory.max from this process's control group up to the root (version 2 only).
static int64_t controlGroupLimit() {
  int64_t limit = std::numeric_limits<int64_t>::max();
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    if (line.rfind("0::", 0) != 0) {
      continue;
    }
    std::string path = line.substr(3);
    for (;;) {
      std::ifstream file("/sys/fs/cgroup" + path + "/memory.max");
      int64_t bytes;
      if (file >> bytes) { // "max" does not parse: no limit here
        limit = std::min(limit, bytes);
      }
      size_t slash = path.rfind('/');
      if (slash == std::string::npos) {
        break;
      }
      path.resize(slash);
    }
  }
  return limit;
}

int64_t defaultMemoryLimit() {
  int64_t machine = int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGESIZE));
  return std::min(machine, controlGroupLimit()) / 10 * 9;
}

int64_t bufferBytes(int64_t floats, const std::string &what) {
  int64_t wanted;
  if (floats < 0 || __builtin_mul_overflow(floats, int64_t(sizeof(float)), &wanted) ||
      __builtin_add_overflow(wanted, slackBytes + hugePage, &wanted)) {
    throw Error(Exit::Resource, what + " needs more bytes than can be counted (" + std::to_string(floats) + " floats)");
  }
  wanted = floats * int64_t(sizeof(float)) + slackBytes;
  int64_t unit = wanted >= 2 * hugePage ? hugePage : 4096;
  return (wanted + unit - 1) / unit * unit;
}

Buffer::Buffer(int64_t floats, const std::string &what) {
  int64_t wanted = bufferBytes(floats, what);
  bool large = wanted >= 2 * hugePage;
  memoryAccount().charge(wanted, what);
  // Over-reserving by one huge page lets the used part start on a huge-page border; the untouched rest costs nothing.
  int64_t reserved = large ? wanted + hugePage : wanted;
  void *base = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    memoryAccount().release(wanted);
    throw Error(Exit::Resource, what + " needs " + std::to_string(wanted) + " bytes, which the system refused");
  }
  char *first = static_cast<char *>(base);
  if (large) {
    char *aligned = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(base) + hugePage - 1) / hugePage * hugePage);
    if (aligned > first) {
      munmap(first, aligned - first);
    }
    if (aligned + wanted < first + reserved) {
      munmap(aligned + wanted, first + reserved - (aligned + wanted));
    }
    first = aligned;
    madvise(first, wanted, MADV_HUGEPAGE); // advice only: without huge pages it is merely slower
  }
  start = reinterpret_cast<float *>(first);
  count = floats;
  bytes = wanted;
}

Buffer::~Buffer() {
  if (start) {
    munmap(start, bytes);
    memoryAccount().release(bytes);
  }
}

void Buffer::swap(Buffer &other) noexcept {
  std::swap(start, other.start);
  std::swap(count, other.count);
  std::swap(bytes, other.bytes);
}

void growBuffer(Buffer &buffer, int64_t floats, const std::string &what) {
  if (buffer && buffer.size() >= floats) {
    return;
  }
  // Shapes that grow bit by bit (generation) must not allocate every time: small buffers grow by half.
  static constexpr int64_t small = 1 << 24;
  int64_t roomy = buffer.size() + buffer.size() / 2;
  { Buffer old = std::move(buffer); } // returned first, so that both never stand side by side
  bool room = roomy <= small && bufferBytes(roomy, what) <= memoryAccount().limit() - memoryAccount().used();
  buffer = Buffer(room ? std::max(floats, roomy) : floats, what);
}

} // namespace mblm::rt

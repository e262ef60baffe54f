// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// XXH64 over memory, and a chain of it over files.
#include "runtime/Support/Hash.h"

#include "runtime/Support/File.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

namespace mblm::rt {

static constexpr uint64_t prime1 = 0x9E3779B185EBCA87u;
static constexpr uint64_t prime2 = 0xC2B2AE3D27D4EB4Fu;
static constexpr uint64_t prime3 = 0x165667B19E3779F9u;
static constexpr uint64_t prime4 = 0x85EBCA77C2B2AE63u;
static constexpr uint64_t prime5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

template <typename T>
static T load(const unsigned char *p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

static uint64_t mixLane(uint64_t lane, uint64_t word) { return rotate(lane + word * prime2, 31) * prime1; }

uint64_t hash64(const void *data, size_t bytes, uint64_t seed) {
  auto *p = static_cast<const unsigned char *>(data);
  auto *end = p + bytes;
  uint64_t h = seed + prime5;
  if (bytes >= 32) {
    uint64_t lanes[4] = {seed + prime1 + prime2, seed + prime2, seed, seed - prime1};
    for (; end - p >= 32; p += 32) {
      for (int i = 0; i < 4; ++i) {
        lanes[i] = mixLane(lanes[i], load<uint64_t>(p + 8 * i));
      }
    }
    h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (uint64_t lane : lanes) {
      h = (h ^ mixLane(0, lane)) * prime1 + prime4;
    }
  }
  h += bytes;
  for (; end - p >= 8; p += 8) {
    h = rotate(h ^ mixLane(0, load<uint64_t>(p)), 27) * prime1 + prime4;
  }
  if (end - p >= 4) {
    h = rotate(h ^ load<uint32_t>(p) * prime1, 23) * prime2 + prime3;
    p += 4;
  }
  for (; p < end; ++p) {
    h = rotate(h ^ *p * prime5, 11) * prime1;
  }
  h = (h ^ h >> 33) * prime2;
  h = (h ^ h >> 29) * prime3;
  return h ^ h >> 32;
}

uint64_t hashFile(const std::string &path) {
  InputFile file(path);
  std::vector<char> piece(std::min<int64_t>(file.size(), 1 << 20));
  uint64_t h = 0;
  for (int64_t at = 0; at < file.size();) {
    int64_t n = std::min<int64_t>(file.size() - at, piece.size());
    file.read(at, piece.data(), n);
    h = hash64(piece.data(), n, h);
    at += n;
  }
  return h;
}

std::string hexText(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

} // namespace mblm::rt

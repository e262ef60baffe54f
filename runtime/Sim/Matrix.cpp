// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync and ldmatrix. Fragments as PTX describes them: lane 4g + t holds rows g and g + 8, columns about 2t.
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

#include <cstring>

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static constexpr uint32_t warpMask = ~0u;

static float asFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static float brain(uint16_t bits) { return asFloat(uint32_t(bits) << 16); }

static float half(uint16_t bits) {
  _Float16 value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

namespace {
struct Fragments { // of one lane: words of A and B, numbers of C
  uint32_t a[4], b[2];
  float c[4];
};

struct Tiles {
  float a[16][16], b[16][8], d[16][8];
};

struct Multiply {
  const Fragments *in;
  float *out;
};
} // namespace

static const Fragments &inOf(Thread &lane) { return *static_cast<Multiply *>(lane.operands)->in; }

template <float (*number)(uint16_t)>
static void gather16(Thread *lanes, Tiles &tiles) {
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const Fragments &in = inOf(lanes[lane]);
    uint32_t g = lane / 4, t = lane % 4 * 2;
    for (uint32_t word = 0; word < 4; ++word) {
      uint32_t row = g + word % 2 * 8, column = t + word / 2 * 8;
      tiles.a[row][column] = number(uint16_t(in.a[word]));
      tiles.a[row][column + 1] = number(uint16_t(in.a[word] >> 16));
    }
    for (uint32_t word = 0; word < 2; ++word) {
      tiles.b[t + word * 8][g] = number(uint16_t(in.b[word]));
      tiles.b[t + word * 8 + 1][g] = number(uint16_t(in.b[word] >> 16));
    }
  }
}

// tf32: the hardware ignores the low 13 bits.
static void gather8(Thread *lanes, Tiles &tiles) {
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const Fragments &in = inOf(lanes[lane]);
    uint32_t g = lane / 4, t = lane % 4;
    for (uint32_t word = 0; word < 4; ++word) {
      tiles.a[g + word % 2 * 8][t + word / 2 * 4] = asFloat(in.a[word] & ~0x1fffu);
    }
    for (uint32_t word = 0; word < 2; ++word) {
      tiles.b[t + word * 4][g] = asFloat(in.b[word] & ~0x1fffu);
    }
  }
}

__attribute__((target_clones("avx2", "default"))) static void multiplyTiles(Tiles &tiles, uint32_t depth) {
  for (uint32_t i = 0; i < 16; ++i) {
    for (uint32_t k = 0; k < depth; ++k) {
      for (uint32_t j = 0; j < 8; ++j) {
        tiles.d[i][j] += tiles.a[i][k] * tiles.b[k][j];
      }
    }
  }
}

Nothing operations::multiply(Pointer thread, Word kind, Pointer in, Pointer out, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  Multiply own{static_cast<Fragments *>(in), static_cast<float *>(out)};
  block.meet(self, warpMask, static_cast<const Site *>(site), &own, [&](Thread *lanes, uint32_t) {
    Tiles tiles;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      for (uint32_t i = 0; i < 4; ++i) {
        tiles.d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2] = inOf(lanes[lane]).c[i];
      }
    }
    if (kind == TensorFloat8) {
      gather8(lanes, tiles);
    } else if (kind == Half16) {
      gather16<half>(lanes, tiles);
    } else {
      gather16<brain>(lanes, tiles);
    }
    uint32_t depth = kind == TensorFloat8 ? 8 : 16;
    multiplyTiles(tiles, depth);
    block.counters.mmaFlops += 2 * 16 * 8 * depth;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      for (uint32_t i = 0; i < 4; ++i) {
        static_cast<Multiply *>(lanes[lane].operands)->out[i] = tiles.d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
      }
    }
  });
}

namespace {
struct LoadMatrix {
  uint64_t row;
  uint32_t *out;
};
} // namespace

static LoadMatrix &loadOf(Thread &lane) { return *static_cast<LoadMatrix *>(lane.operands); }

Nothing operations::loadMatrix(Pointer thread, Pointer row, Word count, Word transposed, Pointer out, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  LoadMatrix own{uint64_t(row), static_cast<uint32_t *>(out)};
  block.meet(self, warpMask, where, &own, [&](Thread *lanes, uint32_t) {
    for (uint32_t matrix = 0; matrix < count; ++matrix) {
      uint64_t rows[8];
      uint16_t elements[8][8];
      for (uint32_t i = 0; i < 8; ++i) {
        Thread &lane = lanes[matrix * 8 + i];
        rows[i] = loadOf(lane).row;
        block.readShared(lane, rows[i], 16, 16, where);
        std::memcpy(elements[i], reinterpret_cast<const void *>(rows[i]), 16);
      }
      countRows(rows, 8, block.counters);
      for (uint32_t lane = 0; lane < 32; ++lane) {
        uint32_t g = lane / 4, t = lane % 4 * 2;
        uint32_t low = transposed ? elements[t][g] : elements[g][t];
        uint32_t high = transposed ? elements[t + 1][g] : elements[g][t + 1];
        loadOf(lanes[lane]).out[matrix] = low | high << 16;
      }
    }
  });
}

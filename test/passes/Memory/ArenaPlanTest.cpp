// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The memory plan holds for every B and M, wastes nothing in cases whose best plan is known, and is never worse than no
// plan at all.
#include "passes/Memory/ArenaPlan.h"

#include <gtest/gtest.h>

#include <random>

using namespace mblm;

namespace {

ArenaBuffer buffer(SymbolicDim floats, int64_t first, int64_t last) {
  ArenaBuffer result;
  result.floats = floats;
  result.first = first;
  result.last = last;
  return result;
}

ArenaBuffer fixed(int64_t floats, int64_t first, int64_t last) {
  return buffer(SymbolicDim::constant(floats), first, last);
}

bool alive(const ArenaBuffer &a, const ArenaBuffer &b) { return a.first <= b.last && b.first <= a.last; }

// For a B and an M: buffers lie inside the arena, whole cache lines apart, and no two that are alive together overlap.
void expectSound(const std::vector<ArenaBuffer> &asked, const std::vector<ArenaBuffer> &planned, SymbolicDim size,
                 int64_t b, int64_t m) {
  for (size_t i = 0; i < planned.size(); ++i) {
    int64_t begin = planned[i].offset.evaluate(b, m), end = begin + planned[i].floats.evaluate(b, m);
    EXPECT_GE(planned[i].floats.evaluate(b, m), asked[i].floats.evaluate(b, m)) << "buffer " << i;
    EXPECT_GE(begin, 0) << "buffer " << i;
    EXPECT_EQ(begin % 16, 0) << "buffer " << i << " shares a cache line";
    EXPECT_LE(end, size.evaluate(b, m)) << "buffer " << i << " of an arena for B = " << b << ", M = " << m;
    for (size_t j = 0; j < i; ++j) {
      int64_t from = planned[j].offset.evaluate(b, m), to = from + planned[j].floats.evaluate(b, m);
      if (alive(planned[i], planned[j])) {
        EXPECT_TRUE(end <= from || to <= begin)
            << "buffers " << i << " and " << j << " overlap for B = " << b << ", M = " << m;
      }
    }
  }
}

TEST(ArenaPlan, IsSoundForEveryShape) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto upTo = [&](int64_t n) { return int64_t(random() % uint64_t(n + 1)); };
    std::vector<ArenaBuffer> asked(1 + upTo(24));
    for (ArenaBuffer &one : asked) {
      one.first = upTo(20);
      one.last = one.first + upTo(upTo(3) == 0 ? 20 : 4);
      // Mostly one term, as tensors have; sometimes the bound of several.
      int64_t *terms[] = {&one.floats.one, &one.floats.m, &one.floats.b, &one.floats.bm};
      for (int64_t n = upTo(4) == 0 ? 3 : 1; n > 0; --n) {
        *terms[upTo(3)] += upTo(upTo(2) == 0 ? 3000 : 60);
      }
    }
    std::vector<ArenaBuffer> planned = asked;
    SymbolicDim size = planArena(planned), sum;
    for (const ArenaBuffer &one : planned) {
      sum = sum + one.floats;
    }
    for (int64_t b : {1, 2, 3, 4, 7, 64}) {
      for (int64_t m : {1, 2, 5, 256, 8192}) {
        expectSound(asked, planned, size, b, m);
        EXPECT_LE(size.evaluate(b, m), sum.evaluate(b, m)) << "without a plan it would be less";
      }
    }
  }
}

TEST(ArenaPlan, IsSoundBehindAPrefix) {
  // Some buffers are of the positions behind the first ones, of which there are more than a nominal sequence has.
  constexpr int64_t prefix = 1000;
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto upTo = [&](int64_t n) { return int64_t(random() % uint64_t(n + 1)); };
    std::vector<ArenaBuffer> asked(2 + upTo(16));
    for (ArenaBuffer &one : asked) {
      int64_t first = upTo(20), width = 1 + upTo(60);
      one = buffer({0, 0, upTo(1) == 0 ? -prefix * width : 0, width}, first, first + upTo(6));
    }
    std::vector<ArenaBuffer> planned = asked;
    SymbolicDim size = planArena(planned);
    for (int64_t b : {1, 3, 64}) {
      for (int64_t m : {prefix, prefix + 1, prefix + 17, 8 * prefix}) {
        expectSound(asked, planned, size, b, m);
      }
    }
  }
}

TEST(ArenaPlan, OfNothingIsEmpty) { EXPECT_EQ(planArena({}), SymbolicDim()); }

TEST(ArenaPlan, RoundsToCacheLines) {
  ArenaBuffer one = buffer({1, 2, 17, 32}, 0, 0);
  EXPECT_EQ(planArena(one), (SymbolicDim{16, 16, 32, 32}));
}

TEST(ArenaPlan, ReusesWhatHasDied) {
  // A chain: each step reads the buffer before it, so two are alive at a time.
  std::vector<ArenaBuffer> chain;
  for (int64_t step = 0; step < 10; ++step) {
    chain.push_back(buffer({0, 0, 0, 64}, step, step + 1));
  }
  EXPECT_EQ(planArena(chain), (SymbolicDim{0, 0, 0, 128}));
}

TEST(ArenaPlan, KeepsApartWhatTouches) {
  // One's last step is the other's first: it is read while the other is written.
  ArenaBuffer both[] = {fixed(32, 0, 3), fixed(32, 3, 5)};
  EXPECT_EQ(planArena(both), SymbolicDim::constant(64));
  ArenaBuffer apart[] = {fixed(32, 0, 2), fixed(32, 3, 5)};
  EXPECT_EQ(planArena(apart), SymbolicDim::constant(32));
}

TEST(ArenaPlan, PiecesTakeTheMemoryOfTheLargestOne) {
  // What is made piece by piece twice, one after the other, beside what all slots have.
  ArenaBuffer buffers[] = {buffer({0, 0, 0, 64}, 0, 3), buffer({32, 0, 0, 0, 1600}, 1, 1), buffer({0, 0, 0, 0, 3200}, 2, 2)};
  EXPECT_EQ(planArena(buffers), (SymbolicDim{32, 0, 0, 64, 3200}));
}

TEST(ArenaPlan, FillsTheRoomOfLargeOnesWithSmallOnes) {
  // Two small ones side by side where a large one was.
  ArenaBuffer buffers[] = {fixed(64, 0, 1), fixed(32, 2, 4), fixed(32, 3, 4)};
  EXPECT_EQ(planArena(buffers), SymbolicDim::constant(64));
  // A long-lived one at the bottom, others after each other above it.
  ArenaBuffer layers[] = {fixed(16, 0, 9), fixed(48, 1, 2), fixed(48, 3, 4), fixed(48, 5, 6)};
  EXPECT_EQ(planArena(layers), SymbolicDim::constant(64));
}

TEST(ArenaPlan, LaysWhatIsKeptForTheWayBackBelowWhatComesAndGoes) {
  // Forward and back through layers: each keeps two buffers until the way back reaches it, and has larger ones in between,
  // which would leave holes if the largest were placed first.
  std::vector<ArenaBuffer> buffers;
  constexpr int64_t layers = 12, perLayer = 4, steps = 2 * layers * perLayer;
  for (int64_t layer = 0; layer < layers; ++layer) {
    int64_t there = layer * perLayer, back = steps - 1 - there;
    buffers.push_back(buffer({0, 0, 0, 320}, there, back));
    buffers.push_back(buffer({0, 0, 0, 160 + 16 * (layer % 3)}, there + 1, back - 1));
    for (int64_t at : {there, back - perLayer}) {
      buffers.push_back(buffer({0, 0, 0, 640}, at + 1, at + 3));
      buffers.push_back(buffer({0, 0, 0, 512}, at + 3, at + 4));
      buffers.push_back(buffer({512, 0, 0, 0}, at, at + 1));
    }
  }
  SymbolicDim size = planArena(buffers);
  int64_t most = 0;
  for (int64_t step = 0; step < steps; ++step) {
    int64_t alive = 0;
    for (const ArenaBuffer &one : buffers) {
      alive += one.first <= step && step <= one.last ? one.floats.bm : 0;
    }
    most = std::max(most, alive);
  }
  EXPECT_EQ(size.bm, most);
}

TEST(ArenaPlan, DoesNotGuessWhichFormIsLarger) {
  // 100*B may or may not lie beyond 100*M; only one behind the other is right for all shapes.
  ArenaBuffer buffers[] = {buffer({0, 96, 0, 0}, 0, 1), buffer({0, 0, 96, 0}, 0, 1)};
  EXPECT_EQ(planArena(buffers), (SymbolicDim{0, 96, 96, 0}));
  // Not alive together, they share the place, and the arena holds either.
  ArenaBuffer shared[] = {buffer({0, 96, 0, 0}, 0, 1), buffer({0, 0, 96, 0}, 2, 3)};
  EXPECT_EQ(planArena(shared), (SymbolicDim{0, 96, 96, 0}));
}

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One loop for each vector width. Twelve sums hide the latency of a multiply-add (4 to 5 cycles, two a cycle) and fit
// into sixteen registers. Memory is read by plain sums.
#include "tools/commands/Peak.h"

#include "runtime/Support/Memory.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mblm::cli {

using Clock = std::chrono::steady_clock;

namespace {

template <int width>
struct Vector {
  typedef float Type __attribute__((vector_size(width * sizeof(float))));
};

// Returns the flops done: `rounds` multiply-adds into each of a dozen vectors.
template <int width>
__attribute__((always_inline)) inline double multiplyAdd(int64_t rounds, volatile float *sink) {
  constexpr int sums = 12;
  typename Vector<width>::Type total[sums];
  typename Vector<width>::Type factor = {};
  factor += *sink;
  for (int i = 0; i < sums; ++i) {
    total[i] = factor + float(i);
  }
  for (int64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < sums; ++i) {
      total[i] = total[i] * factor + factor;
    }
  }
  float result = 0;
  for (int i = 0; i < sums; ++i) {
    result += total[i][0];
  }
  *sink = result > 1e30f ? 1.0f : 0.5f; // keeps the sums alive and the values small
  return 2.0 * width * sums * double(rounds);
}

double portable(int64_t rounds, volatile float *sink) { return multiplyAdd<4>(rounds, sink); }
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double avx2(int64_t rounds, volatile float *sink) {
  return multiplyAdd<8>(rounds, sink);
}
__attribute__((target("avx512f"))) double avx512(int64_t rounds, volatile float *sink) {
  return multiplyAdd<16>(rounds, sink);
}

__attribute__((target("avx512f,avx512bf16"))) double pairs(int64_t rounds, volatile float *sink) {
  constexpr int sums = 12;
  __m512 total[sums];
  __m512bh factor = __m512bh(_mm512_set1_epi32(0x3d003d00)); // small numbers
  for (__m512 &sum : total) {
    sum = _mm512_set1_ps(*sink);
  }
  for (int64_t round = 0; round < rounds; ++round) {
    for (__m512 &sum : total) {
      sum = _mm512_dpbf16_ps(sum, factor, factor);
    }
  }
  for (__m512 &sum : total) {
    *sink = _mm512_reduce_add_ps(sum) > 1e30f ? 1.0f : 0.5f;
  }
  return 2.0 * 32 * sums * double(rounds);
}

// Four tiles of sums, of zeros.
__attribute__((target("amx-tile,amx-bf16"))) double tiles(int64_t rounds, volatile float *) {
  struct alignas(64) {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } shape;
  alignas(64) char zeros[1024] = {};
  _tile_loadconfig(&shape);
  _tile_loadd(0, zeros, 64);
  _tile_loadd(1, zeros, 64);
  _tile_loadd(2, zeros, 64);
  _tile_loadd(3, zeros, 64);
  _tile_loadd(4, zeros, 64);
  _tile_loadd(5, zeros, 64);
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return 2.0 * 4 * 16 * 16 * 32 * double(rounds);
}
#endif

// Adds up floats, eight vectors at a time.
template <int width>
__attribute__((always_inline)) inline float addUp(const float *data, int64_t count) {
  constexpr int sums = 8;
  typename Vector<width>::Type total[sums] = {};
  for (int64_t at = 0; at + sums * width <= count; at += sums * width) {
    for (int i = 0; i < sums; ++i) {
      total[i] += *reinterpret_cast<const typename Vector<width>::Type *>(data + at + i * width);
    }
  }
  float result = 0;
  for (int i = 0; i < sums; ++i) {
    result += total[i][0];
  }
  return result;
}

float portableSum(const float *data, int64_t count) { return addUp<4>(data, count); }
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float avx2Sum(const float *data, int64_t count) { return addUp<8>(data, count); }
__attribute__((target("avx512f"))) float avx512Sum(const float *data, int64_t count) { return addUp<16>(data, count); }
#endif

using Sum = float (*)(const float *, int64_t);

Sum widestSum() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return avx512Sum;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return avx2Sum;
  }
#endif
  return portableSum;
}

using Loop = double (*)(int64_t, volatile float *);

Loop widestLoop(const std::string &level) {
#if defined(__x86_64__)
  if (level == "amx") {
    return tiles;
  }
  if (level == "avx512bf16") {
    return pairs;
  }
  if (__builtin_cpu_supports("avx512f")) {
    return avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return avx2;
  }
#endif
  return portable;
}

double bestOfOneThread(Loop loop) {
  volatile float sink = 0.5f;
  double best = 0;
  for (int run = 0; run < 8; ++run) {
    Clock::time_point start = Clock::now();
    double flops = loop(1 << 20, &sink);
    best = std::max(best, flops / std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

// Several sums, so that the additions wait for nothing but memory.
double bandwidthOfOneThread() {
  constexpr int64_t floats = int64_t(16) << 20;
  std::vector<float> memory(floats, 0.5f);
  typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
  double best = 0;
  for (int run = 0; run < 6; ++run) {
    Clock::time_point start = Clock::now();
    Vector total[4] = {};
    for (int64_t at = 0; at < floats; at += 64) {
      for (int i = 0; i < 4; ++i) {
        total[i] += *reinterpret_cast<const Vector *>(memory.data() + at + 16 * i);
      }
    }
    double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    volatile float sink = total[0][0] + total[1][0] + total[2][0] + total[3][0];
    (void)sink;
    best = std::max(best, double(floats) * sizeof(float) / seconds);
  }
  return best;
}

} // namespace

// Of all threads at the same time.
static double sumOverThreads(int threads, const std::function<double()> &measure) {
  std::vector<double> results(threads);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) {
    others.emplace_back([&results, i, &measure] { results[i] = measure(); });
  }
  results[0] = measure();
  double sum = results[0];
  for (int i = 1; i < threads; ++i) {
    others[i - 1].join();
    sum += results[i];
  }
  return sum;
}

double measurePeakFlops(int threads, const std::string &level) {
  Loop loop = widestLoop(level);
  return sumOverThreads(threads, [&] { return bestOfOneThread(loop); });
}

double measurePeakBandwidth(int threads) { return sumOverThreads(threads, bandwidthOfOneThread); }

double measureReadBandwidth(int threads) {
  constexpr int64_t floats = int64_t(96) << 20; // 384 MiB
  rt::Buffer buffer(floats, "the measurement of memory");
  std::fill_n(buffer.data(), floats, 1.0f);
  int64_t piece = floats / threads / 1024 * 1024;
  Sum sum = widestSum();
  volatile float sink = 0;
  double best = 0;
  for (int pass = 0; pass < 6; ++pass) {
    std::vector<std::thread> others;
    Clock::time_point start = Clock::now();
    for (int i = 1; i < threads; ++i) {
      others.emplace_back([&, i] { sink = sum(buffer.data() + i * piece, piece); });
    }
    sink = sum(buffer.data(), piece);
    for (std::thread &thread : others) {
      thread.join();
    }
    double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, double(threads * piece) * sizeof(float) / seconds);
  }
  return best;
}

} // namespace mblm::cli

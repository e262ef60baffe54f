// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distributions from blocks of random bits, each block by its place.
#include "runtime/Initial.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>

namespace mblm::rt {

// The number below which a standard normal one lies with probability (1 + p) / 2, over the square root of 2: a rational
// start (Winitzki's), and Newton's steps to f64's precision.
static double inverseErf(double p) {
  double log = std::log1p(-p * p), half = 2 / (3.141592653589793 * 0.147) + log / 2;
  double x = std::copysign(std::sqrt(std::sqrt(half * half - log / 0.147) - half), p);
  for (int step = 0; step < 4; ++step) {
    x -= (std::erf(x) - p) * 0.886226925452758 * std::exp(x * x); // sqrt(pi) / 2
  }
  return x;
}

// A number of a distribution that takes one uniform number, u in (0, 1); f64 as below.
static float drawOne(const Parameter &p, double u) {
  if (p.init == "log_uniform") {
    return float(std::log(p.low + u * (p.high - p.low)));
  }
  if (p.init == "step") { // the inverse of softplus
    double step = std::max(std::exp(std::log(p.low) + u * (std::log(p.high) - std::log(p.low))), p.scale);
    return float(step + std::log(-std::expm1(-step)));
  }
  if (p.init == "truncated_normal") {
    constexpr double inside = 0.9973002039367398; // erf(3 / sqrt(2))
    return float(p.scale * 1.4142135623730951 * inverseErf((2 * u - 1) * inside));
  }
  return float(p.scale * (2 * u - 1));
}

// Four numbers of the distribution from one random block.
static void drawBlock(const Parameter &p, const PhiloxBlock &bits, float *out) {
  for (int i = 0; i < 4; i += 2) {
    if (p.init == "normal") { // Box-Muller, in f64 so that every C library rounds to the same f32
      double u = (double(bits[i]) + 0.5) * 0x1p-32;
      double angle = 6.283185307179586 * (double(bits[i + 1]) * 0x1p-32);
      double radius = p.scale * std::sqrt(-2 * std::log(u));
      out[i] = float(radius * std::cos(angle));
      out[i + 1] = float(radius * std::sin(angle));
    } else {
      out[i] = drawOne(p, (double(bits[i]) + 0.5) * 0x1p-32);
      out[i + 1] = drawOne(p, (double(bits[i + 1]) + 0.5) * 0x1p-32);
    }
  }
}

// Values that no chance decides; false where it does.
static bool fillFixed(const Parameter &p, float *out) {
  int64_t n = p.elements();
  if (p.init == "log_count") {
    for (int64_t e = 0; e < n; ++e) {
      out[e] = float(std::log(double(e % p.shape.back() + 1)));
    }
    return true;
  }
  bool fixed = p.init == "zeros" || p.init == "ones" || p.init == "constant";
  if (fixed) {
    std::fill(out, out + n, p.init == "ones" ? 1.0f : p.init == "constant" ? float(p.scale) : 0.0f);
  }
  return fixed;
}

static bool isRandom(const std::string &init) {
  return init == "normal" || init == "truncated_normal" || init == "uniform" || init == "log_uniform" || init == "step";
}

void drawInitial(const Parameter &p, uint32_t index, uint64_t seed, float *out) {
  if (fillFixed(p, out)) {
    return;
  }
  if (!isRandom(p.init)) {
    throw Error(Exit::Integrity, "parameter '" + p.name + "' has unknown initial distribution '" + p.init + "'");
  }
  int64_t n = p.elements();
  for (int64_t block = 0; block * 4 < n; ++block) {
    float values[4];
    drawBlock(p, randomBlock(seed, Stream::Init, block, index, 0), values);
    std::copy(values, values + std::min<int64_t>(4, n - block * 4), out + block * 4);
  }
  if (p.zeroRow >= 0) {
    std::fill_n(out + p.zeroRow * p.shape.back(), p.shape.back(), 0.0f);
  }
}

} // namespace mblm::rt

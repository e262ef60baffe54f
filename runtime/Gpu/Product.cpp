// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/Product.h"

#include "runtime/Support/Convert.h"

#include <cmath>
#include <cstring>

namespace mblm::rt::gpu {

static float load(const void *data, Element element, int64_t i) {
  return element == Element::F32 ? static_cast<const float *>(data)[i]
                                 : floatFromBrain(static_cast<const uint16_t *>(data)[i]);
}

static void store(void *data, Element element, int64_t i, float value) {
  if (element == Element::F32) {
    static_cast<float *>(data)[i] = value;
  } else {
    static_cast<uint16_t *>(data)[i] = brainFromFloat(value);
  }
}

// To 10 bits of mantissa, ties away from zero, as cvt.rna.tf32 does.
static float toTf32(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7f800000) != 0x7f800000) {
    bits = (bits + 0x1000) & ~0x1fffu;
  }
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

static double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

void plainProduct(const ProductCall &call) {
  bool round = call.rounded && call.element == Element::F32;
  auto operand = [&](const void *data, int64_t i) {
    float value = load(data, call.element, i);
    return round ? toTf32(value) : value;
  };
  int64_t leftRow = call.leftDepthInside ? call.leftStride : 1, leftStep = call.leftDepthInside ? 1 : call.leftStride;
  int64_t rightRow = call.rightDepthInside ? call.rightStride : 1, rightStep = call.rightDepthInside ? 1 : call.rightStride;
  for (int64_t row = 0; row < call.rows; ++row) {
    for (int64_t column = 0; column < call.columns; ++column) {
      float sum = 0;
      for (int64_t k = 0; k < call.depth; ++k) {
        float left = operand(call.left, row * leftRow + k * leftStep);
        sum = std::fma(left, operand(call.right, column * rightRow + k * rightStep), sum);
      }
      int64_t place = row * call.resultStride + column;
      if (call.addend) {
        sum += load(call.addend, call.resultElement, place);
      }
      if (call.bias) {
        sum += load(call.bias, call.resultElement, column);
      }
      store(call.result, call.resultElement, place, call.gelu ? float(gelu(sum)) : sum);
    }
  }
}

} // namespace mblm::rt::gpu

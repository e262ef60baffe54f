// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Half precision is widened by hand: the portable build has no instruction for it.
#include "runtime/Support/Convert.h"

#include <cmath>
#include <cstring>

namespace mblm::rt {

template <typename T>
static T element(const char *raw, int64_t i) {
  T value;
  std::memcpy(&value, raw + i * int64_t(sizeof(T)), sizeof(T));
  return value;
}

float floatFromBrain(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

uint16_t brainFromFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value)) {
    return uint16_t(bits >> 16 | 0x40); // quiet
  }
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float floatFromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  int mantissa = bits & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = mantissa ? NAN : INFINITY;
  } else if (exponent == 0) {
    magnitude = std::ldexp(float(mantissa), -24); // subnormal
  } else {
    magnitude = std::ldexp(float(1024 + mantissa), exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

int64_t elementAsInteger(DType type, const char *raw, int64_t i) {
  switch (type) {
  case DType::I64:
    return element<int64_t>(raw, i);
  case DType::I32:
    return element<int32_t>(raw, i);
  case DType::I8:
    return element<int8_t>(raw, i);
  case DType::Bool:
    return element<uint8_t>(raw, i) != 0;
  default:
    return element<uint8_t>(raw, i);
  }
}

double elementAsDouble(DType type, const char *raw, int64_t i) {
  switch (type) {
  case DType::F64:
    return element<double>(raw, i);
  case DType::F32:
    return element<float>(raw, i);
  case DType::F16:
    return floatFromHalf(element<uint16_t>(raw, i));
  case DType::BF16:
    return floatFromBrain(element<uint16_t>(raw, i));
  default:
    return double(elementAsInteger(type, raw, i));
  }
}

} // namespace mblm::rt

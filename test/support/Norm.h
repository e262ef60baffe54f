// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How large `n` numbers are, or how far from `minus` where this is not null: the Euclidean norm, summed in f64.
#pragma once

#include <cmath>
#include <cstdint>

namespace mblm::test {

inline double norm(const float *values, const float *minus, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    double difference = double(values[i]) - (minus ? minus[i] : 0);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

} // namespace mblm::test

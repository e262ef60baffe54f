// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of the reference interpreter: row-major, f64 for every float type of the program, i32 for byte ids.
#pragma once

#include <cstdint>
#include <vector>

namespace mblm {

struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> f;  // elements of a float tensor, else empty
  std::vector<int32_t> i; // elements of an id tensor, else empty

  static Tensor floats(std::vector<int64_t> shape) {
    Tensor t{std::move(shape), {}, {}};
    t.f.assign(t.elements(), 0.0);
    return t;
  }
  static Tensor floats(std::vector<int64_t> shape, std::vector<double> values) {
    return {std::move(shape), std::move(values), {}};
  }
  static Tensor ids(std::vector<int64_t> shape, std::vector<int32_t> values) {
    return {std::move(shape), {}, std::move(values)};
  }
  static Tensor scalar(double value) { return {{}, {value}, {}}; }

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t elements() const {
    int64_t n = 1;
    for (int64_t size : shape) {
      n *= size;
    }
    return n;
  }
  // One position of a sequence batch [K, T, C], or one row of a matrix.
  double *row(int64_t k, int64_t t) { return f.data() + (k * shape[1] + t) * shape[2]; }
  const double *row(int64_t k, int64_t t) const { return f.data() + (k * shape[1] + t) * shape[2]; }
  double *row(int64_t n) { return f.data() + n * shape[1]; }
  const double *row(int64_t n) const { return f.data() + n * shape[1]; }
};

} // namespace mblm

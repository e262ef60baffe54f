// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entries of a small module, called without the runtime: the test decides which work items run, and in which order.
#pragma once

#include "compiler/Pipelines/Phases.h"
#include "runtime/ABI.h"

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace mblm::test {

// Zeroed memory that takes none until it is touched.
class SparseFloats {
public:
  explicit SparseFloats(int64_t floats);
  ~SparseFloats();
  SparseFloats(const SparseFloats &) = delete;
  float *data() const { return memory; }

private:
  float *memory;
  size_t bytes;
};

// What an entry works on; a null pointer stands for nothing. Arguments 0, 1 and 3 of a function are `first`, `second`
// and `third`; argument 2 is no tensor's place.
struct Buffers {
  float *first = nullptr, *second = nullptr, *third = nullptr, *params = nullptr, *grads = nullptr, *output = nullptr;
};

// Runs the items of one step; each call of `run` has a scratch full of NaNs.
using Order = std::function<void(int64_t items, const std::function<void(int64_t begin, int64_t end)> &run)>;
Order allAtOnce();
Order oneByOneBackwards();

class CompiledModule {
public:
  // `text` is a module at phase `mblm`.
  CompiledModule(const std::string &text, const std::string &level, const pipelines::Fusion &fusion = {});
  ~CompiledModule();
  CompiledModule(const CompiledModule &) = delete;
  // Calls mblm_entry_<entry> with B = 1 and M = 1.
  void run(const std::string &entry, const Buffers &buffers, const Order &order) const;

private:
  void *handle = nullptr;
};

std::vector<float> randomFloats(int64_t count, std::mt19937_64 &random);

// Fails where values differ from the exact ones by more than `tolerance` of the largest of these.
void expectClose(const float *values, const std::vector<double> &exact, double tolerance, const std::string &what);

} // namespace mblm::test

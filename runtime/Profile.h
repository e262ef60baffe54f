// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where an entry's time goes, kernel by kernel. A profile takes the thread pool's place in the ABI's context, so that
// runs without one pay nothing.
#pragma once

#include "runtime/Metadata.h"
#include "runtime/ThreadPool.h"

namespace mblm::rt {

class Profile {
public:
  explicit Profile(ThreadPool &pool) : pool(pool) {}

  // Before an entry runs: the kernels that it is going to launch, in order, and in how many pieces.
  void begin(const std::vector<Launches> &launches, int64_t pieces);
  // In the ABI's form: `profile` is a Profile.
  static void parallel(void *profile, MblmKernel kernel, void *args, int64_t items) {
    static_cast<Profile *>(profile)->run(kernel, args, items);
  }
  std::vector<KernelTime> times() const; // the longest first

private:
  void run(MblmKernel kernel, void *args, int64_t items);

  std::string nextName();

  ThreadPool &pool;
  const std::vector<Launches> *expected = nullptr;
  int64_t pieces = 1;
  size_t group = 0, position = 0; // in `expected`, and in its part
  int64_t piece = 0;
  std::vector<KernelTime> kernels; // in the order of their first launch
};

} // namespace mblm::rt

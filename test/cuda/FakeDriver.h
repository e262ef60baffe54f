// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CUDA driver that runs nothing: a shared library with the driver's functions, whose device memory is the host's. It
// writes down what it is asked for, and fails where it is told to, from the start by FAKE_FAILURES="FUNCTION=CODE ...".
// Modules are texts, either "kernels: NAME NAME ..." or PTX, whose kernels do nothing.
#pragma once

#include "runtime/Cuda/Api.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mblm::test {

struct FakeDriver {
  // What it pretends to be.
  int version = 13000;
  int devices = 1, major = 9, minor = 0;
  int sharedBytes = 232448; // of a block, at most
  size_t freeBytes = 1000000;
  bool hasGetProcAddress = true;
  std::map<std::string, int> failures;  // what a function returns instead of doing its work
  std::map<const void *, int> refusals; // the same for images
  std::string log;                      // of the compiler of texts, where it refuses one

  // What it was asked for.
  std::vector<std::string> calls;
  std::map<std::string, int> versions; // that functions were asked for by
  std::map<rt::cuda::Address, size_t> memory;
  std::multiset<std::string> alive; // contexts, streams, modules, graphs and what was made of these
  int sticky = 0;                   // the result of every call from now on
};

} // namespace mblm::test

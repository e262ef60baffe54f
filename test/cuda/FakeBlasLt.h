// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cuBLASLt for host memory that computes what it is asked for, element by element and column by column.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace mblm::test {

struct FakeBlasLt {
  std::map<std::string, int> failures; // what a function returns instead of doing its work
  int algorithms = 1;                  // that the heuristic finds

  int searches = 0, products = 0;
  int alive = 0;                       // handles, descriptions, layouts and preferences
  std::map<int, uint64_t> preferences; // by attribute, of the latest search
  int compute = 0;                     // type, of the latest product
  uint64_t workspaceBytes = 0;         // of the latest product
};

} // namespace mblm::test

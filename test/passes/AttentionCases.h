// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and its gradient as modules, for every target's kernels.
#pragma once

#include "test/passes/AgainstInterpreter.h"

namespace mblm::test {

struct AttentionCase {
  const char *name;
  int64_t positions; // 0: as many as there are slots
  int64_t slots, heads, width;
  std::string mask;
  bool rotated = false, dropout = false;
  bool apart = false; // query, key and value are three tensors
};

ModuleCase attentionModule(const AttentionCase &c);

} // namespace mblm::test

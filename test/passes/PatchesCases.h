// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules of ops on patches that the data decides, for every target.
#pragma once

#include "test/passes/AgainstInterpreter.h"

#include <ostream>

namespace mblm::test {

struct PatchesCase {
  std::string name;
  ModuleCase test;
  double tolerance = 1e-5; // of f32
};

inline void PrintTo(const PatchesCase &c, std::ostream *os) { *os << c.name; }

std::vector<PatchesCase> patchesCases();

} // namespace mblm::test

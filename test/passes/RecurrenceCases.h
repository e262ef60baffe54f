// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences and their gradients in every shape that makes a difference to some target.
#pragma once

#include "test/passes/AgainstInterpreter.h"

namespace mblm::test {

struct RecurrenceCase {
  std::string name;
  ModuleCase test;
  double tolerance; // in f32
};

std::vector<RecurrenceCase> prefixCases();
std::vector<RecurrenceCase> selectiveScanCases();
std::vector<RecurrenceCase> ssdCases();
std::vector<RecurrenceCase> stepCases();
std::vector<RecurrenceCase> recurrenceCases(); // all of them

} // namespace mblm::test

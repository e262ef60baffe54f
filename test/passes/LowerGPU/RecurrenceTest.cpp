// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences as CUDA kernels on the simulator against the interpreter.
#include "test/passes/RecurrenceCases.h"

#include <gtest/gtest.h>

using namespace mblm::test;

namespace {
class Recurrence : public testing::TestWithParam<RecurrenceCase> {};

TEST_P(Recurrence, AgreesWithTheInterpreter) {
  expectSimulatedAgreement(GetParam().test, 7, GetParam().tolerance, "f32");
}

// Factors and tensors are rounded to 8 bits, states and sums are not.
TEST_P(Recurrence, AgreesInBrainFloats) { expectSimulatedAgreement(GetParam().test, 7, 5e-2, "bf16"); }

// Those that are products of tiles.
class RecurrenceByTiles : public testing::TestWithParam<RecurrenceCase> {};
TEST_P(RecurrenceByTiles, AgreesInTf32) { expectSimulatedAgreement(GetParam().test, 7, 1e-2, "tf32"); } // three bits more than bf16

INSTANTIATE_TEST_SUITE_P(Ssd, RecurrenceByTiles, testing::ValuesIn(ssdCases()), [](const auto &info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Cases, Recurrence, testing::ValuesIn(recurrenceCases()),
                         [](const auto &info) { return info.param.name; });
} // namespace

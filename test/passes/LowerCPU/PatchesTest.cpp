// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on patches that the data decides, as native code against the interpreter.
#include "test/passes/PatchesCases.h"

#include <gtest/gtest.h>

using namespace mblm::test;

namespace {
class Patches : public testing::TestWithParam<PatchesCase> {};

TEST_P(Patches, AgreeWithTheInterpreter) { expectAgreement(GetParam().test, 13, GetParam().tolerance); }

INSTANTIATE_TEST_SUITE_P(Cases, Patches, testing::ValuesIn(patchesCases()), [](const auto &info) { return info.param.name; });
} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products as native code under schedules by hand: items of many rows, pieces of the columns, several passes over the depth.
#include "test/passes/GemmCases.h"

#include "dialects/Kernel/IR/KernelOps.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

// On every product; those whose epilogues look across columns keep them together.
Native scheduled(const std::string &level, const std::string &precision, int64_t rows, int64_t columns, int64_t depth) {
  Native native;
  native.level = level;
  native.precision = precision;
  native.threads = 3;
  native.edit = [=](mlir::ModuleOp module) {
    module.walk([&](mlir::Operation *op) {
      for (auto [r, c, d] : {std::tuple(rows, columns, depth), std::tuple(rows, columns, int64_t(0)), std::tuple(rows, int64_t(0), depth),
                             std::tuple(int64_t(0), columns, int64_t(0))}) {
        auto schedule = kernel::CpuScheduleAttr::get(op->getContext(), r, c, d);
        if (!kernel::cpuScheduleOf(op) && kernel::takesCpuSchedule(op, schedule)) {
          op->setAttr(kernel::cpuScheduleName, schedule);
        }
      }
    });
  };
  return native;
}

class CpuGemm : public testing::TestWithParam<GemmCase> {};

TEST_P(CpuGemm, AgreesWithSchedulesByHand) {
  for (const std::string &level : hostLevels()) {
    expectAgreement(gemmModule(GetParam()), 29, 1e-5,
                    {scheduled(level, "f32", 48, 32, 32), scheduled(level, "f32", 96, 64, 64), scheduled(level, "f32", 384, 2048, 0)});
  }
}

TEST_P(CpuGemm, AgreesWithSchedulesByHandInBrainFloats) {
  for (const std::string &level : hostLevels(/*narrowProducts=*/true)) {
    expectAgreement(gemmModule(GetParam()), 29, 2e-2, {scheduled(level, "bf16", 48, 32, 32), scheduled(level, "bf16", 192, 96, 64)});
  }
}

INSTANTIATE_TEST_SUITE_P(LowerCPU, CpuGemm, testing::ValuesIn(gemmCases), [](const auto &info) { return std::string(info.param.name); });

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products as CUDA kernels: tiles that end anywhere, with what is fused before and behind them.
#include "test/passes/GemmCases.h"

#include "dialects/Kernel/IR/KernelOps.h"

#include <gtest/gtest.h>

using namespace mblm;
using namespace mblm::test;

namespace {

class Gemm : public testing::TestWithParam<GemmCase> {};

TEST_P(Gemm, AgreesWithTheFormulas) { expectSimulatedAgreement(gemmModule(GetParam()), 29, 1e-5); }

TEST_P(Gemm, AgreesInBrainFloats) {
  Native ampere, hopper, unfused;
  ampere.level = "sm_80";
  hopper.level = unfused.level = "sm_90a";
  ampere.precision = hopper.precision = unfused.precision = "bf16";
  unfused.fusion.on = false;
  expectAgreement(gemmModule(GetParam()), 29, 2e-2, {ampere, hopper, unfused});
}

TEST_P(Gemm, AgreesInTf32) { expectSimulatedAgreement(gemmModule(GetParam()), 29, 2e-3, "tf32"); }

// A schedule by hand on every product and sum over rows; products with block sums keep their rows.
Native scheduled(const std::string &arch, const std::string &precision, int64_t rows, int64_t columns, bool onChip) {
  Native native;
  native.level = arch;
  native.precision = precision;
  native.edit = [=](mlir::ModuleOp module) {
    module.walk([&](mlir::Operation *op) {
      auto schedule = [&](int64_t rows, int64_t parts, bool onChip) {
        op->setAttr(kernel::scheduleName,
                    kernel::ScheduleAttr::get(op->getContext(), rows, columns, parts, onChip));
      };
      auto gemm = mlir::dyn_cast<kernel::GemmOp>(op);
      if (gemm && !gemm.isStreamed()) {
        schedule(gemm.getBlockSums().empty() ? rows : kernel::blockRows, 1, onChip);
      } else if (mlir::isa<kernel::WeightGemmOp>(op)) {
        schedule(rows, 3, false);
      }
    });
  };
  return native;
}

TEST_P(Gemm, AgreesWithTilesByHand) {
  expectAgreement(gemmModule(GetParam()), 29, 1e-5,
                  {scheduled("sm_80", "f32", 16, 48, false), scheduled("sm_90a", "f32", 32, 64, true)});
  expectAgreement(gemmModule(GetParam()), 29, 2e-2,
                  {scheduled("sm_80", "bf16", 32, 176, true), scheduled("sm_90a", "bf16", 112, 80, false)});
}

INSTANTIATE_TEST_SUITE_P(LowerGPU, Gemm, testing::ValuesIn(gemmCases), [](const auto &info) { return std::string(info.param.name); });

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products as CUDA kernels: tiles that end anywhere, with what is fused before and behind them.
#include "test/passes/AgainstInterpreter.h"

#include "dialects/Kernel/IR/KernelOps.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

struct GemmCase {
  const char *name;
  int64_t batch, slots; // rows: their product
  int64_t depth, hidden, columns;
};

// Three products in a row: behind a norm, with bias and GELU; of plain rows, with a residual and a norm over the result; and by the
// transpose of the second weight. Then the gradient of the first weight, as if the last result were that of the first product.
ModuleCase moduleOf(const GemmCase &c) {
  int64_t vocab = 41;
  ModuleCase test;
  test.vocab = vocab;
  test.batch = c.batch;
  test.slots = c.slots;
  test.parameters = {{"x", {vocab, c.depth}, 0.1, 1},           {"residual", {vocab, c.columns}, 0, 1},
                     {"first_gain", {c.depth}, 1, 0.3},         {"second_gain", {c.columns}, 1, 0.3},
                     {"bias", {c.hidden}, 0, 0.5},              {"first", {c.hidden, c.depth}, 0, 2 / std::sqrt(double(c.depth))},
                     {"second", {c.columns, c.hidden}, 0, 2 / std::sqrt(double(c.hidden))}};
  test.columns = {{"after GELU", c.hidden}, {"normalised", c.columns}, {"transposed", c.hidden}};
  auto rows = [](int64_t width) { return tensorType({-1, -1, width}); };
  std::string in = rows(c.depth), middle = rows(c.hidden), out = rows(c.columns), all = rows(2 * c.hidden + c.columns);
  std::string first = tensorType({c.hidden, c.depth}), second = tensorType({c.columns, c.hidden}), eps = " {eps = 1.0e-2 : f64} : ";
  test.body = "%in = mblm.embed %ids, %x : tensor<?x?xi32>, " + tensorType({vocab, c.depth}) + " -> " + in +
              "\n%to_add = mblm.embed %ids, %residual : tensor<?x?xi32>, " + tensorType({vocab, c.columns}) + " -> " + out +
              "\n%n = mblm.norm rms %in, %first_gain" + eps + in + ", " + tensorType({c.depth}) + " -> " + in +
              "\n%h = mblm.linear %n, %first, %bias : " + in + ", " + first + ", " + tensorType({c.hidden}) + " -> " + middle +
              "\n%a = mblm.activation gelu %h : " + middle +
              "\n%y = mblm.linear %a, %second : " + middle + ", " + second + " -> " + out +
              "\n%r = mblm.add %y, %to_add : " + out +
              "\n%m = mblm.norm rms %r, %second_gain" + eps + out + ", " + tensorType({c.columns}) + " -> " + out +
              "\n%t = mblm.linear %m, %second {transposed} : " + out + ", " + second + " -> " + middle +
              "\n%g = mblm.weight_grad %t, %n : " + middle + ", " + in + " -> " + first +
              "\nmblm.gradient [@first], %g : " + first +
              "\n%all = mblm.concat %a, %m, %t : " + middle + ", " + out + ", " + middle + " -> " + all +
              "\nreturn %all : " + all + "\n";
  test.resultType = all;
  return test;
}

class Gemm : public testing::TestWithParam<GemmCase> {};

TEST_P(Gemm, AgreesWithTheFormulas) { expectSimulatedAgreement(moduleOf(GetParam()), 29, 1e-5); }

TEST_P(Gemm, AgreesInBrainFloats) {
  Native ampere, hopper, unfused;
  ampere.level = "sm_80";
  hopper.level = unfused.level = "sm_90a";
  ampere.precision = hopper.precision = unfused.precision = "bf16";
  unfused.fusion.on = false;
  expectSimulatedAgreement(moduleOf(GetParam()), 29, 2e-2, {ampere, hopper, unfused});
}

TEST_P(Gemm, AgreesInTf32) { expectSimulatedAgreement(moduleOf(GetParam()), 29, 2e-3, "tf32"); }

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
  expectSimulatedAgreement(moduleOf(GetParam()), 29, 1e-5,
                           {scheduled("sm_80", "f32", 16, 48, false), scheduled("sm_90a", "f32", 32, 64, true)});
  expectSimulatedAgreement(moduleOf(GetParam()), 29, 2e-2,
                           {scheduled("sm_80", "bf16", 32, 176, true), scheduled("sm_90a", "bf16", 112, 80, false)});
}

const GemmCase cases[] = {
    {"a_tile", 1, 128, 64, 128, 128},
    {"small", 1, 3, 8, 8, 8},
    {"odd_rows", 3, 67, 72, 136, 40},
    {"deep", 2, 70, 520, 24, 256},
    {"wide_and_whole", 1, 131, 32, 264, 248},
    {"wider_than_a_tile", 1, 40, 16, 200, 328},
    {"rows_of_odd_pieces", 2, 65, 33, 70, 37},
    {"half_odd", 1, 130, 40, 100, 72},
};

INSTANTIATE_TEST_SUITE_P(LowerGPU, Gemm, testing::ValuesIn(cases), [](const auto &info) { return std::string(info.param.name); });

} // namespace

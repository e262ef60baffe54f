// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every op's vector-Jacobian product against central differences of the op itself, in f64.
#include "test/interpreter/OpHarness.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::test;

namespace {

// Results that nothing may depend on in a differentiated program (a log-sum-exp kept for the backward pass; sum and
// count).
unsigned differentiableResults(const OpCase &opCase) {
  bool onlyFirst = llvm::is_contained({"mblm.attention", "mblm.ranged_attention", "mblm.cross_entropy", "mblm.mean_loss"}, opCase.op);
  return onlyFirst ? 1 : opCase.results.size();
}

// sum over the results of <result, its gradient>.
double pairing(const std::vector<Tensor> &results, const std::vector<Tensor> &gradients) {
  double sum = 0;
  for (size_t r = 0; r < gradients.size(); ++r) {
    for (size_t n = 0; n < gradients[r].f.size(); ++n) {
      sum += results[r].f[n] * gradients[r].f[n];
    }
  }
  return sum;
}

Tensor centralDifferences(OpFunction &function, std::vector<Tensor> operands, size_t operand,
                          const std::vector<Tensor> &gradients) {
  const double step = 1e-5;
  Tensor differences = Tensor::floats(operands[operand].shape);
  for (size_t n = 0; n < differences.f.size(); ++n) {
    double kept = operands[operand].f[n];
    operands[operand].f[n] = kept + step;
    double above = pairing(function.run(operands), gradients);
    operands[operand].f[n] = kept - step;
    double below = pairing(function.run(operands), gradients);
    operands[operand].f[n] = kept;
    differences.f[n] = (above - below) / (2 * step);
  }
  // What `skip` keeps from the table is no gradient of the function, but a rule.
  auto embed = dyn_cast<EmbedOp>(function.operation());
  if (embed && embed.getSkip()) {
    std::fill_n(differences.row(*embed.getSkip()), differences.shape[1], 0.0);
  }
  return differences;
}

void expectClose(const Tensor &got, const Tensor &expected, const std::string &what) {
  ASSERT_EQ(got.shape, expected.shape) << what;
  double largest = 0, difference = 0;
  for (size_t n = 0; n < expected.f.size(); ++n) {
    largest = std::max(largest, std::abs(expected.f[n]));
    difference = std::max(difference, std::abs(got.f[n] - expected.f[n]));
  }
  EXPECT_LE(difference, 1e-6 * largest + 1e-9) << what << ", largest element " << largest;
}

class Gradient : public testing::TestWithParam<OpCase> {};

TEST_P(Gradient, MatchesCentralDifferences) {
  OpFunction function(GetParam());
  unsigned differentiated = differentiableResults(GetParam());
  function.differentiate(differentiated);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Tensor> operands, gradients;
    for (const test::Operand &operand : GetParam().operands) {
      operands.push_back(randomTensor(operand, random));
    }
    for (unsigned r = 0; r < differentiated; ++r) {
      gradients.push_back(randomTensor(GetParam().results[r].shape, random));
    }
    std::vector<Tensor> got = function.runVjp(operands, gradients);
    for (size_t n = 0; n < operands.size(); ++n) {
      test::Operand::Kind kind = GetParam().operands[n].kind;
      bool due = kind == test::Operand::Normal || kind == test::Operand::PerPosition;
      ASSERT_EQ(!got[n].f.empty(), due) << "whether operand " << n << " has a gradient";
      if (due) {
        expectClose(got[n], centralDifferences(function, operands, n, gradients),
                    GetParam().label() + ", operand " + std::to_string(n) + ", seed " + std::to_string(seed));
      }
    }
  }
}

std::vector<OpCase> differentiableCases() {
  auto names = opNames([](RegisteredOperationName name) { return name.hasInterface<DifferentiableOpInterface>(); });
  std::vector<OpCase> cases;
  llvm::copy_if(opCases(), std::back_inserter(cases),
                [&](const OpCase &opCase) { return llvm::is_contained(names, opCase.op); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(differentiableCases()));

TEST(GradientTable, HasEveryDifferentiableOp) {
  for (const std::string &name :
       opNames([](RegisteredOperationName name) { return name.hasInterface<DifferentiableOpInterface>(); })) {
    // What runs by pieces has the gradients of the ops inside: test/fuzz compares whole models by pieces and at once.
    if (name != "mblm.pieces") {
      EXPECT_GE(llvm::count_if(opCases(), [&](const OpCase &opCase) { return opCase.op == name; }), 2) << name;
    }
  }
}

} // namespace

namespace mblm::test {
void PrintTo(const OpCase &opCase, std::ostream *os) { *os << opCase.label(); }
} // namespace mblm::test

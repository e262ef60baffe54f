// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random models, from spec to numbers, in f64: the loss agrees with the logits, the gradients with differences of the
// loss, and no row sees a byte that comes after it.
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/Workspace.h"
#include "passes/Passes.h"
#include "test/fuzz/RandomSpec.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mlir;
using namespace mblm;

namespace {

class RandomModel : public testing::TestWithParam<uint64_t> {
protected:
  void SetUp() override {
    SCOPED_TRACE(fuzz::describe(spec));
    module = buildModule(spec, context);
    PassManager passes(&context);
    passes.addPass(createDifferentiatePass());
    ASSERT_TRUE(succeeded(passes.run(*module))) << fuzz::describe(spec);
    interpreter = std::make_unique<Interpreter>(*module);
    interpreter->stores().parameters.assign(inputs.params.begin(), inputs.params.end());
  }

  std::vector<int64_t> shape() const { return {inputs.batch, inputs.slots * info.inner}; }
  int64_t length() const { return inputs.slots * info.inner; }
  Tensor ids() const { return Tensor::ids(shape(), inputs.ids); }
  Tensor mask() const { return Tensor::floats(shape(), {inputs.mask.begin(), inputs.mask.end()}); }
  std::vector<double> &parameters() { return interpreter->stores().parameters; }

  Tensor forward(const Tensor &ids) { return interpreter->call("forward", {ids})[0]; }
  double loss() { return interpreter->call("loss", {ids(), mask()})[0].f[0]; }
  // d loss / d parameters; `results` are those of the entry.
  std::vector<double> gradients(std::vector<Tensor> &results) {
    interpreter->stores().gradients.assign(info.parameterElements, 0);
    results = interpreter->call("gradients", {ids(), mask(), Tensor::scalar(1)});
    return interpreter->stores().gradients;
  }
  // (loss(p + h d) - loss(p - h d)) / 2h
  double slope(const std::vector<double> &direction, double step) {
    std::vector<double> kept = parameters();
    auto lossAt = [&](double distance) {
      for (size_t n = 0; n < kept.size(); ++n) {
        parameters()[n] = kept[n] + distance * direction[n];
      }
      return loss();
    };
    double result = (lossAt(step) - lossAt(-step)) / (2 * step);
    parameters() = kept;
    return result;
  }
  // Elements that learn: all of the parameters, but not the pad rows of the byte tables where the spec says so.
  std::vector<bool> learning() const;

  spec::Spec spec = fuzz::randomSpec(GetParam());
  rt::ModelInfo info = makeModelInfo(spec);
  fuzz::Inputs inputs = fuzz::randomInputs(info, GetParam());
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Interpreter> interpreter;
};

std::vector<bool> RandomModel::learning() const {
  std::vector<bool> result(info.parameterElements, false);
  std::vector<spec::Parameter> listed = spec::listParameters(spec);
  for (size_t n = 0; n < listed.size(); ++n) {
    auto begin = result.begin() + info.parameters[n].offset;
    std::fill_n(begin, listed[n].elements(), true);
    if (listed[n].role == spec::Role::ByteTable && spec.untrainedRow()) {
      std::fill_n(begin + *spec.untrainedRow() * listed[n].shape[1], listed[n].shape[1], false);
    }
  }
  return result;
}

// What the references do with the logits of all bytes but the first.
TEST_P(RandomModel, LossIsThatOfTheLogits) {
  Tensor logits = forward(ids()), weights = mask();
  ASSERT_EQ(logits.shape, (std::vector<int64_t>{inputs.batch, length(), info.vocab}));
  double sum = 0, count = 0, perhaps = 0;
  for (int64_t b = 0; b < inputs.batch; ++b) {
    weights.row(b)[0] = 0;
    for (int64_t t = 1; t < length(); ++t) {
      int32_t target = inputs.ids[b * length() + t];
      double total = 0, weight = weights.row(b)[t];
      for (int64_t v = 0; v < info.vocab; ++v) {
        total += std::exp(logits.row(b, t - 1)[v]);
      }
      if (weight != 0 && target != info.pad.value_or(-1)) {
        double nats = std::log(total) - logits.row(b, t - 1)[target];
        sum += weight * nats;
        // A loss that rounds to zero is none, for one of the two kinds of mean; whether it does, its last bit says.
        (nats > 1e-12 || spec.loss == spec::Loss::MeanTargets ? count : perhaps) += 1;
      }
    }
  }
  std::vector<Tensor> got = interpreter->call("loss", {ids(), weights});
  EXPECT_GE(got[2].f[0], count);
  EXPECT_LE(got[2].f[0], count + perhaps);
  count = got[2].f[0];
  EXPECT_NEAR(got[1].f[0], sum, 1e-9 * (1 + sum));
  if (count != 0) {
    EXPECT_NEAR(got[0].f[0], sum / count, 1e-9 * (1 + sum));
  } else {
    EXPECT_EQ(std::isnan(got[0].f[0]), spec.loss == spec::Loss::MeanTargets);
  }
}

TEST_P(RandomModel, GradientsAreSlopesOfTheLoss) {
  std::vector<Tensor> results;
  std::vector<double> grads = gradients(results);
  if (results[2].f[0] == 0) {
    EXPECT_EQ(grads, std::vector<double>(grads.size())) << "no targets, no gradients";
    return;
  }
  EXPECT_EQ(results[0].f[0], loss());
  std::mt19937_64 random(GetParam());
  std::normal_distribution<double> normal;
  std::vector<bool> learns = learning();
  std::vector<size_t> candidates;
  // All parameters at once: the slope along a random direction of length one.
  std::vector<double> direction(grads.size());
  double squares = 0, along = 0;
  for (size_t n = 0; n < grads.size(); ++n) {
    if (!learns[n]) {
      EXPECT_EQ(grads[n], 0) << "element " << n << " does not learn";
      continue;
    }
    candidates.push_back(n);
    direction[n] = normal(random);
    squares += direction[n] * direction[n];
  }
  for (size_t n = 0; n < grads.size(); ++n) {
    direction[n] /= std::sqrt(squares);
    along += direction[n] * grads[n];
  }
  EXPECT_NEAR(slope(direction, 1e-6), along, 1e-5 * std::abs(along) + 1e-8);
  // And a few alone.
  for (int n = 0; n < 4; ++n) {
    size_t element = candidates[random() % candidates.size()];
    direction.assign(grads.size(), 0);
    direction[element] = 1;
    EXPECT_NEAR(slope(direction, 1e-6), grads[element], 1e-5 * std::abs(grads[element]) + 1e-8)
        << "element " << element;
  }
}

TEST_P(RandomModel, NoRowSeesALaterByte) {
  Tensor before = forward(ids());
  for (double value : before.f) {
    ASSERT_TRUE(std::isfinite(value));
  }
  std::mt19937_64 random(GetParam());
  int64_t changed = random() % length();
  Tensor other = ids();
  other.i[changed] = int32_t((other.i[changed] + 1) % info.vocab); // of the first sequence
  Tensor after = forward(other);
  auto sameRows = [&](int64_t b, int64_t begin, int64_t end) {
    return std::equal(before.row(b, begin), before.row(b, end), after.row(b, begin));
  };
  EXPECT_TRUE(sameRows(0, 0, changed)) << "byte " << changed << " of " << length() << " reached a row before it";
  // One feature behind a norm is its sign, or nothing: it may well hide a byte.
  if (spec.stages.back().dim > 1) {
    EXPECT_FALSE(sameRows(0, changed, length())) << "byte " << changed << " of " << length() << " reached no row";
  }
  for (int64_t b = 1; b < inputs.batch; ++b) {
    EXPECT_TRUE(sameRows(b, 0, length())) << "sequence 0 reached sequence " << b;
  }
}

TEST_P(RandomModel, WorkspaceOfEveryEntryIsKnown) {
  for (auto function : module->getOps<func::FuncOp>()) {
    int64_t peak = peakValueBytes(function, inputs.batch, inputs.slots);
    // The logits at least; all entries but @hidden have some.
    int64_t rows = function.getName() == "empty" ? 1 : inputs.batch * length();
    int64_t width = function.getName() == "hidden" ? info.hiddenDim : info.vocab;
    EXPECT_GE(peak, rows * width * int64_t(sizeof(double))) << function.getName().str();
    bool takesIds = function.getNumArguments() > 0;
    EXPECT_EQ(peakValueBytes(function, 2 * inputs.batch, inputs.slots) > peak, takesIds)
        << function.getName().str();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomModel, testing::Range<uint64_t>(0, 50));

} // namespace

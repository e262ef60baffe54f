// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small model's forward pass, loss, gradients and training step by CUDA kernels on the simulator: with products by a library and
// without one, and in tf32 against f32.
#include "compiler/Spec/Reader.h"
#include "runtime/Model.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

// Products of every kind: behind a norm and of plain rows, with biases, GELU in its tanh form and residuals; attention over long
// and short sequences.
const char *specText = R"({"format": 1, "name": "schedules", "vocab": 257, "pad": 256, "stages": [
    {"dim": 48, "length": 64, "position": "none", "layers": [
      {"repeat": 1, "heads": 2, "head_dim": 24, "activation": "gelu_tanh", "attention_bias": true}]},
    {"dim": 32, "length": 4, "position": "learned",
      "layers": [{"repeat": 1, "heads": 2, "head_dim": 16, "activation": "gelu_tanh", "rotary": true}]}]})";

struct Outcome {
  std::vector<float> logits, gradients, weights;
  float loss = 0;
  int libraryCalls = 0;
};

Outcome run(const Native &native) {
  rt::Model model(compileSpec(spec::parseSpec(specText, "schedules.json"), native));
  model.initialize(5);
  std::vector<int32_t> ids;
  for (int64_t n = 0; n < 2 * 17 * 4; ++n) {
    ids.push_back(int32_t(n * n % 251));
  }
  rt::Ids view{2, 17 * 4, ids.data(), nullptr};
  Outcome result;
  auto copy = [&](rt::Flat which) {
    return std::vector<float>(model.flat(which), model.flat(which) + model.info().parameterElements);
  };
  for (int times = 0; times < 3; ++times) { // the third replays a graph
    rt::Rows rows = model.forward(view);
    result.logits.assign(rows.data, rows.data + rows.batch * rows.rows * rows.width);
  }
  result.loss = model.loss(view).loss;
  model.gradients(view);
  result.gradients = copy(rt::Flat::Grads);
  std::fill_n(model.flat(rt::Flat::Grads), model.info().parameterElements, 0.0f);
  float hyper[rt::HyperCount] = {};
  hyper[rt::Lr] = 1e-2f;
  hyper[rt::Beta1] = 0.9f;
  hyper[rt::Beta2] = 0.95f;
  hyper[rt::Eps] = 1e-2f; // so that what is nearly zero stays so
  hyper[rt::Step] = 1;
  std::vector<float> decay(model.info().parameters.size(), 0.0f);
  model.getProgram().startProfile();
  model.trainStep(view, 1, hyper, decay.data());
  for (const rt::KernelTime &kernel : model.getProgram().profile()) {
    result.libraryCalls += kernel.name.find("(library)") != std::string::npos ? int(kernel.calls) : 0;
  }
  result.weights = copy(rt::Flat::Params);
  return result;
}

// The norm of the difference, as a share of the norm.
double distance(const std::vector<float> &got, const std::vector<float> &want) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    size += double(want[i]) * want[i];
  }
  return std::sqrt(difference / size);
}

struct Apart {
  double logits, loss, gradients, weights;
};

Apart compare(const char *what, const Outcome &got, const Outcome &want) {
  EXPECT_EQ(got.logits.size(), want.logits.size());
  Apart apart{distance(got.logits, want.logits), std::abs(got.loss - want.loss) / want.loss,
              distance(got.gradients, want.gradients), distance(got.weights, want.weights)};
  std::printf("%s: logits %.1e, loss %.1e, gradients %.1e, weights behind a step %.1e\n", what, apart.logits, apart.loss,
              apart.gradients, apart.weights);
  return apart;
}

Native nativeOf(const std::string &arch, const std::string &precision, const std::string &library) {
  Native native;
  native.level = arch;
  native.precision = precision;
  native.library = library;
  native.entries = {"forward", "loss", "gradients", "train_step"};
  return native;
}

struct LibraryCase {
  const char *arch, *precision;
  double tolerance;
};

class Library : public testing::TestWithParam<LibraryCase> {};

TEST_P(Library, ComputesWhatTheKernelsDo) {
  const LibraryCase &c = GetParam();
  Outcome kernels = run(nativeOf(c.arch, c.precision, "never")), library = run(nativeOf(c.arch, c.precision, "fits"));
  EXPECT_EQ(kernels.libraryCalls, 0);
  EXPECT_GT(library.libraryCalls, 8);
  Apart apart = compare(c.precision, library, kernels);
  EXPECT_LE(apart.logits, c.tolerance);
  EXPECT_LE(apart.loss, c.tolerance);
  EXPECT_LE(apart.gradients, c.tolerance);
  EXPECT_LE(apart.weights, c.tolerance);
}

const LibraryCase libraryCases[] = {{"sm_80", "f32", 2e-6}, {"sm_80", "tf32", 1e-3}, {"sm_90a", "bf16", 1e-2}};
INSTANTIATE_TEST_SUITE_P(Cases, Library, testing::ValuesIn(libraryCases), [](const auto &info) {
  return std::string(info.param.arch) + "_" + info.param.precision;
});

// Each factor is off by 2^-11 at most; so are sums of many products, as a share of their size, and what a few layers make of them.
TEST(Tf32, IsOffByTheRoundingOfFactors) {
  Outcome exact = run(nativeOf("sm_90a", "f32", "never")), rounded = run(nativeOf("sm_90a", "tf32", "never"));
  Apart apart = compare("tf32", rounded, exact);
  EXPECT_LE(apart.logits, 0x1p-10);
  EXPECT_LE(apart.loss, 0x1p-10);
  EXPECT_LE(apart.gradients, 0x1p-10);
  EXPECT_LE(apart.weights, 0x1p-10);
  EXPECT_GE(apart.logits, 0x1p-14); // tensor cores were used
  EXPECT_GE(apart.gradients, 0x1p-14);
}

} // namespace

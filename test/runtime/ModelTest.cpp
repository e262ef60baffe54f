// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Padding and cropping, checks of ids, weights in and out.
#include "runtime/Model.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <algorithm>
#include <cmath>

namespace mblm::rt {

using test::BigramProgram;
using test::BigramShape;
using test::expectError;
using test::TestFolder;

namespace {

Model bigram(const BigramShape &shape = {}) {
  Model model(std::make_unique<BigramProgram>(shape));
  model.initialize(1);
  return model;
}

// Nothing but parameters.
class ParametersOnly final : public Program {
public:
  explicit ParametersOnly(ModelInfo model) : model(std::move(model)) {}
  const ModelInfo &info() const override { return model; }
  void run(Entry, const Call &) override {}
  int64_t workspaceBytes(Entry, int64_t, int64_t, int64_t) const override { return 0; }

private:
  ModelInfo model;
};

} // namespace

TEST(Model, InitializesBySeedAlone) {
  Model a = bigram();
  Model b = bigram();
  int64_t n = a.info().parameterElements;
  std::vector<float> first(a.flat(Flat::Params), a.flat(Flat::Params) + n);
  EXPECT_EQ(first, std::vector<float>(b.flat(Flat::Params), b.flat(Flat::Params) + n));
  b.initialize(2);
  EXPECT_NE(first, std::vector<float>(b.flat(Flat::Params), b.flat(Flat::Params) + n));
  const Parameter &table = a.info().parameters[1];
  double sum = 0;
  double square = 0;
  for (int64_t i = 0; i < table.elements(); ++i) {
    sum += first[table.offset + i];
    square += first[table.offset + i] * first[table.offset + i];
  }
  EXPECT_NEAR(sum / double(table.elements()), 0, 0.01);
  EXPECT_NEAR(std::sqrt(square / double(table.elements())), 0.5, 0.01);
  EXPECT_EQ(first[0], 0.0f); // "zeros"
  EXPECT_EQ(first[258], 0.0f) << "holes stay zero";
}

TEST(Model, FirstValuesOfStateSpaces) {
  ModelInfo info;
  info.parameters = {{"counts", {3, 4}, 0, "log_count"},
                     {"constant", {4}, 16, "constant", 0.25},
                     {"steps", {5000}, 32, "step", 0.002, 0.001, 0.1},
                     {"decays", {5000}, 5040, "log_uniform", 0, 1, 16}};
  info.parameterElements = 10048;
  Model model(std::make_unique<ParametersOnly>(info));
  model.initialize(1);
  const float *values = model.flat(Flat::Params);
  for (int64_t i = 0; i < 12; ++i) {
    EXPECT_FLOAT_EQ(values[i], float(std::log(double(i % 4 + 1))));
  }
  EXPECT_EQ(values[19], 0.25f);
  std::vector<double> steps, decays;
  for (int64_t i = 0; i < 5000; ++i) {
    steps.push_back(std::log1p(std::exp(double(values[32 + i]))));
    decays.push_back(std::exp(double(values[5040 + i])));
  }
  std::sort(steps.begin(), steps.end());
  std::sort(decays.begin(), decays.end());
  EXPECT_NEAR(steps.front(), 0.002, 1e-6); // the floor
  EXPECT_NEAR(steps[2500], 0.01, 5e-4);    // the middle of a log-uniform draw
  EXPECT_NEAR(steps.back(), 0.1, 1e-3);
  EXPECT_NEAR(decays.front(), 1, 0.02);
  EXPECT_NEAR(decays[2500], 8.5, 0.3);
  EXPECT_NEAR(decays.back(), 16, 0.02);
}

TEST(Model, TruncatedNormalNumbers) {
  ModelInfo info;
  info.parameters = {{"table", {200000}, 0, "truncated_normal", 0.5}};
  info.parameterElements = 200000;
  Model model(std::make_unique<ParametersOnly>(info));
  model.initialize(1);
  const float *values = model.flat(Flat::Params);
  double sum = 0, square = 0, outside = 0, most = 0;
  for (int64_t i = 0; i < 200000; ++i) {
    double x = values[i] / 0.5;
    sum += x;
    square += x * x;
    outside += std::fabs(x) > 1;
    most = std::max(most, std::fabs(x));
  }
  EXPECT_NEAR(sum / 200000, 0, 0.01);
  EXPECT_NEAR(square / 200000, 0.97334, 0.01); // 1 - 2 * 3 * density(3) / 0.9973
  EXPECT_NEAR(outside / 200000, (0.31731 - 0.0027) / 0.9973, 0.005);
  EXPECT_LE(most, 3);
  EXPECT_GT(most, 2.9);
}

TEST(Model, ForwardPadsAndCrops) {
  Model model = bigram();
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; // 2 x 5, padded to 2 x 8
  Rows rows = model.forward({2, 5, ids.data(), nullptr});
  EXPECT_EQ(rows.batch, 2);
  EXPECT_EQ(rows.rows, 5);
  EXPECT_EQ(rows.width, 257);
  const float *table = model.flat(Flat::Params) + model.info().parameters[1].offset;
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(rows.data[i * 257 + 3], table[ids[i] * 257 + 3]) << "row " << i;
  }
}

TEST(Model, LengthsAroundThePatch) {
  BigramShape shape;
  shape.maxSlots = 3;
  Model model = bigram(shape);
  std::vector<int32_t> ids(13, 65);
  EXPECT_EQ(model.forward({1, 0, ids.data(), nullptr}).rows, 1);
  for (int64_t length : {1, 3, 4, 5, 12}) {
    EXPECT_EQ(model.forward({1, length, ids.data(), nullptr}).rows, length);
  }
  expectError(Exit::BadInput,
              "length 13 needs 4 outermost slots of 4 bytes, but model 'bigram' takes at most 3 (12 bytes)", [&] {
                model.forward({1, 13, ids.data(), nullptr});
              });
  expectError(Exit::BadInput, "at least one byte", [&] { model.loss({1, 0, ids.data(), nullptr}); });
}

TEST(Model, RefusesIdsOutsideTheVocabulary) {
  Model model = bigram();
  std::vector<int32_t> ids = {1, 2, 3, 257};
  expectError(Exit::BadInput, "ids[1, 1] is 257, expected 0 to 256", [&] {
    model.forward({2, 2, ids.data(), nullptr});
  });
  ids[3] = -1;
  expectError(Exit::BadInput, "ids[0, 3] is -1", [&] { model.loss({1, 4, ids.data(), nullptr}); });
}

TEST(Model, PaddingIsNoTarget) {
  Model model = bigram();
  std::vector<int32_t> ids = {1, 2, 3, 4, 5};
  Call::Scalars padded = model.loss({1, 5, ids.data(), nullptr});
  EXPECT_EQ(padded.count, 5);
  EXPECT_NEAR(padded.loss, padded.sum / 5, 1e-6);
  std::vector<float> mask = {1, 1, 1, 0, 0};
  EXPECT_EQ(model.loss({1, 5, ids.data(), mask.data()}).count, 3);
}

TEST(Model, GradientsMatchFiniteDifferences) {
  Model model = bigram();
  std::vector<int32_t> ids = {65, 66, 65, 67, 65, 66};
  Ids batch = {1, 6, ids.data(), nullptr};
  model.gradients(batch, 1);
  int64_t at = model.info().parameters[1].offset + 65 * 257 + 66;
  float gradient = model.flat(Flat::Grads)[at];
  float step = 0.05f;
  model.flat(Flat::Params)[at] += step;
  double up = model.loss(batch).loss;
  model.flat(Flat::Params)[at] -= 2 * step;
  double down = model.loss(batch).loss;
  EXPECT_NEAR((up - down) / (2 * step), gradient, 1e-4);
  EXPECT_NE(gradient, 0);
  std::vector<TensorView> views = model.tensors(Flat::Grads, "grad.");
  EXPECT_EQ(views[1].name, "grad.table.weight");
  EXPECT_EQ(static_cast<const float *>(views[1].data)[65 * 257 + 66], gradient);
}

TEST(Model, WeightsRoundTripAndIgnorableNames) {
  TestFolder folder;
  Model a = bigram();
  a.saveWeights(folder / "w");
  Model b = bigram();
  b.initialize(9);
  EXPECT_EQ(b.loadWeights(folder / "w").line(), "2 mapped");
  b.saveWeights(folder / "w2");
  EXPECT_EQ(test::readAll(folder / "w"), test::readAll(folder / "w2"));

  std::vector<TensorView> views = a.tensors(Flat::Params);
  float buffer[2] = {};
  views.push_back({"stage.rotary.inv_freq", {2}, buffer});
  views.push_back({"old.buffer", {1}, buffer});
  writeSafetensors(folder / "w3", views);
  EXPECT_EQ(b.loadWeights(folder / "w3").line(), "2 mapped, 2 ignored (stage.rotary.inv_freq; old.buffer)");
}

TEST(Model, WeightsThatDoNotFitLoadNothing) {
  TestFolder folder;
  Model model = bigram();
  std::vector<float> other(300, 5.0f);
  writeSafetensors(
      folder / "w",
      {{"start", {257}, other.data()}, {"table.weight", {10, 10}, other.data()}, {"stray", {3}, other.data()}});
  float before = model.flat(Flat::Params)[0];
  expectError(
      Exit::BadInput,
      "do not fit model 'bigram': 1 mapped, 1 extra (stray [3]), 1 wrongly shaped (table.weight [10, 10], model has "
      "[257, 257])",
      [&] { model.loadWeights(folder / "w"); });
  EXPECT_EQ(model.flat(Flat::Params)[0], before);
  writeSafetensors(folder / "w", {{"start", {257}, other.data()}});
  expectError(Exit::BadInput, "1 missing (table.weight [257, 257])", [&] { model.loadWeights(folder / "w"); });
}

TEST(Model, WarnsOfWeightsThatAreNotFinite) {
  TestFolder folder;
  Model model = bigram();
  model.flat(Flat::Params)[3] = NAN;
  model.flat(Flat::Params)[4] = INFINITY;
  model.saveWeights(folder / "w");
  std::vector<std::string> warnings = model.loadWeights(folder / "w").warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("tensor 'start' holds 2 values that are NaN or infinite, of 257"), std::string::npos);
}

TEST(Model, NoStartTokenNeedsAPrompt) {
  BigramShape shape;
  shape.startToken = false;
  Model model = bigram(shape);
  expectError(Exit::BadInput, "has no start token", [&] { model.forward({1, 0, nullptr, nullptr}); });
}

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the recorded cases and compares.
#include "test/golden/GoldenCase.h"

#include "compiler/Spec/Import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

using namespace mblm;
using namespace mblm::golden;

static const std::string root = "test/golden/";

std::vector<CaseName> mblm::golden::forwardCases() {
  return {{"mblm", "d01_1d_t_fixed"},
          {"mblm", "d02_1d_t_nopos_norot_long"},
          {"mblm", "d03_1d_m"},
          {"mblm", "d04_1d_m_fixed_k3e3"},
          {"mblm", "d05_2d_tt_fixed_exact"},
          {"mblm", "d06_2d_tt_nopos1_pad_long"},
          {"mblm", "d07_2d_mt_exact"},
          {"mblm", "d08_2d_mt_pad_long_pad0"},
          {"mblm", "d09_3d_ttt_fixed_exact"},
          {"mblm", "d10_3d_mtt_pad"},
          {"mblm", "d11_3d_mmt_pad"},
          {"mblm", "d12_2d_tt_rope_lossmask"},
          {"mblm", "m2_d1_1d"},
          {"mblm", "m2_d2_2d_mt_pad"},
          {"mblm", "m2_d3_3d_mtt"},
          {"megabyte", "byte_transformer_1stage"},
          {"megabyte", "byte_transformer_gpt2"},
          {"megabyte", "mamba2_lm"},
          {"megabyte", "mamba_lm_rms_tied"},
          {"megabyte", "mambabyte_ln_untied"},
          {"megabyte", "mega_2s_base"},
          {"megabyte", "mega_2s_posemb_only"},
          {"megabyte", "mega_2s_relpos_posemb_pad"},
          {"megabyte", "mega_3s_prepatched_flash"},
          {"megabyte", "mega_3s_relpos"},
          {"megabyte", "mega_intdim_odd_pad257"}};
}

std::vector<CaseName> mblm::golden::trajectoryCases() {
  return {{"mblm", "traj_d1_2d_tt"},
          {"mblm", "traj_d2_2d_mt_accum2"},
          {"megabyte", "train_mambabyte"},
          {"megabyte", "train_mega_2s"}};
}

std::vector<CaseName> mblm::golden::greedyCases() {
  return {{"mblm", "gen_d1_2d_tt"},
          {"mblm", "gen_d2_3d_mtt_past_lmax"},
          {"mblm", "m2_gen_d1_2d_mt"},
          {"megabyte", "mambabyte_greedy"},
          {"megabyte", "mega_greedy"}};
}

static nlohmann::json readJson(const std::string &path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

GoldenCase::GoldenCase(const CaseName &name)
    : name(name), folder(root + name.pack + "/" + name.name), info(readJson(folder + "/case.json")),
      io(folder + "/io.safetensors") {
  spec = spec::importConfig(info.at("format"), folder + "/config.json");
}

// Nested ids are the same bytes in the same order.
GoldenCase::Inputs GoldenCase::inputs() const {
  Inputs inputs;
  inputs.ids = io.integers("ids");
  inputs.batch = io.get("ids").shape[0];
  inputs.length = int64_t(inputs.ids.size()) / inputs.batch;
  if (io.find("loss_mask")) {
    inputs.mask = io.floats("loss_mask");
  }
  return inputs;
}

// The first difference beyond |a - b| <= t * (1 + |b|), and the worst one.
static void expectClose(const float *got, const float *expected, int64_t n, double tolerance, const std::string &what) {
  double worst = 0;
  int64_t first = -1;
  for (int64_t i = 0; i < n; ++i) {
    double excess = std::abs(double(got[i]) - expected[i]) / (1 + std::abs(double(expected[i])));
    if (!(excess <= tolerance) && first < 0) {
      first = i;
    }
    worst = std::max(worst, excess);
  }
  EXPECT_LT(first, 0) << what << ": element " << first << " of " << n << " is " << got[std::max<int64_t>(first, 0)]
                      << ", expected " << expected[std::max<int64_t>(first, 0)] << "; worst difference " << worst;
}

// Both are [batch, rows, width], but `got` may have more rows.
static void expectRows(const rt::Rows &got, const rt::TensorInfo &info, const std::vector<float> &expected,
                       double tolerance, const std::string &what) {
  int64_t width = info.shape.back();
  int64_t rows = info.elements / width / got.batch;
  ASSERT_EQ(got.width, width);
  ASSERT_LE(rows, got.rows);
  for (int64_t b = 0; b < got.batch; ++b) {
    expectClose(got.data + b * got.rows * width, expected.data() + b * rows * width, rows * width, tolerance,
                what + " of sequence " + std::to_string(b));
  }
}

void GoldenCase::checkForward(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  Inputs in = inputs();
  expectRows(model.forward(in.view()), io.get("logits"), io.floats("logits"), tolerances.logits, "logits");
}

void GoldenCase::checkEmpty(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  const char *name = io.find("empty_logits") ? "empty_logits" : "logits_empty";
  // One row a sequence, all alike.
  int64_t rows = io.get(name).elements / spec.vocab;
  expectRows(model.empty(rows), io.get(name), io.floats(name), tolerances.logits, name);
}

void GoldenCase::checkLoss(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  Inputs in = inputs();
  rt::Call::Scalars scalars = model.loss(in.view());
  EXPECT_NEAR(scalars.loss, io.floats("loss")[0], tolerances.loss);
  EXPECT_NEAR(scalars.sum / scalars.count, scalars.loss, tolerances.loss);
}

static double norm(const float *values, const float *minus, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    double difference = double(values[i]) - (minus ? minus[i] : 0);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

void GoldenCase::checkGradients(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  Inputs in = inputs();
  // Two halves: gradients add up, and `scale` scales them.
  rt::Call::Scalars scalars = model.gradients(in.view(), 0.25f);
  EXPECT_NEAR(scalars.loss, io.floats("loss")[0], tolerances.loss);
  model.gradients(in.view(), 0.75f);
  size_t checked = 0;
  for (const rt::TensorView &tensor : model.tensors(rt::Flat::Grads, "grad.")) {
    std::vector<float> expected = io.floats(tensor.name);
    ASSERT_EQ(io.get(tensor.name).shape, tensor.shape) << tensor.name;
    auto *got = static_cast<const float *>(tensor.data);
    double size = norm(expected.data(), nullptr, int64_t(expected.size()));
    double difference = norm(got, expected.data(), int64_t(expected.size()));
    EXPECT_LE(difference, tolerances.gradients * size + 1e-9) << tensor.name << ", whose norm is " << size;
    ++checked;
  }
  size_t recorded = std::count_if(io.tensors().begin(), io.tensors().end(),
                                  [](const rt::TensorInfo &tensor) { return tensor.name.rfind("grad.", 0) == 0; });
  EXPECT_EQ(checked, recorded);
}

namespace {

// The optimizer's part of case.json, whose two spellings differ.
struct Optimizer {
  explicit Optimizer(const nlohmann::json &json, const rt::SafetensorsFile &io, size_t steps) : hyper(rt::HyperCount) {
    hyper[rt::Beta1] = json.at("betas")[0];
    hyper[rt::Beta2] = json.at("betas")[1];
    hyper[rt::Eps] = json.at("eps");
    hyper[rt::WeightDecay] = json.at("weight_decay");
    hyper[rt::ClipNorm] = json.contains("clip") ? json["clip"] : json.at("clip_grad_norm");
    hyper[rt::Decoupled] = json.at("type") == "AdamW";
    undecayed = json.value("no_weight_decay", undecayed);
    if (io.find("lr")) {
      rates = io.floats("lr");
    } else {
      for (size_t step = 0; step < steps; ++step) {
        rates.push_back(json.at("lr").get<double>() *
                        std::min(1.0, (step + 1) / json.at("warmup_steps").get<double>()));
      }
    }
  }

  const float *at(size_t step) {
    hyper[rt::Lr] = rates.at(step);
    hyper[rt::Step] = float(step + 1);
    return hyper.data();
  }

  float decays(const std::string &name) const {
    return std::find(undecayed.begin(), undecayed.end(), name) == undecayed.end() ? 1 : 0;
  }

  std::vector<float> hyper;
  std::vector<float> rates;
  std::vector<std::string> undecayed; // parameters without weight decay
};

} // namespace

std::vector<float> GoldenCase::recordedNorms() const {
  return io.find("grad_norm") ? io.floats("grad_norm") : info.at("grad_norm").get<std::vector<float>>();
}

void GoldenCase::checkTrajectory(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  const char *name = io.find("batches") ? "batches" : "ids";
  std::vector<int32_t> ids = io.integers(name);
  std::vector<int64_t> shape = io.get(name).shape; // [steps * accumulate, B, L]
  std::vector<float> losses = io.floats("loss"), norms = recordedNorms();
  size_t accumulate = size_t(shape[0]) / losses.size();
  ASSERT_EQ(int64_t(losses.size() * accumulate), shape[0]);
  Optimizer optimizer(info.at("optimizer"), io, losses.size());
  std::vector<float> decay;
  for (const rt::Parameter &parameter : model.info().parameters) {
    decay.push_back(optimizer.decays(parameter.name));
  }
  for (size_t step = 0; step < losses.size(); ++step) {
    double loss = 0;
    for (size_t n = 0; n < accumulate; ++n) {
      int64_t first = int64_t(step * accumulate + n) * shape[1] * shape[2];
      rt::Ids batch{shape[1], shape[2], ids.data() + first, nullptr};
      float scale = 1.0f / float(accumulate);
      bool last = n + 1 == accumulate;
      rt::Call::Scalars scalars =
          last ? model.trainStep(batch, scale, optimizer.at(step), decay.data()) : model.gradients(batch, scale);
      loss += double(scalars.loss) / double(accumulate);
      if (last) {
        EXPECT_NEAR(scalars.gradNorm, norms[step], tolerances.gradNorm) << "step " << step;
      }
    }
    EXPECT_NEAR(loss, losses[step], tolerances.loss) << "step " << step;
  }
  bool separate = !io.find("final." + model.info().parameters[0].name);
  rt::SafetensorsFile finals(folder + (separate ? "/final.safetensors" : "/io.safetensors"));
  for (const rt::TensorView &tensor : model.tensors(rt::Flat::Params, separate ? "" : "final.")) {
    std::vector<float> expected = finals.floats(tensor.name);
    expectClose(static_cast<const float *>(tensor.data), expected.data(), int64_t(expected.size()), tolerances.weights,
                tensor.name);
  }
}

// `ids` are whole sequences [batch, L]: each byte behind the prompt is the most probable one, and row t of the recorded
// logits chose byte promptLength + t.
void GoldenCase::checkContinuation(rt::Model &model, const std::vector<int32_t> &ids, int64_t batch,
                                   int64_t promptLength, const std::string &logits,
                                   const Tolerances &tolerances) const {
  int64_t length = int64_t(ids.size()) / batch, vocab = spec.vocab, rows = length - promptLength;
  std::vector<float> expected = io.floats(logits);
  ASSERT_EQ(int64_t(expected.size()), batch * rows * vocab);
  for (int64_t known = promptLength; known < length; ++known) {
    std::vector<int32_t> prefix;
    for (int64_t b = 0; b < batch; ++b) {
      prefix.insert(prefix.end(), ids.begin() + b * length, ids.begin() + b * length + known);
    }
    rt::Rows got = known == 0 ? model.empty(batch) : model.forward({batch, known, prefix.data(), nullptr});
    for (int64_t b = 0; b < batch; ++b) {
      const float *row = got.data + ((b + 1) * got.rows - 1) * vocab;
      std::string what = logits + " " + std::to_string(b) + ", " + std::to_string(known - promptLength);
      expectClose(row, expected.data() + (b * rows + known - promptLength) * vocab, vocab, tolerances.logits, what);
      EXPECT_EQ(std::max_element(row, row + vocab) - row, ids[b * length + known]) << what;
    }
  }
}

void GoldenCase::checkGreedy(rt::Model &model, const Tolerances &tolerances) const {
  model.loadWeights(folder + "/weights.safetensors");
  if (io.find("prime")) {
    const rt::TensorInfo &prime = io.get("prime");
    checkContinuation(model, io.integers("generated"), prime.shape[0], prime.shape[1], "logits", tolerances);
    if (spec.startToken) {
      checkContinuation(model, io.integers("generated_from_empty"), 1, 0, "logits_from_empty", tolerances);
    }
    return;
  }
  std::vector<int32_t> ids = io.integers("prompt"), more = io.integers("generated");
  int64_t promptLength = int64_t(ids.size());
  ids.insert(ids.end(), more.begin(), more.end());
  checkContinuation(model, ids, 1, promptLength, "step_logits", tolerances);
}

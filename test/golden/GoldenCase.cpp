// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the recorded cases and compares.
#include "test/golden/GoldenCase.h"

#include "compiler/Spec/Import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

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

std::vector<CaseName> mblm::golden::patchedCases() {
  return {{"blt", "d06_blt_k2_hash"},        {"blt", "d07_blt_k1_nohash_samedim"}, {"blt", "d08_blt_gqa_alllayers"},
          {"blt", "d09_blt_nocross_pool3"}, {"blt", "d10_blt_xwindows"},         {"blt", "d11_blt_space_utf8"},
          {"blt", "d12_blt_boe_static"},    {"blt", "d13_blt_ngram_tables"},     {"blt", "d14_blt_plain_sdpa"}};
}

std::vector<CaseName> mblm::golden::patchedTrajectoryCases() { return {{"blt", "d15_train20"}}; }

std::vector<CaseName> mblm::golden::wholeCases() { return {{"megabyte", "perceiver_ar"}, {"mblm", "enc_d1_2d"}}; }

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
  adapt();
}

// What a run had beside its configuration: of MBLM's encoder when a patch is seen; of BLT lists of n-grams, and masks that were causal
// and no more.
void GoldenCase::adapt() {
  spec.maskAll = info.value("mask_reduce_strat", "any") == "all";
  const nlohmann::json tables = info.value("ngram_tables", nlohmann::json::object());
  for (const auto &[length, grams] : tables.items()) {
    spec.ngrams->tables.push_back({std::stoll(length), grams.get<std::vector<std::vector<int32_t>>>()});
  }
  if (info.value("mask_mode", "") == "plain") {
    for (spec::Stage &stage : spec.stages) {
      for (spec::Layer &layer : stage.layers) {
        layer.window.reset();
        layer.documents = false;
      }
    }
  }
}

rt::Ids GoldenCase::Inputs::view(int64_t first, int64_t number) const {
  rt::Ids view{number, length, ids.data() + first * length, mask.empty() ? nullptr : mask.data() + first * length};
  if (!lengths.empty()) {
    view.patches = int64_t(lengths.size()) / batch;
    view.lengths = lengths.data() + first * view.patches;
  }
  view.targets = targets.empty() ? nullptr : targets.data() + first * length;
  view.visible = visible.empty() ? nullptr : visible.data() + first * length;
  return view;
}

// Nested ids are the same bytes in the same order.
GoldenCase::Inputs GoldenCase::inputs(const std::string &ids, int64_t sequences) const {
  Inputs inputs;
  inputs.ids = io.integers(ids);
  inputs.batch = sequences;
  inputs.length = int64_t(inputs.ids.size()) / inputs.batch;
  if (io.find("patch_lengths")) {
    inputs.lengths = io.integers("patch_lengths");
    inputs.targets = io.integers("targets");
  }
  if (io.find("attention_mask")) {
    inputs.visible = io.integers("attention_mask");
    inputs.targets = io.integers("labels");
  }
  if (io.find("loss_mask")) {
    inputs.mask = io.floats("loss_mask");
  }
  return inputs;
}

void GoldenCase::compare(const Judge &judge, const std::string &what, const std::vector<float> &got,
                         const std::vector<float> &expected) const {
  ASSERT_EQ(got.size(), expected.size()) << what;
  judge.compare(name, what, got.data(), expected.data(), int64_t(got.size()));
}

// Both are [batch, rows, width], but `got` may have more rows.
void GoldenCase::compareRows(const Judge &judge, const std::string &what, const rt::Rows &got) const {
  const rt::TensorInfo &info = io.get(what);
  int64_t width = info.shape.back();
  int64_t rows = info.elements / width / got.batch;
  ASSERT_EQ(got.width, width);
  ASSERT_LE(rows, got.rows);
  std::vector<float> kept;
  for (int64_t b = 0; b < got.batch; ++b) {
    const float *first = got.data + b * got.rows * width;
    kept.insert(kept.end(), first, first + rows * width);
  }
  compare(judge, what, kept, io.floats(what));
}

void GoldenCase::compareLoss(const Judge &judge, const rt::Call::Scalars &scalars) const {
  compare(judge, "loss", {scalars.loss}, io.floats("loss"));
}

void GoldenCase::loadWeights(rt::Model &model) const { model.loadWeights(folder + "/weights.safetensors"); }

void GoldenCase::checkForward(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  Inputs in = inputs();
  compareRows(judge, "logits", model.forward(in.view()));
}

void GoldenCase::checkEmpty(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  const char *name = io.find("empty_logits") ? "empty_logits" : "logits_empty";
  // One row a sequence, all alike.
  int64_t rows = io.get(name).elements / spec.vocab;
  compareRows(judge, name, model.empty(rows));
}

void GoldenCase::checkLoss(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  Inputs in = inputs();
  rt::Call::Scalars scalars = model.loss(in.view());
  compareLoss(judge, scalars);
  EXPECT_FLOAT_EQ(scalars.sum / scalars.count, scalars.loss);
}

void GoldenCase::checkGradients(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  Inputs in = inputs();
  bool any = std::any_of(io.tensors().begin(), io.tensors().end(),
                         [](const rt::TensorInfo &tensor) { return tensor.name.rfind("grad.", 0) == 0; });
  if (!any) {
    GTEST_SKIP() << "the run has recorded no gradients";
  }
  // Two halves: gradients add up, and `scale` scales them.
  rt::Call::Scalars scalars = model.gradients(in.view(), 0.25f);
  compareLoss(judge, scalars);
  model.gradients(in.view(), 0.75f);
  size_t checked = 0;
  for (const rt::TensorView &tensor : model.tensors(rt::Flat::Grads, "grad.")) {
    ASSERT_EQ(io.get(tensor.name).shape, tensor.shape) << tensor.name;
    std::vector<float> expected = io.floats(tensor.name);
    judge.compare(name, tensor.name, static_cast<const float *>(tensor.data), expected.data(), int64_t(expected.size()));
    ++checked;
  }
  size_t recorded = std::count_if(io.tensors().begin(), io.tensors().end(),
                                  [](const rt::TensorInfo &tensor) { return tensor.name.rfind("grad.", 0) == 0; });
  EXPECT_EQ(checked, recorded);
}

namespace {

// The optimizer's part of case.json, whose spellings differ.
struct Optimizer {
  explicit Optimizer(const nlohmann::json &json, const rt::SafetensorsFile &io, size_t steps) : hyper(rt::HyperCount) {
    hyper[rt::Beta1] = json.contains("betas") ? json["betas"][0] : json.at("beta1");
    hyper[rt::Beta2] = json.contains("betas") ? json["betas"][1] : json.at("beta2");
    hyper[rt::Eps] = json.contains("eps") ? json["eps"] : json.at("epsilon");
    hyper[rt::WeightDecay] = json.at("weight_decay");
    hyper[rt::ClipNorm] = json.contains("clip") ? json["clip"] : json.at("clip_grad_norm");
    hyper[rt::Decoupled] = json.value("type", "AdamW") == "AdamW";
    undecayed = json.value("no_weight_decay", undecayed);
    if (io.find("lr") || io.find("lrs")) {
      rates = io.floats(io.find("lr") ? "lr" : "lrs");
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

// Numbers that stand in either file, under either name.
std::vector<float> GoldenCase::recorded(const std::string &name, const std::string &otherName) const {
  for (const std::string &each : {name, otherName}) {
    if (io.find(each)) {
      return io.floats(each);
    }
  }
  return info.at(info.contains(name) ? name : otherName).get<std::vector<float>>();
}

void GoldenCase::checkTrajectory(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  const char *name = io.find("batches") ? "batches" : "ids";
  std::vector<int64_t> shape = io.get(name).shape; // [steps * accumulate, B, L]
  Inputs in = inputs(name, shape[0] * shape[1]);
  std::vector<float> losses = recorded("loss", "losses");
  size_t accumulate = size_t(shape[0]) / losses.size();
  ASSERT_EQ(int64_t(losses.size() * accumulate), shape[0]);
  Optimizer optimizer(info.contains("optimizer") ? info["optimizer"] : info.at("optim"), io, losses.size());
  std::vector<float> decay;
  for (const rt::Parameter &parameter : model.info().parameters) {
    decay.push_back(optimizer.decays(parameter.name));
  }
  std::vector<float> gotLosses, gotNorms;
  for (size_t step = 0; step < losses.size(); ++step) {
    double loss = 0;
    for (size_t n = 0; n < accumulate; ++n) {
      rt::Ids batch = in.view(int64_t(step * accumulate + n) * shape[1], shape[1]);
      float scale = 1.0f / float(accumulate);
      bool last = n + 1 == accumulate;
      rt::Call::Scalars scalars =
          last ? model.trainStep(batch, scale, optimizer.at(step), decay.data()) : model.gradients(batch, scale);
      loss += double(scalars.loss) / double(accumulate);
      if (last) {
        gotNorms.push_back(scalars.gradNorm);
      }
    }
    gotLosses.push_back(float(loss));
  }
  compare(judge, "loss", gotLosses, losses);
  compare(judge, "grad_norm", gotNorms, recorded("grad_norm", "grad_norms"));
  compareUpdates(judge, model);
}

// How far the weights have moved: most of what they are was there before.
void GoldenCase::compareUpdates(const Judge &judge, rt::Model &model) const {
  bool separate = !io.find("final." + model.info().parameters[0].name);
  rt::SafetensorsFile finals(folder + (separate ? "/final.safetensors" : "/io.safetensors"));
  rt::SafetensorsFile weights(folder + "/weights.safetensors");
  for (const rt::TensorView &tensor : model.tensors(rt::Flat::Params, "")) {
    std::vector<float> before = weights.floats(tensor.name);
    std::vector<float> expected = finals.floats((separate ? "" : "final.") + tensor.name);
    ASSERT_EQ(before.size(), expected.size()) << tensor.name;
    std::vector<float> got(static_cast<const float *>(tensor.data), static_cast<const float *>(tensor.data) + before.size());
    for (size_t i = 0; i < before.size(); ++i) {
      got[i] -= before[i];
      expected[i] -= before[i];
    }
    compare(judge, "update." + tensor.name, got, expected);
  }
}

// `ids` are whole sequences [batch, L]: each byte behind the prompt is the most probable one, and row t of the recorded
// logits chose byte promptLength + t.
void GoldenCase::checkContinuation(rt::Model &model, const std::vector<int32_t> &ids, int64_t batch,
                                   int64_t promptLength, const std::string &logits, const Judge &judge) const {
  int64_t length = int64_t(ids.size()) / batch, vocab = spec.vocab, rows = length - promptLength, others = 0;
  std::vector<float> got(batch * rows * vocab);
  for (int64_t known = promptLength; known < length; ++known) {
    std::vector<int32_t> prefix;
    for (int64_t b = 0; b < batch; ++b) {
      prefix.insert(prefix.end(), ids.begin() + b * length, ids.begin() + b * length + known);
    }
    rt::Rows all = known == 0 ? model.empty(batch) : model.forward({batch, known, prefix.data(), nullptr});
    for (int64_t b = 0; b < batch; ++b) {
      const float *row = all.data + ((b + 1) * all.rows - 1) * vocab;
      std::copy(row, row + vocab, got.begin() + (b * rows + known - promptLength) * vocab);
      others += std::max_element(row, row + vocab) - row != ids[b * length + known];
    }
  }
  compare(judge, logits, got, io.floats(logits));
  judge.compareChoices(name, logits, others, batch * rows);
}

void GoldenCase::checkGreedy(rt::Model &model, const Judge &judge) const {
  loadWeights(model);
  if (io.find("prime")) {
    const rt::TensorInfo &prime = io.get("prime");
    checkContinuation(model, io.integers("generated"), prime.shape[0], prime.shape[1], "logits", judge);
    if (spec.startToken) {
      checkContinuation(model, io.integers("generated_from_empty"), 1, 0, "logits_from_empty", judge);
    }
    return;
  }
  std::vector<int32_t> ids = io.integers("prompt"), more = io.integers("generated");
  int64_t promptLength = int64_t(ids.size());
  ids.insert(ids.end(), more.begin(), more.end());
  checkContinuation(model, ids, 1, promptLength, "step_logits", judge);
}

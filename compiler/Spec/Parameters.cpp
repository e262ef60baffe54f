// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row of names per role, one column per reference. In a name `{i}` is the stage, `{r}` the stage counted from the
// local one up (how the references number their embedders), `{l}` the layer. Where a reference has no such parameter (a
// norm's bias, a bias of q/k/v), the name continues its scheme.
#include "compiler/Spec/Parameters.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

using namespace mblm::spec;

namespace {

struct Spelling {
  Role role;
  const char *mblm;
  const char *mblm040; // null: as mblm
  const char *megabyte;
  const char *gpt2; // null: never asked for
};

const char *const localTableMblm = "token_embs_rev.0.embedding.weight";
const char *const localTableMblm040 = "token_embs_rev.0.weight";
const char *const localTableMegabyte = "token_embs.0.weight";

const Spelling spellings[] = {
    {Role::StartToken, "start_tokens.{i}", nullptr, "start_tokens.{i}", nullptr},
    {Role::PositionTable, "pos_embs.{i}.weight", nullptr, "pos_embs.{i}.weight", "transformer.wpe.weight"},
    {Role::ByteTable, "token_embs_rev.{r}.embedding.weight", "token_embs_rev.{r}.0.weight", "token_embs.{r}.0.weight",
     "transformer.wte.weight"},
    {Role::PatchNorm1Weight, "token_embs_rev.{r}._post.1.weight", "token_embs_rev.{r}.2.weight",
     "token_embs.{r}.2.weight", nullptr},
    {Role::PatchNorm1Bias, "token_embs_rev.{r}._post.1.bias", "token_embs_rev.{r}.2.bias", "token_embs.{r}.2.bias",
     nullptr},
    {Role::PatchLinearWeight, "token_embs_rev.{r}._post.2.weight", "token_embs_rev.{r}.3.weight",
     "token_embs.{r}.3.weight", nullptr},
    {Role::PatchLinearBias, "token_embs_rev.{r}._post.2.bias", "token_embs_rev.{r}.3.bias", "token_embs.{r}.3.bias",
     nullptr},
    {Role::PatchNorm2Weight, "token_embs_rev.{r}._post.3.weight", "token_embs_rev.{r}.4.weight",
     "token_embs.{r}.4.weight", nullptr},
    {Role::PatchNorm2Bias, "token_embs_rev.{r}._post.3.bias", "token_embs_rev.{r}.4.bias", "token_embs.{r}.4.bias",
     nullptr},
    {Role::AttnNormWeight, "stage_models.{i}.layers.{l}.0.norm.g", nullptr, "transformers.{i}.layers.{l}.0.norm.g",
     "transformer.h.{l}.ln_1.weight"},
    {Role::AttnNormBias, "stage_models.{i}.layers.{l}.0.norm.b", nullptr, "transformers.{i}.layers.{l}.0.norm.b",
     "transformer.h.{l}.ln_1.bias"},
    {Role::Query, "stage_models.{i}.layers.{l}.0.to_q.weight", nullptr, "transformers.{i}.layers.{l}.0.to_q.weight",
     nullptr},
    {Role::KeyValue, "stage_models.{i}.layers.{l}.0.to_kv.weight", nullptr,
     "transformers.{i}.layers.{l}.0.to_kv.weight", nullptr},
    {Role::Qkv, nullptr, nullptr, nullptr, "transformer.h.{l}.attn.c_attn.weight"},
    {Role::QkvBias, "stage_models.{i}.layers.{l}.0.to_qkv.bias", nullptr, "transformers.{i}.layers.{l}.0.to_qkv.bias",
     "transformer.h.{l}.attn.c_attn.bias"},
    {Role::AttnOut, "stage_models.{i}.layers.{l}.0.to_out.weight", nullptr,
     "transformers.{i}.layers.{l}.0.to_out.weight", "transformer.h.{l}.attn.c_proj.weight"},
    {Role::AttnOutBias, "stage_models.{i}.layers.{l}.0.to_out.bias", nullptr,
     "transformers.{i}.layers.{l}.0.to_out.bias", "transformer.h.{l}.attn.c_proj.bias"},
    {Role::FfNormWeight, "stage_models.{i}.layers.{l}.1.0.g", nullptr, "transformers.{i}.layers.{l}.1.0.g",
     "transformer.h.{l}.ln_2.weight"},
    {Role::FfNormBias, "stage_models.{i}.layers.{l}.1.0.b", nullptr, "transformers.{i}.layers.{l}.1.0.b",
     "transformer.h.{l}.ln_2.bias"},
    {Role::Ff1Weight, "stage_models.{i}.layers.{l}.1.1.weight", nullptr, "transformers.{i}.layers.{l}.1.1.weight",
     "transformer.h.{l}.mlp.c_fc.weight"},
    {Role::Ff1Bias, "stage_models.{i}.layers.{l}.1.1.bias", nullptr, "transformers.{i}.layers.{l}.1.1.bias",
     "transformer.h.{l}.mlp.c_fc.bias"},
    {Role::Ff2Weight, "stage_models.{i}.layers.{l}.1.4.weight", nullptr, "transformers.{i}.layers.{l}.1.4.weight",
     "transformer.h.{l}.mlp.c_proj.weight"},
    {Role::Ff2Bias, "stage_models.{i}.layers.{l}.1.4.bias", nullptr, "transformers.{i}.layers.{l}.1.4.bias",
     "transformer.h.{l}.mlp.c_proj.bias"},
    {Role::FinalNormWeight, "stage_models.{i}.norm.g", nullptr, "transformers.{i}.norm.g", "transformer.ln_f.weight"},
    {Role::FinalNormBias, "stage_models.{i}.norm.b", nullptr, "transformers.{i}.norm.b", "transformer.ln_f.bias"},
    {Role::NextWeight, "to_next_stage_proj.{i}.1.weight", nullptr, "to_next_transformer_projections.{i}.1.weight",
     nullptr},
    {Role::NextBias, "to_next_stage_proj.{i}.1.bias", nullptr, "to_next_transformer_projections.{i}.1.bias", nullptr},
    {Role::HeadWeight, "to_logits.weight", nullptr, "to_logits.weight", "lm_head.weight"},
    {Role::HeadBias, "to_logits.bias", nullptr, "to_logits.bias", "lm_head.bias"},
};

std::string pattern(Names names, Role role, bool isLocal) {
  if (role == Role::ByteTable && isLocal && names != Names::Gpt2) {
    return names == Names::Mblm ? localTableMblm : names == Names::Mblm040 ? localTableMblm040 : localTableMegabyte;
  }
  const Spelling &row =
      *std::find_if(std::begin(spellings), std::end(spellings), [&](const Spelling &row) { return row.role == role; });
  switch (names) {
  case Names::Mblm:
    return row.mblm;
  case Names::Mblm040:
    return row.mblm040 != nullptr ? row.mblm040 : row.mblm;
  case Names::Megabyte:
    return row.megabyte;
  case Names::Gpt2:
    return row.gpt2;
  }
  return "";
}

void fill(std::string &name, const std::string &mark, int64_t value) {
  size_t at = name.find(mark);
  if (at != std::string::npos) {
    name.replace(at, mark.size(), std::to_string(value));
  }
}

// Appends the parameters one by one; knows how each reference draws its first values.
class Lister {
public:
  explicit Lister(const Spec &spec) : spec(spec) {}

  std::vector<Parameter> run() {
    for (stage = 0; stage < int(spec.stages.size()); ++stage) {
      listStage(spec.stages[size_t(stage)]);
    }
    stage = -1;
    const Stage &local = spec.stages.back();
    if (!spec.tieEmbeddings) {
      matrix(Role::HeadWeight, spec.vocab, local.dim);
    }
    if (spec.headBias) {
      bias(Role::HeadBias, spec.vocab, local.dim);
    }
    return std::move(parameters);
  }

private:
  bool isGpt2() const { return spec.names == Names::Gpt2; }

  void add(Role role, std::vector<int64_t> shape, Init init, double scale = 0) {
    std::string name = pattern(spec.names, role, stage == int(spec.local()));
    fill(name, "{i}", stage);
    fill(name, "{r}", int64_t(spec.local()) - stage);
    fill(name, "{l}", layer);
    parameters.push_back({std::move(name), role, stage, layer, std::move(shape), init, scale});
  }

  void table(Role role, int64_t rows, int64_t dim) { add(role, {rows, dim}, Init::Normal, isGpt2() ? 0.02 : 1); }

  // Linear layers are drawn from U(+-1/sqrt(inputs)), their biases too; in GPT-2 from N(0, 0.02^2), those that write to
  // the residual stream scaled down by its number of summands, and biases are zero.
  void matrix(Role role, int64_t outputs, int64_t inputs) {
    if (!isGpt2()) {
      add(role, {outputs, inputs}, Init::Uniform, 1 / std::sqrt(double(inputs)));
      return;
    }
    bool residual = role == Role::AttnOut || role == Role::Ff2Weight;
    double summands = residual ? 2 * double(spec.stages.back().layers.size()) : 1;
    add(role, {outputs, inputs}, Init::Normal, 0.02 / std::sqrt(summands));
  }
  void bias(Role role, int64_t outputs, int64_t inputs) {
    if (isGpt2()) {
      add(role, {outputs}, Init::Zeros);
    } else {
      add(role, {outputs}, Init::Uniform, 1 / std::sqrt(double(inputs)));
    }
  }

  void norm(Norm kind, Role weight, Role biasRole, int64_t dim) {
    if (kind != Norm::None) {
      add(weight, {dim}, Init::Ones);
    }
    if (kind == Norm::Layer) {
      add(biasRole, {dim}, Init::Zeros);
    }
  }

  void listStage(const Stage &current) {
    const Stage &local = spec.stages.back();
    bool isLocal = stage == int(spec.local());
    if (spec.startToken) {
      add(Role::StartToken, {current.dim}, Init::Normal, 1);
    }
    if (current.position == Position::Learned) {
      table(Role::PositionTable, current.length, current.dim);
    }
    table(Role::ByteTable, spec.vocab, local.dim);
    if (!isLocal) {
      int64_t width = spec.bytesPerSlot(size_t(stage)) * local.dim;
      norm(Norm::Layer, Role::PatchNorm1Weight, Role::PatchNorm1Bias, width);
      matrix(Role::PatchLinearWeight, current.dim, width);
      bias(Role::PatchLinearBias, current.dim, width);
      norm(Norm::Layer, Role::PatchNorm2Weight, Role::PatchNorm2Bias, current.dim);
    }
    for (layer = 0; layer < int(current.layers.size()); ++layer) {
      listLayer(current.layers[size_t(layer)], current.dim);
    }
    layer = -1;
    norm(current.finalNorm, Role::FinalNormWeight, Role::FinalNormBias, current.dim);
    if (!isLocal) {
      const Stage &next = spec.stages[size_t(stage) + 1];
      matrix(Role::NextWeight, next.length * next.dim, current.dim);
      bias(Role::NextBias, next.length * next.dim, current.dim);
    }
  }

  void listLayer(const Layer &current, int64_t dim) {
    int64_t width = current.heads * current.headDim;
    int64_t hidden = current.ffMult * dim;
    norm(current.norm, Role::AttnNormWeight, Role::AttnNormBias, dim);
    if (isGpt2()) {
      matrix(Role::Qkv, 3 * width, dim);
    } else {
      matrix(Role::Query, width, dim);
      matrix(Role::KeyValue, 2 * width, dim);
    }
    if (current.attentionBias) {
      bias(Role::QkvBias, 3 * width, dim);
    }
    matrix(Role::AttnOut, dim, width);
    if (current.attentionBias) {
      bias(Role::AttnOutBias, dim, width);
    }
    norm(current.norm, Role::FfNormWeight, Role::FfNormBias, dim);
    matrix(Role::Ff1Weight, hidden, dim);
    bias(Role::Ff1Bias, hidden, dim);
    matrix(Role::Ff2Weight, dim, hidden);
    bias(Role::Ff2Bias, dim, hidden);
  }

  const Spec &spec;
  std::vector<Parameter> parameters;
  int stage = -1;
  int layer = -1;
};

} // namespace

int64_t Parameter::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
}

std::vector<Parameter> mblm::spec::listParameters(const Spec &spec) { return Lister(spec).run(); }

bool mblm::spec::isIgnorableWeight(const Spec &spec, const std::string &name) {
  if (spec.names == Names::Gpt2) {
    if (spec.tieEmbeddings && name == "lm_head.weight") {
      return true;
    }
    // Causal masks kept as buffers.
    for (size_t layer = 0; layer < spec.stages.back().layers.size(); ++layer) {
      std::string prefix = "transformer.h." + std::to_string(layer) + ".attn.";
      if (name == prefix + "bias" || name == prefix + "masked_bias") {
        return true;
      }
    }
    return false;
  }
  const char *models = spec.names == Names::Megabyte ? "transformers." : "stage_models.";
  for (size_t stage = 0; stage < spec.stages.size(); ++stage) {
    if (name == models + std::to_string(stage) + ".rotary_emb.inv_freq") {
      return true;
    }
  }
  return false;
}

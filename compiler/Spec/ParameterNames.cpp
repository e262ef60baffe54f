// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row of names per role, one column per reference. In a name `{i}` is the stage, `{r}` the stage counted from the
// local one up (how the references number their embedders), `{l}` the layer. Where a reference has no such parameter (a
// norm's bias, a bias of q/k/v), the name continues its scheme.
#include "compiler/Spec/ParameterNames.h"

#include <algorithm>

using namespace mblm::spec;

namespace {

struct Spelling {
  Role role;
  const char *mblm;
  const char *mblm040; // null: as mblm
  const char *megabyte;
  const char *gpt2;            // null: never asked for
  const char *mamba = nullptr; // null: never asked for
};

const char *const localTableMblm = "token_embs_rev.0.embedding.weight";
const char *const localTableMblm040 = "token_embs_rev.0.weight";
const char *const localTableMegabyte = "token_embs.0.weight";

const Spelling spellings[] = {
    {Role::StartToken, "start_tokens.{i}", nullptr, "start_tokens.{i}", nullptr},
    {Role::PositionTable, "pos_embs.{i}.weight", nullptr, "pos_embs.{i}.weight", "transformer.wpe.weight"},
    {Role::ByteTable, "token_embs_rev.{r}.embedding.weight", "token_embs_rev.{r}.0.weight", "token_embs.{r}.0.weight",
     "transformer.wte.weight", "backbone.embedding.weight"},
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
    {Role::FinalNormWeight, "stage_models.{i}.norm.g", nullptr, "transformers.{i}.norm.g", "transformer.ln_f.weight",
     "backbone.norm_f.weight"},
    {Role::FinalNormBias, "stage_models.{i}.norm.b", nullptr, "transformers.{i}.norm.b", "transformer.ln_f.bias",
     "backbone.norm_f.bias"},
    {Role::NextWeight, "to_next_stage_proj.{i}.1.weight", nullptr, "to_next_transformer_projections.{i}.1.weight",
     nullptr},
    {Role::NextBias, "to_next_stage_proj.{i}.1.bias", nullptr, "to_next_transformer_projections.{i}.1.bias", nullptr},
    {Role::HeadWeight, "to_logits.weight", nullptr, "to_logits.weight", "lm_head.weight", "lm_head.weight"},
    {Role::HeadBias, "to_logits.bias", nullptr, "to_logits.bias", "lm_head.bias", "lm_head.bias"},
};

// Mamba layers have the same names everywhere, behind that of the layer.
struct LayerSpelling {
  Role role;
  const char *name;
};

const LayerSpelling mambaSpellings[] = {
    {Role::MixerNormWeight, "norm.weight"},
    {Role::MixerNormBias, "norm.bias"},
    {Role::MixerIn, "mixer.in_proj.weight"},
    {Role::MixerInBias, "mixer.in_proj.bias"},
    {Role::Conv, "mixer.conv1d.weight"},
    {Role::ConvBias, "mixer.conv1d.bias"},
    {Role::StepAndState, "mixer.x_proj.weight"},
    {Role::Step, "mixer.dt_proj.weight"},
    {Role::StepBias, "mixer.dt_proj.bias"},
    {Role::DecayLog, "mixer.A_log"},
    {Role::Skip, "mixer.D"},
    {Role::GateNormWeight, "mixer.norm.weight"},
    {Role::MixerOut, "mixer.out_proj.weight"},
    {Role::MixerOutBias, "mixer.out_proj.bias"},
    {Role::MlpNormWeight, "norm2.weight"},
    {Role::MlpNormBias, "norm2.bias"},
    {Role::MlpIn, "mlp.fc1.weight"},
    {Role::MlpOut, "mlp.fc2.weight"},
};

// BLT's, behind `{s}`, the part of the model that the stage is; nothing in the entropy model, which is one stage.
const LayerSpelling bltSpellings[] = {
    {Role::ByteTable, "{s}tok_embeddings.weight"},
    {Role::HashTable, "encoder_hash_tok_embedding.{l}.weight"},
    {Role::NgramTable, "encoder_ngram_embedding.{l}.weight"},
    {Role::AttnNormWeight, "{s}layers.{l}.attention_norm.weight"},
    {Role::AttnNormBias, "{s}layers.{l}.attention_norm.bias"},
    {Role::Query, "{s}layers.{l}.attention.wq.weight"},
    {Role::Key, "{s}layers.{l}.attention.wk.weight"},
    {Role::Value, "{s}layers.{l}.attention.wv.weight"},
    {Role::AttnOut, "{s}layers.{l}.attention.wo.weight"},
    {Role::FfNormWeight, "{s}layers.{l}.ffn_norm.weight"},
    {Role::FfNormBias, "{s}layers.{l}.ffn_norm.bias"},
    {Role::Gate, "{s}layers.{l}.feed_forward.w1.weight"},
    {Role::Up, "{s}layers.{l}.feed_forward.w3.weight"},
    {Role::Down, "{s}layers.{l}.feed_forward.w2.weight"},
    {Role::CrossNormQuery, "{s}cross_attn_layers.{l}.cross_attn_norm_q.weight"},
    {Role::CrossNormKey, "{s}cross_attn_layers.{l}.cross_attn_norm_kv.weight"},
    {Role::CrossQuery, "{s}cross_attn_layers.{l}.wq.weight"},
    {Role::CrossKey, "{s}cross_attn_layers.{l}.wk.weight"},
    {Role::CrossValue, "{s}cross_attn_layers.{l}.wv.weight"},
    {Role::CrossOut, "{s}cross_attn_layers.{l}.wo.weight"},
    {Role::PatchProjection, "{s}patch_embedding_projection.weight"},
    {Role::TokenProjection, "{s}token_embedding_projection.weight"},
    {Role::FinalNormWeight, "{s}norm.weight"},
    {Role::FinalNormBias, "{s}norm.bias"},
    {Role::HeadWeight, "{s}output.weight"},
    {Role::HeadBias, "{s}output.bias"},
};

// Those of Perceiver AR; `{p}` before the names of layers that read the prefix, whose numbers are their own.
const LayerSpelling perceiverSpellings[] = {
    {Role::PositionTable, "pos_emb.weight"},
    {Role::ByteTable, "token_emb.weight"},
    {Role::AttnNormWeight, "{p}layers.{l}.0.norm.weight"},
    {Role::AttnNormBias, "{p}layers.{l}.0.norm.bias"},
    {Role::ContextNormWeight, "{p}layers.{l}.0.context_norm.weight"},
    {Role::ContextNormBias, "{p}layers.{l}.0.context_norm.bias"},
    {Role::Query, "{p}layers.{l}.0.to_q.weight"},
    {Role::KeyValue, "{p}layers.{l}.0.to_kv.weight"},
    {Role::Qkv, "{p}layers.{l}.0.to_qkv.weight"},
    {Role::QkvBias, "{p}layers.{l}.0.to_qkv.bias"},
    {Role::AttnOut, "{p}layers.{l}.0.to_out.weight"},
    {Role::AttnOutBias, "{p}layers.{l}.0.to_out.bias"},
    {Role::FfNormWeight, "{p}layers.{l}.1.0.weight"},
    {Role::FfNormBias, "{p}layers.{l}.1.0.bias"},
    {Role::Ff1Weight, "{p}layers.{l}.1.1.weight"},
    {Role::Ff1Bias, "{p}layers.{l}.1.1.bias"},
    {Role::Ff2Weight, "{p}layers.{l}.1.4.weight"},
    {Role::Ff2Bias, "{p}layers.{l}.1.4.bias"},
    {Role::FinalNormWeight, "norm.weight"},
    {Role::FinalNormBias, "norm.bias"},
    {Role::HeadWeight, "to_logits.weight"},
    {Role::HeadBias, "to_logits.bias"},
};
const char *const perceiverFrequencies = "rotary_pos_emb.inv_freq";

template <size_t count>
std::string patternIn(const LayerSpelling (&spellings)[count], Role role) {
  const LayerSpelling *row =
      std::find_if(std::begin(spellings), std::end(spellings), [&](const LayerSpelling &row) { return row.role == role; });
  return row == std::end(spellings) ? "" : row->name;
}

std::string perceiverName(const Spec &spec, Role role, int layer) {
  std::string name = patternIn(perceiverSpellings, role);
  if (layer < 0) {
    return name;
  }
  const std::vector<Layer> &layers = spec.stages[0].layers;
  auto others = std::find_if(layers.begin(), layers.end(), [](const Layer &each) { return !each.perceive; });
  bool perceives = layers[size_t(layer)].perceive;
  name.replace(0, 3, perceives ? "perceive_" : "");
  size_t mark = name.find("{l}");
  return name.replace(mark, 3, std::to_string(perceives ? layer : layer - (others - layers.begin())));
}

std::string bltPattern(const Spec &spec, Role role, int stage) {
  std::string name = patternIn(bltSpellings, role);
  if (name.compare(0, 3, "{s}") == 0) {
    static const char *const parts[] = {"global_transformer.", "local_encoder.", "local_decoder."};
    name.replace(0, 3, spec.stages.size() == 1 ? "" : parts[stage < 0 ? 2 : stage]); // the head has no stage
  }
  return name;
}

const char *layerPattern(Names names) {
  switch (names) {
  case Names::Mblm:
  case Names::Mblm040:
    return "stage_models.{i}.layers.{l}.";
  case Names::Megabyte:
    return "transformers.{i}.layers.{l}.";
  case Names::Gpt2:
    return "transformer.h.{l}.";
  case Names::Mamba:
    return "backbone.layers.{l}.";
  case Names::Blt:
  case Names::PerceiverAr:
    break; // tables of their own
  }
  return "";
}

// With the marks still in it.
std::string pattern(const Spec &spec, Role role, int stage, int layer) {
  Names names = spec.names;
  if (names == Names::Blt) {
    return bltPattern(spec, role, stage);
  }
  if (names == Names::PerceiverAr) {
    return perceiverName(spec, role, layer);
  }
  bool oneTable = names == Names::Gpt2 || names == Names::Mamba;
  if (role == Role::ByteTable && stage == int(spec.local()) && !oneTable) {
    return names == Names::Mblm ? localTableMblm : names == Names::Mblm040 ? localTableMblm040 : localTableMegabyte;
  }
  auto mamba = std::find_if(std::begin(mambaSpellings), std::end(mambaSpellings),
                            [&](const LayerSpelling &row) { return row.role == role; });
  if (mamba != std::end(mambaSpellings)) {
    bool isSecond = spec.stages[size_t(stage)].layers[size_t(layer)].block == Block::Mamba2;
    return layerPattern(names) + std::string(isSecond && role == Role::StepBias ? "mixer.dt_bias" : mamba->name);
  }
  bool isFinal = role == Role::FinalNormWeight || role == Role::FinalNormBias;
  if (isFinal && names != Names::Mamba && spec.stages[size_t(stage)].layers.back().isMamba()) {
    const char *models = names == Names::Megabyte ? "transformers" : "stage_models";
    return models + std::string(role == Role::FinalNormWeight ? ".{i}.norm_f.weight" : ".{i}.norm_f.bias");
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
  case Names::Mamba:
    return row.mamba;
  case Names::Blt:
  case Names::PerceiverAr:
    break;
  }
  return "";
}

void fill(std::string &name, const std::string &mark, int64_t value) {
  size_t at = name.find(mark);
  if (at != std::string::npos) {
    name.replace(at, mark.size(), std::to_string(value));
  }
}

} // namespace

std::string mblm::spec::parameterName(const Spec &spec, Role role, int stage, int layer) {
  std::string name = pattern(spec, role, stage, layer);
  fill(name, "{i}", stage);
  fill(name, "{r}", int64_t(spec.local()) - stage);
  fill(name, "{l}", layer);
  return name;
}

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
  if (spec.names == Names::Blt || spec.names == Names::PerceiverAr) {
    return spec.names == Names::PerceiverAr && name == perceiverFrequencies;
  }
  if (spec.names == Names::Mamba) {
    return spec.tieEmbeddings && name == "lm_head.weight";
  }
  const char *models = spec.names == Names::Megabyte ? "transformers." : "stage_models.";
  for (size_t stage = 0; stage < spec.stages.size(); ++stage) {
    if (name == models + std::to_string(stage) + ".rotary_emb.inv_freq") {
      return true;
    }
  }
  return false;
}

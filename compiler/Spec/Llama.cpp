// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names by their parts: what stands before the layer's number, the number, what stands behind it.
#include "compiler/Spec/Llama.h"

#include <algorithm>

using namespace mblm::spec;

namespace {

const std::string globalLayers = "global_transformer.layers.";

struct Spelling {
  const char *part; // of a layer, ours
  const char *other; // Hugging Face's
  bool rotated = false;
};

// Meta's names of layers' parts are BLT's.
const Spelling spellings[] = {
    {"attention_norm.weight", "input_layernorm.weight"},
    {"attention.wq.weight", "self_attn.q_proj.weight", true},
    {"attention.wk.weight", "self_attn.k_proj.weight", true},
    {"attention.wv.weight", "self_attn.v_proj.weight"},
    {"attention.wo.weight", "self_attn.o_proj.weight"},
    {"ffn_norm.weight", "post_attention_layernorm.weight"},
    {"feed_forward.w1.weight", "mlp.gate_proj.weight"},
    {"feed_forward.w2.weight", "mlp.down_proj.weight"},
    {"feed_forward.w3.weight", "mlp.up_proj.weight"},
};

bool takePrefix(std::string &text, const std::string &prefix) {
  bool has = text.compare(0, prefix.size(), prefix) == 0;
  if (has) {
    text.erase(0, prefix.size());
  }
  return has;
}

std::string number(int64_t n) { return std::to_string(n); }

} // namespace

std::optional<LlamaTensor> mblm::spec::llamaTensor(const std::string &name) {
  std::string rest = name;
  takePrefix(rest, "model.");
  if (!takePrefix(rest, "layers.")) {
    return std::nullopt;
  }
  size_t digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || rest[digits] != '.') {
    return std::nullopt;
  }
  std::string part = rest.substr(digits + 1);
  for (const Spelling &spelling : spellings) {
    if (part == spelling.part || part == spelling.other) {
      return LlamaTensor{globalLayers + rest.substr(0, digits + 1) + spelling.part,
                         part == spelling.other && spelling.rotated};
    }
  }
  return std::nullopt;
}

std::vector<std::string> mblm::spec::unusedLlamaTensors() {
  return {"tok_embeddings.weight", "norm.weight",  "output.weight",  "model.embed_tokens.weight", "model.norm.weight",
          "embed_tokens.weight",   "lm_head.weight", "*rope.freqs", "*rotary_emb.inv_freq"};
}

std::string mblm::spec::otherLlamaSizes(const Spec &spec, const TensorShapes &checkpoint) {
  const Stage &stage = spec.stages[0];
  const Layer &layer = stage.layers[0];
  int64_t layers = 0;
  for (const auto &[name, shape] : checkpoint) {
    std::string rest = name;
    if (takePrefix(rest, globalLayers) && rest.find('.') < 10) {
      layers = std::max<int64_t>(layers, std::stoll(rest) + 1);
    }
  }
  std::string text;
  auto compare = [&](bool same, const std::string &line) { text += same ? "" : (text.empty() ? "" : "; ") + line; };
  // The first size of a tensor of the first layer; 0: none.
  auto rows = [&](const char *part, size_t rank) {
    auto found = checkpoint.find(globalLayers + "0." + part);
    return found == checkpoint.end() || found->second.size() != rank ? 0 : found->second[0];
  };
  auto compareRows = [&](const char *part, int64_t ours, const std::string &keys) {
    int64_t theirs = rows(part, 2);
    compare(theirs == ours || theirs == 0,
            keys + " " + number(ours) + " wide but the checkpoint's are " + number(theirs));
  };
  int64_t width = rows("attention_norm.weight", 1);
  compare(width == stage.dim || width == 0,
          "dim_global is " + number(stage.dim) + " but the checkpoint is " + number(width) + " wide");
  int64_t ours = int64_t(stage.layers.size());
  compare(layers == ours || layers == 0,
          "n_layers_global is " + number(ours) + " but the checkpoint has " + number(layers) + (layers == 1 ? " layer" : " layers"));
  compareRows("attention.wq.weight", layer.heads * layer.headDim, "n_heads_global and head_dim make queries");
  compareRows("attention.wk.weight", layer.kvHeadsOf() * layer.headDim, "n_kv_heads_global makes keys and values");
  compareRows("feed_forward.w1.weight", layer.ffHidden, "ffn_dim_multiplier and multiple_of make feed-forwards");
  return text;
}

void mblm::spec::pairSideBySide(std::vector<float> &rows, int64_t headDim, int64_t width) {
  std::vector<float> from = rows;
  int64_t half = headDim / 2;
  for (int64_t row = 0; row * width < int64_t(rows.size()); ++row) {
    int64_t in = row % headDim; // row i of the first half to 2i, of the second to 2i + 1
    int64_t to = row - in + (in < half ? 2 * in : 2 * (in - half) + 1);
    std::copy_n(from.begin() + row * width, width, rows.begin() + to * width);
  }
}

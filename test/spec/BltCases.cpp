// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/spec/BltCases.h"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

using Json = nlohmann::json;

namespace mblm::spec {

static std::string folder(const std::string &name) { return "test/golden/blt/" + name + "/"; }

static Json readJson(const std::string &path) {
  std::ifstream stream(path);
  return Json::parse(stream);
}

static int64_t ffHidden(const Json &config, int64_t dim) {
  double multiplier = config["ffn_dim_multiplier"].is_null() ? 1 : config["ffn_dim_multiplier"].get<double>();
  int64_t hidden = int64_t(multiplier * double(2 * 4 * dim / 3)), multiple = config["multiple_of"];
  return (hidden + multiple - 1) / multiple * multiple;
}

static Stage stageOf(const Json &config, int64_t dim, int64_t depth, int64_t heads, const Json &kvHeads) {
  Layer layer(Block::Llama);
  layer.heads = heads;
  layer.headDim = dim / heads;
  if (!kvHeads.is_null()) {
    layer.kvHeads = kvHeads.get<int64_t>();
  }
  layer.ffHidden = ffHidden(config, dim);
  Stage stage;
  stage.dim = dim;
  stage.length = 128;
  stage.finalNorm = Norm::None;
  stage.layers.assign(size_t(depth), layer);
  return stage;
}

static Spec entropySpec(const Json &config) {
  Spec spec;
  spec.vocab = 260;
  spec.names = Names::Blt;
  spec.startToken = spec.headBias = false;
  spec.stages = {stageOf(config, config["dim"], config["n_layers"], config["n_heads"], config["n_kv_heads"])};
  spec.stages[0].finalNorm = Norm::Rms;
  return spec;
}

Spec generationEntropySpec() { return entropySpec(readJson(folder("d16_generate") + "case.json")["entropy_config"]); }

Spec bltSpec(const std::string &name) {
  Json config = readJson(folder(name) + "config.json");
  if (!config.contains("dim_global")) {
    return entropySpec(config);
  }
  Spec spec;
  spec.vocab = 260;
  spec.names = Names::Blt;
  spec.startToken = spec.headBias = false;
  spec.stages = {stageOf(config, config["dim_global"], config["n_layers_global"], config["n_heads_global"],
                         config["n_kv_heads_global"]),
                 stageOf(config, config["dim_local_encoder"], config["n_layers_local_encoder"],
                         config["n_heads_local_encoder"], config["n_kv_heads"]),
                 stageOf(config, config["dim_local_decoder"], config["n_layers_local_decoder"],
                         config["n_heads_local_decoder"], config["n_kv_heads"])};
  spec.stages[2].finalNorm = Norm::Rms;
  Patches patches;
  auto cross = [&](const char *there, const char *all) {
    return !config[there].get<bool>() ? CrossLayers::None
           : config[all].get<bool>()  ? CrossLayers::All
                                      : CrossLayers::One;
  };
  patches.encoderCross = cross("cross_attn_encoder", "cross_attn_all_layers_encoder");
  patches.decoderCross = cross("cross_attn_decoder", "cross_attn_all_layers_decoder");
  patches.perPatch = config["cross_attn_k"].is_null() ? 1 : config["cross_attn_k"].get<int64_t>();
  patches.pooling.assign(config["downsampling_by_pooling"] == "avg,min,max" ? 3 : 1, Pool::Max);
  spec.patches = patches;
  Ngrams ngrams;
  if (!config["encoder_hash_byte_group_size"].is_null()) {
    ngrams.hashSizes = config["encoder_hash_byte_group_size"].get<std::vector<int64_t>>();
    ngrams.hashFunctions = config["encoder_hash_byte_group_nb_functions"];
    ngrams.hashRows = config["encoder_hash_byte_group_vocab"];
  }
  Json description = readJson(folder(name) + "case.json");
  if (description.contains("ngram_tables")) {
    for (const auto &[length, grams] : description["ngram_tables"].items()) {
      ngrams.tables.push_back({std::stoll(length), grams.get<std::vector<std::vector<int32_t>>>()});
    }
  }
  spec.ngrams = ngrams;
  return spec;
}

std::string tensorLine(const std::string &name, const std::vector<int64_t> &shape) {
  std::string text = name + " [";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::set<std::string> bltTensors(const std::string &name, const std::string &prefix) {
  std::ifstream stream(folder(name) + "weights.safetensors", std::ios::binary);
  uint64_t size = 0;
  stream.read(reinterpret_cast<char *>(&size), sizeof size);
  std::string header(size, ' ');
  stream.read(header.data(), std::streamsize(size));
  std::set<std::string> lines;
  const Json tensors = Json::parse(header);
  for (const auto &[tensor, facts] : tensors.items()) {
    if (tensor != "__metadata__" && tensor.compare(0, prefix.size(), prefix) == 0) {
      lines.insert(tensorLine(tensor.substr(prefix.size()), facts["shape"].get<std::vector<int64_t>>()));
    }
  }
  return lines;
}

} // namespace mblm::spec

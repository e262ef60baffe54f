// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The configuration of a language model of mamba_ssm, which MambaByte's checkpoints have too: one stage of equal Mamba
// layers, whose options stand in `ssm_cfg` under the names of the mixer's arguments.
#include "compiler/Spec/ImportCommon.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

// Bytes of a training sequence of MambaByte; the configuration names no length, and the model has no limit.
constexpr int64_t nominalLength = 8192;
constexpr int64_t mlpMultiple = 128;

struct Config {
  int64_t dim = 0;
  int64_t depth = 0;
  int64_t vocab = 0;
  int64_t vocabMultiple = 8;
  int64_t mlp = 0;
  bool rms = true;
  bool tied = true;
  bool ignored = false;
};

// A value that changes nothing here: where a reference computes in another way, or which devices it uses.
template <typename T>
Field<T> unused(std::string key) {
  return other<T>(std::move(key), Facts::Kind::Any, 0, 0, "");
}

// Attention between the mixers is not there.
Field<Config> attentionField() {
  Field<Config> field = other<Config>("attn_layer_idx", Facts::Kind::List, 0, 0, "");
  field.element = "attention layer";
  return field;
}

std::vector<Field<Config>> configFields() {
  using C = Config;
  return {
      required(integer<C>("d_model", &C::dim, 1, maxSize, "")),
      required(integer<C>("n_layer", &C::depth, 1, maxLayers, "")),
      required(integer<C>("vocab_size", &C::vocab, 2, maxSize - maxHeads, "")),
      integer<C>("d_intermediate", &C::mlp, 0, maxSize - mlpMultiple, ""),
      unused<C>("ssm_cfg"), // looked at beside these
      attentionField(),
      unused<C>("attn_cfg"),
      flag<C>("rms_norm", &C::rms, ""),
      flag<C>("residual_in_fp32", &C::ignored, ""), // everything is f32
      flag<C>("fused_add_norm", &C::ignored, ""),
      integer<C>("pad_vocab_size_multiple", &C::vocabMultiple, 1, maxHeads, ""),
      flag<C>("tie_embeddings", &C::tied, ""),
  };
}

// "auto", or a number.
Field<Mamba> rankField() {
  Field<Mamba> field = unused<Mamba>("dt_rank");
  field.element = "\"auto\" or an integer from 1 to 2147483647";
  return field;
}

// An array of two numbers, or null.
Field<Mamba> pairField(const std::string &key) {
  Field<Mamba> field = other<Mamba>(key, Facts::Kind::Any, 0, 0, "");
  field.element = "an array of two numbers in order, or null";
  return field;
}

std::vector<Field<Mamba>> mixerFields(Block block) {
  using M = Mamba;
  std::vector<Field<M>> fields = {
      unused<M>("layer"), // looked at before
      integer<M>("d_state", &M::state, 1, maxHeads, ""),
      integer<M>("d_conv", &M::conv, 1, maxHeads, ""),
      number<M>("expand", &M::expand, 1e-3, maxFfMult, ""),
      number<M>("dt_min", &M::dtInitMin, minEps, maxStep, ""),
      number<M>("dt_max", &M::dtInitMax, minEps, maxStep, ""),
      number<M>("dt_init_floor", &M::dtInitFloor, minEps, maxStep, ""),
      flag<M>("bias", &M::bias, ""),
      flag<M>("conv_bias", &M::convBias, ""),
  };
  std::vector<Field<M>> more;
  if (block == Block::Mamba1) {
    more = {rankField(), choice<M>("dt_init", &M::dtInit, {"random", "constant"}, ""),
            number<M>("dt_scale", &M::dtScale, 1e-6, 1e6, ""), unused<M>("use_fast_path")};
  } else {
    more = {integer<M>("headdim", &M::headDim, 1, maxSize, ""),
            optionalInteger<M>("d_ssm", &M::ssmDim, 1, maxSize, "", ""),
            integer<M>("ngroups", &M::groups, 1, maxSize, ""),
            pairField("A_init_range"),
            pairField("dt_limit"),
            flag<M>("D_has_hdim", &M::skipPerFeature, ""),
            flag<M>("rmsnorm", &M::gatedNorm, ""),
            flag<M>("norm_before_gate", &M::normBeforeGate, ""),
            integer<M>("chunk_size", &M::chunk, 1, maxSize, ""),
            unused<M>("use_mem_eff_path")};
  }
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Block takeBlock(const Source &source, const Node &node, const std::string &pointer) {
  const Node::Member *layer = node.find("layer");
  if (layer == nullptr) {
    return Block::Mamba1;
  }
  Facts facts;
  facts.key = "layer";
  facts.kind = Facts::Kind::Choice;
  facts.choices = {"Mamba1", "Mamba2"};
  return std::get<int64_t>(takeValue(source, layer->value, pointer + "/layer", facts)) == 0 ? Block::Mamba1
                                                                                            : Block::Mamba2;
}

void takeRank(const Source &source, const Node &node, const std::string &pointer, Mamba &mamba) {
  const Node::Member *rank = node.find("dt_rank");
  if (rank == nullptr || (rank->value.kind == Node::Kind::String && rank->value.text == "auto")) {
    return;
  }
  if (rank->value.kind != Node::Kind::Integer || rank->value.integer < 1 || rank->value.integer > maxSize) {
    source.fail(rank->value.offset, pointer + "/dt_rank",
                "dt_rank is " + describe(rank->value) + "; expected " + rankField().expected());
  }
  mamba.dtRank = rank->value.integer;
}

// The two numbers of `key`, whose second may be null where `open`; false where there are none.
bool takePair(const Source &source, const Node &node, const std::string &pointer, const std::string &key, bool open,
              double &first, std::optional<double> &second) {
  const Node::Member *pair = node.find(key);
  if (pair == nullptr || pair->value.kind == Node::Kind::Null) {
    return false;
  }
  auto isNumber = [](const Node &item) { return item.kind == Node::Kind::Integer || item.kind == Node::Kind::Real; };
  const std::vector<Node> &items = pair->value.items;
  bool right = items.size() == 2 && isNumber(items[0]) && items[0].real >= 0 && items[0].real <= maxStep &&
               (isNumber(items[1]) ? items[1].real >= items[0].real && items[1].real <= maxStep
                                   : open && items[1].kind == Node::Kind::Null);
  if (!right) {
    source.fail(pair->value.offset, pointer + pointerStep(key),
                key + " is " + describe(pair->value) + "; expected " + pairField(key).expected());
  }
  first = items[0].real;
  second = isNumber(items[1]) ? std::optional<double>(items[1].real) : std::nullopt;
  return true;
}

Layer takeLayer(const Source &source) {
  const std::string pointer = "/ssm_cfg";
  const Node::Member *given = source.root().find("ssm_cfg");
  static const Node nothing = [] {
    Node node;
    node.kind = Node::Kind::Object;
    return node;
  }();
  const Node &node = given == nullptr || given->value.kind == Node::Kind::Null ? nothing : given->value;
  checkObject(source, node, pointer, "ssm_cfg");
  Layer layer(takeBlock(source, node, pointer));
  const std::vector<Field<Mamba>> fields = mixerFields(layer.block);
  Block otherBlock = layer.block == Block::Mamba1 ? Block::Mamba2 : Block::Mamba1;
  checkKeys(source, node, pointer, placeOf(layer.block == Block::Mamba1 ? "a Mamba1 mixer" : "a Mamba2 mixer", fields),
            {placeOf(otherBlock == Block::Mamba1 ? "a Mamba1 mixer" : "a Mamba2 mixer", mixerFields(otherBlock))});
  takeFields(source, node, pointer, fields, layer.mamba);
  takeRank(source, node, pointer, layer.mamba);
  takePair(source, node, pointer, "dt_limit", true, layer.mamba.dtMin, layer.mamba.dtMax);
  std::optional<double> most;
  if (takePair(source, node, pointer, "A_init_range", false, layer.mamba.aInitMin, most)) {
    layer.mamba.aInitMax = *most;
  }
  return layer;
}

int64_t roundedUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

} // namespace

Imported mblm::spec::importMamba(const Source &source, const TensorShapes *) {
  const std::vector<Field<Config>> fields = configFields();
  checkKeys(source, source.root(), "", placeOf("a mamba configuration", fields),
            {placeOf("ssm_cfg", mixerFields(Block::Mamba1)), placeOf("ssm_cfg", mixerFields(Block::Mamba2))});
  Config config;
  takeFields(source, source.root(), "", fields, config);

  Layer layer = takeLayer(source);
  layer.norm = config.rms ? Norm::Rms : Norm::Layer;
  layer.normEps = defaultEps(layer.norm);
  layer.mamba.mlp = roundedUp(config.mlp, mlpMultiple);
  Stage stage;
  stage.dim = config.dim;
  stage.length = nominalLength;
  stage.finalNorm = layer.norm;
  stage.finalNormEps = layer.normEps;
  stage.layers.assign(size_t(config.depth), layer);

  Imported imported;
  Spec &spec = imported.spec;
  spec.vocab = roundedUp(config.vocab, config.vocabMultiple);
  spec.startToken = false;
  spec.tieEmbeddings = config.tied;
  spec.headBias = false;
  spec.loss = Loss::MeanTargets;
  spec.names = Names::Mamba;
  spec.stages.push_back(std::move(stage));
  if (spec.vocab != config.vocab) {
    imported.notes.push_back("vocab_size " + std::to_string(config.vocab) + " is padded to " +
                             std::to_string(spec.vocab) + ", a multiple of " + std::to_string(config.vocabMultiple));
  }
  imported.pointers = {{"/vocab", "/vocab_size"}, {"/stages/0", "/d_model"}, {"/stages/0/dim", "/d_model"}};
  const std::pair<const char *, const char *> ofLayer[] = {
      {"expand", "expand"},         {"ssm_dim", "d_ssm"},      {"head_dim", "headdim"},        {"groups", "ngroups"},
      {"dt_limit_max", "dt_limit"}, {"dt_init_max", "dt_max"}, {"a_init_max", "A_init_range"},
  };
  for (auto [ours, theirs] : ofLayer) {
    imported.pointers["/stages/0/layers/0/" + std::string(ours)] = "/ssm_cfg/" + std::string(theirs);
  }
  return imported;
}

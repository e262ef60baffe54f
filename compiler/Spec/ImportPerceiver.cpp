// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constructor arguments of perceiver-ar-pytorch: one stage whose first layers read a prefix. What the package does without
// asking is said here: label 0 is ignored, half of a head and at least 32 features of it are rotated, there is no norm behind the
// last layer, and no dropout on the probabilities of the layers behind those of the prefix.
#include "compiler/Spec/ImportCommon.h"

#include <algorithm>

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Config {
  int64_t vocab = 0;
  int64_t dim = 0;
  int64_t depth = 0;
  int64_t length = 0;
  int64_t prefix = 0;
  int64_t headDim = 64;
  int64_t heads = 8;
  double dropout = 0;
  double prefixDropout = 0;
  int64_t ffMult = 4;
  int64_t perceiveDepth = 1;
};

std::vector<Field<Config>> configFields() {
  using C = Config;
  Field<C> dropout = number<C>("dropout", &C::dropout, 0, 1, "");
  Field<C> prefixDropout = number<C>("cross_attn_dropout", &C::prefixDropout, 0, 1, "");
  dropout.belowMax = prefixDropout.belowMax = true;
  return {
      required(integer<C>("num_tokens", &C::vocab, 2, maxSize, "")),
      required(integer<C>("dim", &C::dim, 1, maxSize, "")),
      required(integer<C>("depth", &C::depth, 0, maxLayers, "")),
      required(integer<C>("max_seq_len", &C::length, 1, maxSize, "")),
      required(integer<C>("cross_attn_seq_len", &C::prefix, 1, maxSize, "")),
      integer<C>("dim_head", &C::headDim, 1, maxHeads, ""),
      integer<C>("heads", &C::heads, 1, maxHeads, ""),
      dropout,
      prefixDropout,
      integer<C>("ff_mult", &C::ffMult, 1, maxFfMult, ""),
      integer<C>("perceive_depth", &C::perceiveDepth, 1, maxLayers, ""),
      other<C>("perceive_max_heads_process", Facts::Kind::Integer, 1, maxHeads, ""), // memory only
  };
}

} // namespace

Imported mblm::spec::importPerceiver(const Source &source, const TensorShapes *) {
  const Node &root = source.root();
  const std::vector<Field<Config>> fields = configFields();
  checkKeys(source, root, "", placeOf("a perceiver-ar configuration", fields));
  Config config;
  takeFields(source, root, "", fields, config);
  if (config.prefixDropout > 0) {
    source.fail(root.find("cross_attn_dropout")->value.offset, "/cross_attn_dropout",
                "cross_attn_dropout is not 0 but no position of a prefix is left out in training here; expected 0");
  }

  Layer layer;
  layer.heads = config.heads;
  layer.headDim = config.headDim;
  layer.ffMult = config.ffMult;
  layer.rotary = true;
  int64_t rotated = std::max<int64_t>(32, config.headDim / 2);
  if (rotated != config.headDim) {
    layer.rotaryDim = rotated;
  }
  layer.tokenShift = false;
  layer.norm = Norm::Layer;
  layer.normEps = defaultEps(Norm::Layer);
  layer.ffBias = false;
  layer.ffDropout = config.dropout;
  Layer perceiving = layer;
  perceiving.perceive = perceiving.outBias = true;
  perceiving.attnDropout = config.dropout;
  Stage stage;
  stage.dim = config.dim;
  stage.length = config.length;
  stage.position = Position::Learned;
  stage.finalNorm = Norm::None;
  stage.finalNormEps = defaultEps(Norm::None);
  stage.layers.assign(size_t(config.perceiveDepth), perceiving);
  stage.layers.insert(stage.layers.end(), size_t(config.depth), layer);

  Imported imported;
  Spec &spec = imported.spec;
  spec.vocab = config.vocab;
  spec.pad = 0;
  spec.startToken = false;
  spec.headBias = false;
  spec.loss = Loss::MeanTargets;
  spec.fixedLength = true;
  spec.prefix = config.prefix;
  spec.names = Names::PerceiverAr;
  spec.stages.push_back(std::move(stage));
  imported.pointers = {{"/vocab", "/num_tokens"},
                       {"/prefix", "/cross_attn_seq_len"},
                       {"/stages/0", "/dim"},
                       {"/stages/0/dim", "/dim"},
                       {"/stages/0/length", "/max_seq_len"},
                       {"/stages/0/layers/0/head_dim", "/dim_head"},
                       {"/stages/0/layers/0/rotary_dim", "/dim_head"},
                       {"/stages/0/layers/0/rotary", "/dim_head"},
                       {"/stages/0/layers/0/attn_dropout", "/dropout"}};
  return imported;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The configuration of a GPT-2 as in llm.c and nanoGPT: one stage, learned positions, LayerNorm before each block, tanh
// GELU, biases everywhere but in the head, whose matrix is the byte table.
#include "compiler/Spec/ImportCommon.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Config {
  int64_t length = 0;
  int64_t vocab = 0;
  int64_t depth = 0;
  int64_t heads = 0;
  int64_t dim = 0;
};

std::vector<Field<Config>> configFields() {
  using C = Config;
  return {
      required(integer<C>("block_size", &C::length, 1, maxSize, "")),
      required(integer<C>("vocab_size", &C::vocab, 2, maxSize, "")),
      required(integer<C>("n_layer", &C::depth, 1, maxLayers, "")),
      required(integer<C>("n_head", &C::heads, 1, maxHeads, "")),
      required(integer<C>("n_embd", &C::dim, 1, maxSize, "")),
  };
}

} // namespace

Imported mblm::spec::importTransformer(const Source &source, const TensorShapes *) {
  const Node &root = source.root();
  const std::vector<Field<Config>> fields = configFields();
  checkKeys(source, root, "", placeOf("a transformer configuration", fields));
  Config config;
  takeFields(source, root, "", fields, config);
  if (config.dim % config.heads != 0) {
    int64_t below = config.dim - config.dim % config.heads;
    source.fail(root.find("n_embd")->value.offset, "/n_embd",
                "n_embd is " + std::to_string(config.dim) + " but n_head is " + std::to_string(config.heads) +
                    "; expected a multiple of " + std::to_string(config.heads) + ", nearest " +
                    (below == 0 ? "" : std::to_string(below) + " or ") + std::to_string(below + config.heads));
  }

  Layer layer;
  layer.heads = config.heads;
  layer.headDim = config.dim / config.heads;
  layer.tokenShift = false;
  layer.norm = Norm::Layer;
  layer.normEps = defaultEps(Norm::Layer);
  layer.activation = Activation::GeluTanh;
  layer.attentionBias = true;
  Stage stage;
  stage.dim = config.dim;
  stage.length = config.length;
  stage.position = Position::Learned;
  stage.finalNorm = Norm::Layer;
  stage.finalNormEps = defaultEps(Norm::Layer);
  stage.layers.assign(size_t(config.depth), layer);

  Imported imported;
  Spec &spec = imported.spec;
  spec.vocab = config.vocab;
  spec.startToken = false;
  spec.tieEmbeddings = true;
  spec.headBias = false;
  spec.loss = Loss::MeanTargets;
  spec.fixedLength = true;
  spec.names = Names::Gpt2;
  spec.stages.push_back(std::move(stage));
  imported.pointers = {{"/vocab", "/vocab_size"},
                       {"/stages/0", "/n_embd"},
                       {"/stages/0/dim", "/n_embd"},
                       {"/stages/0/length", "/block_size"}};
  return imported;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Transformer layer: h = x + Attention(norm(shift(x))), result = h + FeedForward(norm(shift(h))). Dropout is part
// of graphs that have a key for it, those of training.
#include "compiler/Frontend/Builders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

static Value shift(Graph &graph, StringRef name, const spec::Layer &layer, Value x) {
  return layer.tokenShift ? TokenShiftOp::create(graph.builder, graph.at(name), x).getResult() : x;
}

static Value rotate(Graph &graph, StringRef name, const spec::Layer &layer, Value x) {
  if (!layer.rotary) {
    return x;
  }
  return RopeOp::create(graph.builder, graph.at(name), x, uint64_t(layer.heads), Pairing::HalfSplit,
                        APFloat(layer.rotaryBase), /*inverse=*/false, /*origin=*/IntegerAttr());
}

// Query, key and value come from one product.
static Value buildAttention(Graph &graph, const spec::Layer &layer, Value x) {
  OpBuilder &builder = graph.builder;
  Value weight = graph.load(Role::Qkv);
  if (!weight) {
    weight = graph.load({Role::Query, Role::KeyValue});
  }
  Value qkv = graph.linear("attention/qkv", x, weight, graph.load(Role::QkvBias));
  RankedTensorType type = withWidth(x, layer.heads * layer.headDim);
  auto split = SplitOp::create(builder, graph.at("attention/split"), TypeRange{type, type, type}, qkv);
  Value query = rotate(graph, "attention/rotary_q", layer, split.getResult(0));
  Value key = rotate(graph, "attention/rotary_k", layer, split.getResult(1));
  double scale = 1 / std::sqrt(double(layer.headDim));
  FloatAttr rate;
  IntegerAttr site;
  Value dropoutKey = layer.attnDropout > 0 ? graph.dropoutKey : Value();
  if (dropoutKey) {
    rate = builder.getF64FloatAttr(layer.attnDropout);
    site = builder.getI64IntegerAttr(graph.nextSite());
  }
  auto attention = AttentionOp::create(builder, graph.at("attention"), type, withWidth(x, layer.heads), query, key,
                                       split.getResult(2), dropoutKey, uint64_t(layer.heads), APFloat(scale),
                                       MaskKind::Causal, /*block=*/IntegerAttr(), rate, site);
  return graph.linear("attention/out", attention.getResult(), graph.load(Role::AttnOut), graph.load(Role::AttnOutBias));
}

static Value buildFeedForward(Graph &graph, const spec::Layer &layer, Value x) {
  x = graph.linear("ff/linear1", x, graph.load(Role::Ff1Weight), graph.load(Role::Ff1Bias));
  auto kind = layer.activation == spec::Activation::Gelu ? ActivationKind::Gelu : ActivationKind::GeluTanh;
  x = ActivationOp::create(graph.builder, graph.at("ff/activation"), x, kind);
  if (graph.dropoutKey && layer.ffDropout > 0) {
    x = DropoutOp::create(graph.builder, graph.at("ff/dropout"), x, graph.dropoutKey, APFloat(layer.ffDropout),
                          graph.nextSite());
  }
  return graph.linear("ff/linear2", x, graph.load(Role::Ff2Weight), graph.load(Role::Ff2Bias));
}

Value mblm::frontend::buildTransformerLayer(Graph &graph, size_t stage, size_t layer, Value input) {
  const spec::Layer &current = graph.spec.stages[stage].layers[layer];
  graph.enter(layerPointer(graph.spec, stage, layer), int(stage), int(layer));
  Value x = shift(graph, "attention/shift", current, input);
  x = graph.norm("attention/norm", x, current.norm, current.normEps, Role::AttnNormWeight, Role::AttnNormBias);
  Value hidden = graph.add("attention/residual", input, buildAttention(graph, current, x));
  x = shift(graph, "ff/shift", current, hidden);
  x = graph.norm("ff/norm", x, current.norm, current.normEps, Role::FfNormWeight, Role::FfNormBias);
  return graph.add("ff/residual", hidden, buildFeedForward(graph, current, x));
}

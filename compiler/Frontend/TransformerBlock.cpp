// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Transformer layer: h = x + Attention(norm(shift(x))), result = h + FeedForward(norm(shift(h))). Dropout is part
// of graphs that have a key for it, those of training. With a prefix (Perceiver AR) the first layers have queries at the latents, the
// positions behind it, and keys at both.
#include "compiler/Frontend/Builders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

static Value shift(Graph &graph, StringRef name, const spec::Layer &layer, Value x) {
  return layer.tokenShift ? TokenShiftOp::create(graph.builder, graph.at(name), x).getResult() : x;
}

// The first of the positions is number `first` of the sequence.
static Value rotate(Graph &graph, StringRef name, const spec::Layer &layer, Value x, int64_t first) {
  if (!layer.rotary) {
    return x;
  }
  OpBuilder &builder = graph.builder;
  IntegerAttr origin = first ? builder.getIntegerAttr(builder.getIntegerType(64, /*isSigned=*/true), first) : IntegerAttr();
  return RopeOp::create(builder, graph.at(name), x, uint64_t(layer.heads), Pairing::HalfSplit, APFloat(layer.rotaryBase),
                        /*inverse=*/false, origin, uint64_t(layer.rotaryDim.value_or(0)));
}

// Query, key and value come from one product.
static Value buildAttention(Graph &graph, const spec::Layer &layer, Value x, Value hidden) {
  OpBuilder &builder = graph.builder;
  Value weight = graph.load(Role::Qkv);
  if (!weight) {
    weight = graph.load({Role::Query, Role::KeyValue});
  }
  Value qkv = graph.linear("attention/qkv", x, weight, graph.load(Role::QkvBias));
  RankedTensorType type = withWidth(x, layer.heads * layer.headDim);
  auto split = SplitOp::create(builder, graph.at("attention/split"), TypeRange{type, type, type}, qkv);
  int64_t first = graph.spec.prefix.value_or(0);
  Value query = rotate(graph, "attention/rotary_q", layer, split.getResult(0), first);
  Value key = rotate(graph, "attention/rotary_k", layer, split.getResult(1), first);
  double scale = 1 / std::sqrt(double(layer.headDim));
  FloatAttr rate;
  IntegerAttr site;
  Value dropoutKey = layer.attnDropout > 0 ? graph.dropoutKey : Value();
  if (dropoutKey) {
    rate = builder.getF64FloatAttr(layer.attnDropout);
    site = builder.getI64IntegerAttr(graph.nextSite());
  }
  auto attention = AttentionOp::create(builder, graph.at("attention"), type, withWidth(x, layer.heads), query, key,
                                       split.getResult(2), hidden, dropoutKey, uint64_t(layer.heads), APFloat(scale),
                                       hidden ? MaskKind::Full : MaskKind::Causal, /*block=*/IntegerAttr(), rate, site);
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

// The residual behind attention, and the layer's second half.
static Value finishLayer(Graph &graph, const spec::Layer &layer, Value input, Value attended) {
  Value sum = graph.add("attention/residual", input, attended);
  Value x = shift(graph, "ff/shift", layer, sum);
  x = graph.norm("ff/norm", x, layer.norm, layer.normEps, Role::FfNormWeight, Role::FfNormBias);
  return graph.add("ff/residual", sum, buildFeedForward(graph, layer, x));
}

Value mblm::frontend::buildTransformerLayer(Graph &graph, size_t stage, size_t layer, Value input, Value hidden) {
  const spec::Layer &current = graph.spec.stages[stage].layers[layer];
  graph.enter(layerPointer(graph.spec, stage, layer), int(stage), int(layer));
  Value x = shift(graph, "attention/shift", current, input);
  x = graph.norm("attention/norm", x, current.norm, current.normEps, Role::AttnNormWeight, Role::AttnNormBias);
  return finishLayer(graph, current, input, buildAttention(graph, current, x, hidden));
}

Value mblm::frontend::buildHiddenKeys(Graph &graph, size_t stage) {
  if (!graph.visible) {
    return {};
  }
  graph.enter(stagePointer(graph.spec, stage), int(stage));
  int64_t bytes = graph.spec.bytesPerSlot(stage), slots = ShapedType::kDynamic;
  Value visible = graph.visible;
  if (stage > 0) {
    slots = graph.spec.stages[stage].length;
    visible = graph.regroup("visible", visible, slots * bytes, 0);
  }
  auto type = RankedTensorType::get({ShapedType::kDynamic, slots}, graph.builder.getI32Type());
  return HiddenKeysOp::create(graph.builder, graph.at("hidden"), type, visible, uint64_t(bytes), graph.spec.maskAll);
}

//===----------------------------------------------------------------------===//
// With a prefix
//===----------------------------------------------------------------------===//

// Keys and values of [prefix, latents] come from one product. Each has its own norm before it.
static Value buildPerceivingLayer(Graph &graph, size_t stage, size_t layer, Value prefix, Value latents, Value ranges) {
  const spec::Layer &current = graph.spec.stages[stage].layers[layer];
  graph.enter(layerPointer(graph.spec, stage, layer), int(stage), int(layer));
  OpBuilder &builder = graph.builder;
  Value x = graph.norm("attention/norm", latents, current.norm, current.normEps, Role::AttnNormWeight, Role::AttnNormBias);
  Value context = graph.norm("attention/context_norm", prefix, current.norm, current.normEps, Role::ContextNormWeight,
                             Role::ContextNormBias);
  Value both = ConcatOp::create(builder, graph.at("attention/context"), withPositions(x, ShapedType::kDynamic), ValueRange{context, x},
                                /*positions=*/true);
  Value query = graph.linear("attention/q", x, graph.load(Role::Query), /*bias=*/{});
  Value keyValue = graph.linear("attention/kv", both, graph.load(Role::KeyValue), /*bias=*/{});
  RankedTensorType type = withWidth(both, current.heads * current.headDim);
  auto split = SplitOp::create(builder, graph.at("attention/split"), TypeRange{type, type}, keyValue);
  query = rotate(graph, "attention/rotary_q", current, query, *graph.spec.prefix);
  Value key = rotate(graph, "attention/rotary_k", current, split.getResult(0), /*first=*/0);
  Value mixed = buildRangedAttention(graph, "attention", query, key, split.getResult(1), ranges, current.heads, current.heads);
  return finishLayer(graph, current, latents, graph.linear("attention/out", mixed, graph.load(Role::AttnOut), graph.load(Role::AttnOutBias)));
}

Value mblm::frontend::buildPerceiver(Graph &graph, size_t stage, Value input, Value ids) {
  OpBuilder &builder = graph.builder;
  int64_t first = *graph.spec.prefix;
  graph.enter(stagePointer(graph.spec, stage), int(stage));
  SmallVector<Type> parts{withPositions(input, first), withPositions(input, ShapedType::kDynamic)};
  auto split = SplitOp::create(builder, graph.at("prefix"), parts, input, /*positions=*/true);
  Value ranges = VisibleBytesOp::create(builder, graph.at("visible"), rangesOf(ids), ids, /*window=*/IntegerAttr(),
                                        /*end=*/IntegerAttr(), uint64_t(first));
  Value latents = split.getResult(1);
  for (size_t layer = 0; layer < graph.spec.stages[stage].layers.size(); ++layer) {
    bool perceives = graph.spec.stages[stage].layers[layer].perceive;
    latents = perceives ? buildPerceivingLayer(graph, stage, layer, split.getResult(0), latents, ranges)
                        : buildTransformerLayer(graph, stage, layer, latents);
    endLayer(graph, stage, latents);
  }
  return latents;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Llama layer: h = x + Attention(norm(x)), result = h + w2(silu(w1 n) * w3 n) with n = norm(h). What a position sees is said by
// ranges, which the layers of a stage share where they see the same.
#include "compiler/Frontend/Builders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

static Value rotate(Graph &graph, StringRef name, const spec::Layer &layer, int64_t heads, Value x) {
  return RopeOp::create(graph.builder, graph.at(name), x, uint64_t(heads), Pairing::Interleaved, APFloat(layer.rotaryBase),
                        /*inverse=*/false, /*origin=*/IntegerAttr());
}

Value mblm::frontend::buildRangedAttention(Graph &graph, StringRef name, Value query, Value key, Value value, Value ranges, int64_t heads,
                                           int64_t kvHeads) {
  int64_t width = cast<RankedTensorType>(query.getType()).getDimSize(2) / heads;
  auto attention = RangedAttentionOp::create(graph.builder, graph.at(name), query.getType(), withWidth(query, heads), query, key, value,
                                             ranges, uint64_t(heads), uint64_t(kvHeads), APFloat(1 / std::sqrt(double(width))));
  return attention.getResult();
}

static Value buildAttention(Graph &graph, const spec::Layer &layer, Value x, Value ranges) {
  int64_t groups = layer.kvHeadsOf();
  Value query = graph.linear("attention/q", x, graph.load(Role::Query), /*bias=*/{});
  Value key = graph.linear("attention/k", x, graph.load(Role::Key), /*bias=*/{});
  Value value = graph.linear("attention/v", x, graph.load(Role::Value), /*bias=*/{});
  query = rotate(graph, "attention/rotary_q", layer, layer.heads, query);
  key = rotate(graph, "attention/rotary_k", layer, groups, key);
  Value mixed = buildRangedAttention(graph, "attention", query, key, value, ranges, layer.heads, groups);
  return graph.linear("attention/out", mixed, graph.load(Role::AttnOut), /*bias=*/{});
}

static Value buildFeedForward(Graph &graph, Value x) {
  Value gate = graph.linear("ff/gate", x, graph.load(Role::Gate), /*bias=*/{});
  Value up = graph.linear("ff/up", x, graph.load(Role::Up), /*bias=*/{});
  gate = ActivationOp::create(graph.builder, graph.at("ff/activation"), gate, ActivationKind::Silu);
  Value gated = MultiplyOp::create(graph.builder, graph.at("ff/gated"), gate, up);
  return graph.linear("ff/down", gated, graph.load(Role::Down), /*bias=*/{});
}

Value mblm::frontend::buildLlamaLayer(Graph &graph, size_t stage, size_t layer, Value input, Value ranges) {
  const spec::Layer &current = graph.spec.stages[stage].layers[layer];
  graph.enter(layerPointer(graph.spec, stage, layer), int(stage), int(layer));
  Value x = graph.norm("attention/norm", input, current.norm, current.normEps, Role::AttnNormWeight, Role::AttnNormBias);
  Value hidden = graph.add("attention/residual", input, buildAttention(graph, current, x, ranges));
  x = graph.norm("ff/norm", hidden, current.norm, current.normEps, Role::FfNormWeight, Role::FfNormBias);
  return graph.add("ff/residual", hidden, buildFeedForward(graph, x));
}

Value VisibleRanges::of(Graph &graph, const spec::Layer &layer) {
  std::optional<int64_t> end = layer.documents ? graph.spec.documentEnd : std::nullopt;
  Value &ranges = known[{layer.window.value_or(0), end.value_or(-1)}];
  if (!ranges) {
    OpBuilder &builder = graph.builder;
    auto number = [&](std::optional<int64_t> n) { return n ? builder.getI64IntegerAttr(*n) : IntegerAttr(); };
    ranges = VisibleBytesOp::create(builder, graph.at("visible"), rangesOf(ids), ids, number(layer.window), number(end));
  }
  return ranges;
}

RankedTensorType mblm::frontend::rangesOf(Value ids) { return cast<RankedTensorType>(ids.getType()); }

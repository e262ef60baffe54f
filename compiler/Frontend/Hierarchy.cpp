// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stages inside stages, outermost first. Output q of a stage (it has seen the slots before q only, as the start vector
// stands in front) becomes the additive context of all slots in patch q of the stage below; the last output has no
// patch to go to. In a masked model no start vector stands in front, and output q has seen all there is to see.
#include "compiler/Frontend/Builders.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

std::string mblm::frontend::stagePointer(const spec::Spec &spec, size_t stage) {
  const std::string &pointer = spec.stages[stage].pointer;
  return pointer.empty() ? "/stages/" + std::to_string(stage) : pointer;
}

std::string mblm::frontend::layerPointer(const spec::Spec &spec, size_t stage, size_t layer) {
  const std::vector<spec::Layer> &layers = spec.stages[stage].layers;
  const std::string &pointer = layers[layer].pointer;
  if (pointer.empty()) {
    return stagePointer(spec, stage) + "/layers/" + std::to_string(layer);
  }
  size_t repetition = 0;
  while (repetition < layer && layers[layer - repetition - 1].pointer == pointer) {
    ++repetition;
  }
  return repetition == 0 ? pointer : pointer + "#" + std::to_string(repetition);
}

void mblm::frontend::endLayer(Graph &graph, size_t stage, Value result) {
  result.getDefiningOp()->setAttr(layerEndAttrName, graph.builder.getI64IntegerAttr(int64_t(stage)));
}

// All layers; `ids` are the bytes.
static Value buildLayers(Graph &graph, size_t stage, Value x, Value ids) {
  if (graph.spec.prefix) {
    return buildPerceiver(graph, stage, x, ids);
  }
  const spec::Stage &current = graph.spec.stages[stage];
  VisibleRanges visible(ids);
  Value hidden = buildHiddenKeys(graph, stage);
  for (size_t layer = 0; layer < current.layers.size(); ++layer) {
    switch (current.layers[layer].block) {
    case spec::Block::Transformer:
      x = buildTransformerLayer(graph, stage, layer, x, hidden);
      break;
    case spec::Block::Mamba1:
    case spec::Block::Mamba2:
      x = buildMambaLayer(graph, stage, layer, x);
      break;
    case spec::Block::Llama: // of one stage, whose positions are the bytes
      x = buildLlamaLayer(graph, stage, layer, x, visible.of(graph, current.layers[layer]));
      break;
    }
    endLayer(graph, stage, x);
  }
  return x;
}

// All layers and the final norm.
static Value buildStage(Graph &graph, size_t stage, Value x, Value ids) {
  const spec::Stage &current = graph.spec.stages[stage];
  x = buildLayers(graph, stage, x, ids);
  graph.enter(stagePointer(graph.spec, stage), int(stage));
  return graph.norm("norm", x, current.finalNorm, current.finalNormEps, Role::FinalNormWeight, Role::FinalNormBias);
}

static Value buildProjection(Graph &graph, Value states) {
  return graph.linear("next", states, graph.load(Role::NextWeight), graph.load(Role::NextBias));
}

// The outputs of `stage`, as the context of the stage below where there is one.
static Value buildStageAndContext(Graph &graph, size_t stage, Value ids, Value context) {
  const spec::Spec &spec = graph.spec;
  Value states = buildStage(graph, stage, buildStageInput(graph, stage, ids, context), ids);
  if (stage == spec.local()) {
    return states;
  }
  const spec::Stage &next = spec.stages[stage + 1];
  // Without a start vector output q has seen patch q itself.
  Value outputs = spec.startToken ? graph.slice("next/slots", states, 0, 1) : states;
  Value projected = buildProjection(graph, outputs);
  // Also where the type stays, of patches of one slot in patches of one: here stages meet.
  auto type = RankedTensorType::get({ShapedType::kDynamic, next.length, next.dim}, graph.builder.getF32Type());
  return RegroupOp::create(graph.builder, graph.at("next/context"), type, projected);
}

Value mblm::frontend::buildInnerStages(Graph &graph, Value context, Value ids) {
  for (size_t stage = 1; stage < graph.spec.stages.size(); ++stage) {
    context = buildStageAndContext(graph, stage, ids, context);
  }
  return context;
}

Value mblm::frontend::buildHierarchy(Graph &graph, Value ids) {
  Value states = buildStageAndContext(graph, 0, ids, /*context=*/Value());
  if (graph.inner.empty()) {
    return buildInnerStages(graph, states, ids);
  }
  const spec::Stage &local = graph.spec.stages.back();
  graph.enter(stagePointer(graph.spec, graph.spec.local()), int(graph.spec.local()));
  auto type = RankedTensorType::get({ShapedType::kDynamic, local.length + 1, local.dim}, graph.builder.getF32Type());
  return PiecesOp::create(graph.builder, graph.at("pieces"), type, graph.inner, ValueRange{states, ids}).getResult(0);
}

Value mblm::frontend::buildEmptyHierarchy(Graph &graph) {
  const spec::Spec &spec = graph.spec;
  OpBuilder &builder = graph.builder;
  Value context, states;
  for (size_t stage = 0; stage < spec.stages.size(); ++stage) {
    graph.enter(stagePointer(spec, stage), int(stage));
    auto type = RankedTensorType::get({1, 1, spec.stages[stage].dim}, builder.getF32Type());
    Value x = StartOp::create(builder, graph.at("start"), type, graph.load(Role::StartToken));
    states = buildStage(graph, stage, context ? graph.add("context", x, context) : x, /*ids=*/{});
    if (stage != spec.local()) {
      const spec::Stage &next = spec.stages[stage + 1];
      context = buildProjection(graph, states);
      if (next.length > 1) {
        SmallVector<Type> parts{withWidth(states, next.dim), withWidth(states, (next.length - 1) * next.dim)};
        context = SplitOp::create(builder, graph.at("next/slot"), parts, context).getResult(0);
      }
    }
  }
  return states;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stage's input. The local stage looks its bytes up; a stage above embeds all bytes of a patch with a table of its
// own and maps them to its width, between two layer norms.
#include "compiler/Frontend/Builders.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

static constexpr double patchNormEps = 1e-5;
static constexpr double embeddingRopeBase = 10000;

static Value embedBytes(Graph &graph, size_t stage, Value ids) {
  const spec::Spec &spec = graph.spec;
  OpBuilder &builder = graph.builder;
  int64_t bytes = spec.bytesPerSlot(stage), length = spec.stages[stage].length;
  int64_t slots = ShapedType::kDynamic;
  if (stage > 0) {
    slots = length;
    ids = graph.regroup("bytes", ids, length * bytes, 0);
  }
  auto type =
      RankedTensorType::get({ShapedType::kDynamic, slots, bytes * spec.stages.back().dim}, builder.getF32Type());
  std::optional<int64_t> untrained = spec.untrainedRow();
  IntegerAttr skip = untrained ? builder.getI64IntegerAttr(*untrained) : IntegerAttr();
  return EmbedOp::create(builder, graph.at("embedding"), type, ids, graph.load(Role::ByteTable), uint64_t(bytes), skip);
}

static Value addPositions(Graph &graph, spec::Position position, Value x) {
  switch (position) {
  case spec::Position::None:
    return x;
  case spec::Position::Learned:
    return PositionOp::create(graph.builder, graph.at("position"), x.getType(), x, graph.load(Role::PositionTable),
                              /*origin=*/IntegerAttr());
  case spec::Position::Rope:
    return RopeOp::create(graph.builder, graph.at("position"), x, /*heads=*/uint64_t(1), Pairing::Interleaved,
                          APFloat(embeddingRopeBase), /*inverse=*/false, /*origin=*/IntegerAttr());
  }
  llvm_unreachable("all positions are covered");
}

Value mblm::frontend::buildStageInput(Graph &graph, size_t stage, Value ids, Value context) {
  const spec::Stage &current = graph.spec.stages[stage];
  graph.enter(stagePointer(graph.spec, stage), int(stage));
  Value x = embedBytes(graph, stage, ids);
  if (stage != graph.spec.local()) {
    x = graph.norm("embedding/norm1", x, spec::Norm::Layer, patchNormEps, Role::PatchNorm1Weight, Role::PatchNorm1Bias);
    x = graph.linear("embedding/linear", x, graph.load(Role::PatchLinearWeight), graph.load(Role::PatchLinearBias));
    x = graph.norm("embedding/norm2", x, spec::Norm::Layer, patchNormEps, Role::PatchNorm2Weight, Role::PatchNorm2Bias);
  }
  x = addPositions(graph, current.position, x);
  if (context) {
    x = graph.add("context", x, context);
  }
  if (!graph.spec.startToken) {
    return x;
  }
  int64_t positions = stage == 0 ? ShapedType::kDynamic : current.length + 1;
  return StartTokenOp::create(graph.builder, graph.at("start"), withPositions(x, positions), x,
                              graph.load(Role::StartToken));
}

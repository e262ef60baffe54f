// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the local stage's outputs to logits and to the mean loss. Rows are lined up before the head, so that the start
// rows that nobody asks for cost no logits.
#include "compiler/Frontend/Builders.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

Value mblm::frontend::buildRows(Graph &graph, Value states) {
  const spec::Spec &spec = graph.spec;
  graph.enter(stagePointer(spec, spec.local()), int(spec.local()));
  Value rows = spec.startToken ? graph.slice("rows", states, 1, 0) : states;
  return graph.regroup("rows", rows, ShapedType::kDynamic, spec.stages.back().dim);
}

Value mblm::frontend::buildLogits(Graph &graph, Value rows) {
  const spec::Spec &spec = graph.spec;
  Value weight;
  if (spec.tieEmbeddings) {
    graph.enter("/head", int(spec.local()));
    weight = graph.load(Role::ByteTable);
  }
  graph.enter("/head", -1);
  return graph.linear("logits", rows, spec.tieEmbeddings ? weight : graph.load(Role::HeadWeight),
                      graph.load(Role::HeadBias));
}

// Row t predicts byte t + offset.
static Value buildPredictions(Graph &graph, Value states) {
  const spec::Spec &spec = graph.spec;
  graph.enter(stagePointer(spec, spec.local()), int(spec.local()));
  if (spec.stages.size() == 1) {
    return graph.slice("predictions", states, 0, 1);
  }
  auto type = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic, spec.stages.back().dim},
                                    graph.builder.getF32Type());
  return NextByteOp::create(graph.builder, graph.at("predictions"), type, states);
}

static LossKind lossKind(spec::Loss loss) {
  switch (loss) {
  case spec::Loss::MeanNonzero:
    return LossKind::Nonzero;
  case spec::Loss::MeanTargets:
    return LossKind::Targets;
  case spec::Loss::MeanWeighted:
    return LossKind::Weighted;
  }
  llvm_unreachable("all losses are covered");
}

LossValues mblm::frontend::buildLoss(Graph &graph, Value states, Value ids, Value mask, Value targets) {
  const spec::Spec &spec = graph.spec;
  OpBuilder &builder = graph.builder;
  uint64_t offset = spec.startToken || targets ? 0 : 1 + spec.prefix.value_or(0);
  Value logits = buildLogits(graph, targets ? states : buildPredictions(graph, states));
  ids = targets ? targets : ids;
  graph.enter("/loss", -1);
  // A masked model's weights say what counts.
  IntegerAttr ignore = spec.pad && !spec.isMasked() ? builder.getI64IntegerAttr(*spec.pad) : IntegerAttr();
  auto perByte = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic}, builder.getF32Type());
  auto tokens =
      CrossEntropyOp::create(builder, graph.at("cross_entropy"), perByte, perByte, logits, ids, offset, ignore);
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  auto kind = lossKind(spec.loss);
  auto mean = MeanLossOp::create(builder, graph.at("mean"), scalar, scalar, scalar, tokens.getLoss(), mask, ids, kind,
                                 offset, ignore);
  return {mean.getLoss(), mean.getSum(), mean.getCount()};
}

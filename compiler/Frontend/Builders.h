// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The builders of this room, one per concern.
#pragma once

#include "compiler/Frontend/Graph.h"

namespace mblm::frontend {

// "/stages/1" where the spec does not say.
std::string stagePointer(const spec::Spec &spec, size_t stage);

// Of a layer; "#2" behind the pointer of the third one that one entry of the description makes.
std::string layerPointer(const spec::Spec &spec, size_t stage, size_t layer);

// One position per slot of `stage`: bytes embedded, positions, the parent's `context` (null at the outermost stage)
// and the start token in front. `ids` are [B, bytes].
mlir::Value buildStageInput(Graph &graph, size_t stage, mlir::Value ids, mlir::Value context);

// One layer: attention, then feed-forward, each residual and behind its own norm.
mlir::Value buildTransformerLayer(Graph &graph, size_t stage, size_t layer, mlir::Value input);

// One layer: a mixer (Mamba-1 or Mamba-2), and a gated feed-forward where the spec has one, likewise.
mlir::Value buildMambaLayer(Graph &graph, size_t stage, size_t layer, mlir::Value input);

// The local stage's outputs behind its final norm, start positions included.
mlir::Value buildHierarchy(Graph &graph, mlir::Value ids);
// Its part behind the outermost stage, whose `context` holds one sequence a slot.
mlir::Value buildInnerStages(Graph &graph, mlir::Value context, mlir::Value ids);
// The same for no bytes at all, by the references' rule: each start vector plus slot 0 of the parent's projection.
mlir::Value buildEmptyHierarchy(Graph &graph);

// `states` as from buildHierarchy. Row t of the result stands behind byte t and predicts byte t + 1.
mlir::Value buildRows(Graph &graph, mlir::Value states);
mlir::Value buildLogits(Graph &graph, mlir::Value rows);

struct LossValues {
  mlir::Value loss, sum, count;
};
LossValues buildLoss(Graph &graph, mlir::Value states, mlir::Value ids, mlir::Value mask);

} // namespace mblm::frontend

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

// Marks what makes a layer's result.
void endLayer(Graph &graph, size_t stage, mlir::Value result);

// One position per slot of `stage`: bytes embedded, positions, the parent's `context` (null at the outermost stage)
// and the start token in front. `ids` are [B, bytes].
mlir::Value buildStageInput(Graph &graph, size_t stage, mlir::Value ids, mlir::Value context);

// Which positions of `stage` a masked model's attention does not see; null of other models.
mlir::Value buildHiddenKeys(Graph &graph, size_t stage);

// One layer: attention, then feed-forward, each residual and behind its own norm. Attention is causal, or full but for `hidden` keys.
mlir::Value buildTransformerLayer(Graph &graph, size_t stage, size_t layer, mlir::Value input, mlir::Value hidden = {});

// The layers of a stage that read the prefix, then those on the latents alone; the latents' outputs.
mlir::Value buildPerceiver(Graph &graph, size_t stage, mlir::Value input, mlir::Value ids);

// Which positions each byte sees, by layers' windows and documents; what equal ones see stands once.
class VisibleRanges {
public:
  explicit VisibleRanges(mlir::Value ids) : ids(ids) {}
  mlir::Value of(Graph &graph, const spec::Layer &layer);

private:
  mlir::Value ids;
  std::map<std::pair<int64_t, int64_t>, mlir::Value> known; // by window and end of documents
};
// The type of ranges for the rows of `ids`.
mlir::RankedTensorType rangesOf(mlir::Value ids);

// Heads' attention to ranges of keys, with scores over the root of a head's width.
mlir::Value buildRangedAttention(Graph &graph, llvm::StringRef name, mlir::Value query, mlir::Value key, mlir::Value value,
                                 mlir::Value ranges, int64_t heads, int64_t kvHeads);

// One layer: attention to `ranges`, then a gated feed-forward, each residual and behind its own norm.
mlir::Value buildLlamaLayer(Graph &graph, size_t stage, size_t layer, mlir::Value input, mlir::Value ranges);

// One layer: a mixer (Mamba-1 or Mamba-2), and a gated feed-forward where the spec has one, likewise.
mlir::Value buildMambaLayer(Graph &graph, size_t stage, size_t layer, mlir::Value input);

// The local stage's outputs behind its final norm, start positions included.
mlir::Value buildHierarchy(Graph &graph, mlir::Value ids);
// Its part behind the outermost stage, whose `context` holds one sequence a slot.
mlir::Value buildInnerStages(Graph &graph, mlir::Value context, mlir::Value ids);
// The same for no bytes at all, by the references' rule: each start vector plus slot 0 of the parent's projection.
mlir::Value buildEmptyHierarchy(Graph &graph);

// What stands for a hierarchy where the data decides the patches: the decoder's outputs behind its final norm, one a byte. `lengths` are
// [B, P].
mlir::Value buildPatched(Graph &graph, mlir::Value ids, mlir::Value lengths);

// `states` as from buildHierarchy. Row t of the result stands behind byte t and predicts byte t + 1.
mlir::Value buildRows(Graph &graph, mlir::Value states);
mlir::Value buildLogits(Graph &graph, mlir::Value rows);

struct LossValues {
  mlir::Value loss, sum, count;
};
// `targets`, where they come by themselves, say what each byte predicts; null: the bytes of `ids`.
LossValues buildLoss(Graph &graph, mlir::Value states, mlir::Value ids, mlir::Value mask, mlir::Value targets = {});

} // namespace mblm::frontend

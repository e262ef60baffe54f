// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The global layers of a BLT model from a Llama checkpoint: its names, in Meta's and in Hugging Face's spelling, as ours. Both
// rotate the same features of a head, in another order: Meta's pairs stand side by side, (2i, 2i + 1), as here; Hugging
// Face's are (i, i + d/2), and so are the rows of its query and key projections.
#pragma once

#include "compiler/Spec/Import.h"

#include <optional>

namespace mblm::spec {

struct LlamaTensor {
  std::string name;    // ours
  bool halves = false; // rows are those of pairs (i, i + d/2)
};

// Empty for tensors that are no part of a layer.
std::optional<LlamaTensor> llamaTensor(const std::string &name);

// Tensors of a checkpoint that a BLT model has no use for, as rt::ModelInfo::ignorable: embeddings, the last norm, the head.
std::vector<std::string> unusedLlamaTensors();

// What a checkpoint's sizes are beside those of the spec's global layers, in the words of its configuration: "dim_global is 24 but the
// checkpoint is 16 wide; ...". Empty where all agree. `checkpoint` under our names.
std::string otherLlamaSizes(const Spec &spec, const TensorShapes &checkpoint);

// Turns rows of heads, `headDim` of `width` numbers each, from pairs (i, i + d/2) to pairs (2i, 2i + 1).
void pairSideBySide(std::vector<float> &rows, int64_t headDim, int64_t width);

} // namespace mblm::spec

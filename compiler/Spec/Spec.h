// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checked values of a model description. A `Spec` that exists is valid: readers refuse everything else. This room
// knows no MLIR. Lengths are in positions, dims in features, all f32.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mblm::spec {

enum class Block { Transformer };
enum class Position { None, Learned, Rope };
enum class Activation { Gelu, GeluTanh }; // exact (erf) and tanh forms
// RmsClamp: x / max(|x|_2 d^-1/2, eps) * g.  Layer: (x - mean) / sqrt(var + eps) * g + b.  Rms: x / sqrt(mean x^2 + eps) * g.
enum class Norm { None, RmsClamp, Layer, Rms };
// MeanNonzero: sum / count of nonzero token losses, pad targets are zero (MBLM).  MeanTargets: sum / count of targets that
// are not pad, NaN where there are none (MEGABYTE).
enum class Loss { MeanNonzero, MeanTargets };
// Whose parameter names the weights carry. MBLM 0.4.0 and 0.4.2 differ in the embeddings' names.
enum class Names { Mblm, Mblm040, Megabyte, Gpt2 };

// One layer: attention then feed-forward, each residual, each behind its own norm.
struct Layer {
  Block block = Block::Transformer;
  int64_t heads = 0;
  int64_t headDim = 0;
  int64_t ffMult = 4; // hidden width = ffMult * dim
  bool rotary = false;        // rotate q and k, half-split pairs over the head
  double rotaryBase = 10000;
  bool tokenShift = true;     // second half of the features (from ceil(d/2)) comes from the previous position
  Norm norm = Norm::RmsClamp; // before attention and before the feed-forward
  double normEps = 1e-8;
  Activation activation = Activation::Gelu;
  bool attentionBias = false; // biases in the q/k/v and output projections
  double attnDropout = 0;     // on probabilities, in training only
  double ffDropout = 0;       // between activation and second linear, in training only
  std::string pointer;        // JSON pointer of the entry, e.g. "/stages/1/layers/0"
};

struct Stage {
  int64_t dim = 0;
  int64_t length = 0; // positions per sequence of this stage (slots in a patch of the stage above)
  Position position = Position::None;
  std::vector<Layer> layers; // "repeat" already expanded
  Norm finalNorm = Norm::RmsClamp;
  double finalNormEps = 1e-8;
  std::string pointer;
};

struct Spec {
  std::string name;
  int64_t vocab = 0;
  std::optional<int64_t> pad; // fills incomplete patches and is never a target
  std::vector<Stage> stages;  // global first, local (bytes) last
  bool startToken = true;     // each stage's sequences begin with a learned vector; false: one stage, plain causal LM
  bool padGradient = true;    // false: rows `pad` of the byte tables receive no gradient (MBLM)
  bool tieEmbeddings = false; // the head uses the local byte table (needs stages.back().dim wide table; no head weight)
  bool headBias = true;
  Loss loss = Loss::MeanNonzero;
  bool fixedLength = false; // true: no more than stages[0].length outermost positions, whatever `position` says (MEGABYTE)
  Names names = Names::Mblm;
  std::string text; // the JSON as read, kept for the artifact

  size_t local() const { return stages.size() - 1; }
  // Bytes under one slot of stage i: product of the lengths of the stages below.
  int64_t bytesPerSlot(size_t i) const {
    int64_t n = 1;
    for (size_t s = i + 1; s < stages.size(); ++s) {
      n *= stages[s].length;
    }
    return n;
  }
  // The outermost number of slots is limited by a learned table or by `fixedLength`; 0 = unlimited.
  int64_t maxSlots() const {
    return fixedLength || stages[0].position == Position::Learned ? stages[0].length : 0;
  }
};

} // namespace mblm::spec

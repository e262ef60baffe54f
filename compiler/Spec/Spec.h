// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checked values of a model description. A `Spec` that exists is valid: readers refuse everything else. This room
// knows no MLIR. Lengths are in positions, dims in features, all f32.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mblm::spec {

enum class Block { Transformer, Mamba1, Mamba2 };
constexpr Block allBlocks[] = {Block::Transformer, Block::Mamba1, Block::Mamba2};
enum class Position { None, Learned, Rope };
enum class Activation { Gelu, GeluTanh }; // exact (erf) and tanh forms
// RmsClamp: x / max(|x|_2 d^-1/2, eps) * g.  Layer: (x - mean) / sqrt(var + eps) * g + b.  Rms: x / sqrt(mean x^2 + eps) * g.
enum class Norm { None, RmsClamp, Layer, Rms };
// MeanNonzero: sum / count of nonzero token losses, pad targets are zero (MBLM).  MeanTargets: sum / count of targets that
// are not pad, NaN where there are none (MEGABYTE).
enum class Loss { MeanNonzero, MeanTargets };
// Whose parameter names the weights carry. MBLM 0.4.0 and 0.4.2 differ in the embeddings' names.
enum class Names { Mblm, Mblm040, Megabyte, Gpt2, Mamba };
// First values of Mamba-1's step projection: uniform or all alike.
enum class DtInit { Random, Constant };

// What only Mamba layers have; dt is the step of the recurrence. Widths that may be absent follow from the stage's dim.
struct Mamba {
  int64_t state = 16;              // numbers that a feature remembers
  int64_t conv = 4;                // taps of the causal convolution
  double expand = 2;               // features inside = floor(expand * dim)
  bool bias = false;               // biases in the input and output projections
  bool convBias = true;
  std::optional<int64_t> dtRank;   // Mamba-1: features that dt is projected from; absent: ceil(dim / 16)
  double dtScale = 1;              // Mamba-1: of the first values of that projection
  DtInit dtInit = DtInit::Random;  // Mamba-1
  int64_t headDim = 64;            // Mamba-2
  int64_t groups = 1;              // Mamba-2: groups of heads that share b and c
  std::optional<int64_t> ssmDim;   // Mamba-2: features that pass the recurrence; absent: all inside
  bool skipPerFeature = false;     // Mamba-2: the skip has a number for each feature, not for each head
  bool gatedNorm = true;           // Mamba-2: RMS norm (eps 1e-5) over each group's features, at the gate
  bool normBeforeGate = false;     // Mamba-2: norm(y) * silu(z), not norm(y * silu(z))
  double dtMin = 0;                // Mamba-2: limits of dt, after softplus
  std::optional<double> dtMax;     // Mamba-2; absent: none
  int64_t chunk = 256;             // Mamba-2: positions computed at once; changes no value
  double aInitMin = 1;             // Mamba-2: first values of -A, uniform
  double aInitMax = 16;            // Mamba-2
  double dtInitMin = 0.001;        // first values of dt, log-uniform, no less than dtInitFloor
  double dtInitMax = 0.1;
  double dtInitFloor = 1e-4;
  int64_t mlp = 0;                 // hidden width of a gated feed-forward behind the mixer; 0: none

  int64_t innerDim(int64_t dim) const { return int64_t(expand * double(dim)); }
  int64_t dtRankOf(int64_t dim) const { return dtRank.value_or((dim + 15) / 16); }
  int64_t ssmDimOf(int64_t dim) const { return ssmDim.value_or(innerDim(dim)); }
  int64_t headsOf(int64_t dim) const { return ssmDimOf(dim) / headDim; }
};

// One layer. Transformer: attention then feed-forward, each residual, each behind its own norm. Mamba: a mixer, and a gated
// feed-forward where asked for, likewise.
struct Layer {
  Block block = Block::Transformer;
  int64_t heads = 0;
  int64_t headDim = 0;
  int64_t ffMult = 4; // hidden width = ffMult * dim
  bool rotary = false;        // rotate q and k, half-split pairs over the head
  double rotaryBase = 10000;
  bool tokenShift = true;     // second half of the features (from ceil(d/2)) comes from the previous position
  Norm norm = Norm::RmsClamp; // before attention or the mixer, and before the feed-forward
  double normEps = 1e-8;
  Activation activation = Activation::Gelu;
  bool attentionBias = false; // biases in the q/k/v and output projections
  double attnDropout = 0;     // on probabilities, in training only
  double ffDropout = 0;       // between activation and second linear, in training only
  Mamba mamba;
  std::string pointer;        // JSON pointer of the entry, e.g. "/stages/1/layers/0"

  Layer() = default;
  // With the defaults of that kind.
  explicit Layer(Block block);
  bool isMamba() const { return block != Block::Transformer; }
};

inline Layer::Layer(Block block) : block(block) {
  if (block != Block::Transformer) {
    norm = Norm::Rms;
    normEps = 1e-5;
    mamba.state = block == Block::Mamba1 ? 16 : 128;
  }
}

struct Stage {
  int64_t dim = 0;
  int64_t length = 0; // positions per sequence of this stage (slots in a patch of the stage above)
  Position position = Position::None;
  std::vector<Layer> layers; // "repeat" already expanded
  Norm finalNorm = Norm::RmsClamp;
  double finalNormEps = 1e-8;
  std::string pointer;
};

// Where the entries of a file stand.
struct Places {
  struct Position {
    unsigned line = 0, column = 0; // from 1
  };
  std::string file;                          // empty: not read from a file that people wrote
  std::map<std::string, Position> positions; // by JSON pointer: the top level "", stages, layers
};

struct Spec {
  std::string name;
  int64_t vocab = 0;
  std::optional<int64_t> pad; // fills incomplete patches and is never a target
  std::vector<Stage> stages;  // global first, local (bytes) last
  bool startToken = true;     // each stage's sequences begin with a learned vector; false: one stage, plain causal LM
  bool padGradient = true;    // false: rows `pad` of the byte tables receive no gradient (MBLM)
  std::optional<int64_t> frozen; // another row of the byte tables that receives none (mambapy's padding_idx)
  bool tieEmbeddings = false; // the head uses the local byte table (needs stages.back().dim wide table; no head weight)
  bool headBias = true;
  Loss loss = Loss::MeanNonzero;
  bool fixedLength = false; // true: no more than stages[0].length outermost positions, whatever `position` says (MEGABYTE)
  Names names = Names::Mblm;
  std::string text; // the JSON as read, kept for the artifact
  Places places;

  // The row of the byte tables that starts at zero and receives no gradient.
  std::optional<int64_t> untrainedRow() const { return padGradient ? frozen : pad; }
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

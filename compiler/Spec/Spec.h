// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checked values of a model description. A `Spec` that exists is valid: readers refuse everything else. This room
// knows no MLIR. Lengths are in positions, dims in features, all f32.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mblm::spec {

enum class Block { Transformer, Mamba1, Mamba2, Llama };
constexpr Block allBlocks[] = {Block::Transformer, Block::Mamba1, Block::Mamba2, Block::Llama};
enum class Position { None, Learned, Rope };
enum class Activation { Gelu, GeluTanh }; // exact (erf) and tanh forms
// RmsClamp: x / max(|x|_2 d^-1/2, eps) * g.  Layer: (x - mean) / sqrt(var + eps) * g + b.  Rms: x / sqrt(mean x^2 + eps) * g.
enum class Norm { None, RmsClamp, Layer, Rms };
// MeanNonzero: sum / count of nonzero token losses, pad targets are zero (MBLM).  MeanTargets: sum / count of targets that
// are not pad, NaN where there are none (MEGABYTE).  MeanWeighted: sum of weight * loss / (sum of weights + 1e-6),
// weights being the mask's (BLT).
enum class Loss { MeanNonzero, MeanTargets, MeanWeighted };
// Whose parameter names the weights carry. MBLM 0.4.0 and 0.4.2 differ in the embeddings' names.
enum class Names { Mblm, Mblm040, Megabyte, Gpt2, Mamba, Blt, PerceiverAr };
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
// feed-forward where asked for, likewise. Llama: as Transformer with a gated feed-forward w2(silu(w1 x) * w3 x), without
// token shift, biases or dropout; always rotary, over pairs (2i, 2i+1) of a head.
struct Layer {
  Block block = Block::Transformer;
  int64_t heads = 0;
  int64_t headDim = 0;
  int64_t ffMult = 4; // hidden width = ffMult * dim
  bool rotary = false;        // rotate q and k, half-split pairs over the head
  std::optional<int64_t> rotaryDim; // or over that many features of it; the others pass
  double rotaryBase = 10000;
  bool tokenShift = true;     // second half of the features (from ceil(d/2)) comes from the previous position
  Norm norm = Norm::RmsClamp; // before attention or the mixer, and before the feed-forward
  double normEps = 1e-8;
  Activation activation = Activation::Gelu;
  bool attentionBias = false; // biases in the q/k/v and output projections
  bool outBias = false;       // in the output projection at least
  bool ffBias = true;
  bool perceive = false;      // queries of the latents, keys of the prefix and of these (Spec::prefix)
  double attnDropout = 0;     // on probabilities, in training only
  double ffDropout = 0;       // between activation and second linear, in training only
  std::optional<int64_t> kvHeads; // Llama: key/value heads; absent: heads. Query head h reads that of h / (heads / kvHeads)
  int64_t ffHidden = 0;           // Llama: hidden width of the feed-forward
  std::optional<int64_t> window;  // Llama: positions that a position sees, itself included; absent: all before it
  bool documents = false;         // Llama: sees no farther back than its document's begin (Spec::documentEnd)
  Mamba mamba;
  std::string pointer;        // JSON pointer of the entry, e.g. "/stages/1/layers/0"

  Layer() = default;
  // With the defaults of that kind.
  explicit Layer(Block block);
  bool isMamba() const { return block == Block::Mamba1 || block == Block::Mamba2; }
  int64_t kvHeadsOf() const { return kvHeads.value_or(heads); }
};

inline Layer::Layer(Block block) : block(block) {
  if (block != Block::Transformer) {
    norm = Norm::Rms;
    normEps = 1e-5;
  }
  if (isMamba()) {
    mamba.state = block == Block::Mamba1 ? 16 : 128;
  }
  if (block == Block::Llama) {
    rotary = true;
    tokenShift = false;
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

// How the bytes of a sequence are cut into patches. Given: the lengths come with the input, always.
enum class PatchMode { Given, Static, Byte, Space, Entropy, Bpe };
enum class Pool { Mean, Min, Max }; // in this order where several are concatenated
// One: the encoder after its last layer, the decoder before its first. All: after and before every one.
enum class CrossLayers { None, One, All };

// Patches of lengths that depend on the data (BLT). Stage 1, the encoder, reads bytes; what it says of each patch is read by
// stage 0; stage 2, the decoder, takes the encoder's bytes on and reads stage 0's patches.
struct Patches {
  PatchMode mode = PatchMode::Given;
  int64_t size = 0;                     // Static: bytes of a patch
  double threshold = 1.335442066192627; // Entropy: in nats
  std::optional<double> thresholdAdd;   // Entropy: of the step from the entropy before, beside `threshold`
  bool monotonic = false;               // Entropy: `threshold` is that of the step
  std::optional<int64_t> maxLength;     // longer patches are cut
  int64_t lead = 0;                     // ids 0 before the encoder's bytes, and in the first patch
  std::vector<Pool> pooling = {Pool::Max};
  int64_t perPatch = 1;                 // vectors of local width that stand for a patch in cross attention
  int64_t crossHeads = 1;               // of width local dim / crossHeads
  CrossLayers encoderCross = CrossLayers::One;
  CrossLayers decoderCross = CrossLayers::All;
  std::optional<int64_t> encoderWindow; // patches whose bytes a patch sees, itself included; absent: its own
  std::optional<int64_t> decoderWindow; // patches that a byte sees; absent: one
  double crossNormEps = 1e-5;
};

// Tables beside the byte table, whose rows are added to a byte's embedding: by hash of the last n ids, and by place in a
// list of n ids.
struct Ngrams {
  std::vector<int64_t> hashSizes; // n; one table for each and each function: function-major, then in this order
  int64_t hashFunctions = 1;
  int64_t hashRows = 0; // of every hash table
  struct Table {
    int64_t length = 0; // n
    std::vector<std::vector<int32_t>> grams;
    int64_t rows() const { return int64_t(grams.size()) + 4; } // 0: not listed; 1 to 3: unused
  };
  std::vector<Table> tables;
  int64_t hashTables() const { return int64_t(hashSizes.size()) * hashFunctions; }
};

// Where the entries of a file stand.
struct Places {
  struct Position {
    unsigned line = 0, column = 0; // from 1
  };
  std::string file;                          // empty: not read from a file that people wrote
  std::map<std::string, Position> positions; // by JSON pointer: the top level "", patches, ngrams, stages, layers
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
  // With patches, stages are exactly three: global [0] (length: most patches), encoder [1], decoder [2] (length: bytes).
  std::optional<Patches> patches;
  std::optional<Ngrams> ngrams;      // with patches only
  std::optional<int64_t> documentEnd; // id that ends a document
  // The first positions, which are keys of the first layers and nothing else: what follows them are the latents (Perceiver AR).
  std::optional<int64_t> prefix;
  // A masked model (MBLM's encoder): no stage is causal, and it predicts bytes that this id stands for.
  std::optional<int64_t> maskToken;
  bool maskAll = false;          // attention sees a patch where it may see all its bytes; false: any
  double maskProbability = 0.15; // of each byte, in training
  std::string text; // the JSON as read, kept for the artifact
  Places places;

  // The row of the byte tables that starts at zero and receives no gradient.
  std::optional<int64_t> untrainedRow() const { return padGradient ? frozen : pad; }
  bool isMasked() const { return maskToken.has_value(); }
  // Whether sequences go through it whole: there are no steps.
  bool isWhole() const { return prefix || isMasked(); }
  size_t local() const { return stages.size() - 1; }
  // Bytes under one slot of stage i: product of the lengths of the stages below. 1 where the data decides.
  int64_t bytesPerSlot(size_t i) const {
    int64_t n = 1;
    for (size_t s = i + 1; s < stages.size() && !patches; ++s) {
      n *= stages[s].length;
    }
    return n;
  }
  // Width of what the encoder says of a patch.
  int64_t patchWidth() const {
    bool cross = patches->encoderCross != CrossLayers::None;
    return stages[1].dim * (cross ? patches->perPatch : int64_t(patches->pooling.size()));
  }
  // Width of what the decoder reads of a patch.
  int64_t patchWidthDown() const {
    return stages[2].dim * (patches->decoderCross != CrossLayers::None ? patches->perPatch : 1);
  }
  // Whether `holds` is true of any layer from stage `first` on.
  template <typename Holds> bool anyLayer(Holds holds, size_t first = 0) const {
    for (size_t s = first; s < stages.size(); ++s) {
      if (std::any_of(stages[s].layers.begin(), stages[s].layers.end(), holds)) {
        return true;
      }
    }
    return false;
  }
  // The outermost number of slots is limited by a learned table or by `fixedLength`; 0 = unlimited.
  int64_t maxSlots() const {
    return fixedLength || stages[0].position == Position::Learned ? stages[0].length : 0;
  }
};

} // namespace mblm::spec

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled model as training, generation and evaluation see it: what it is (ModelInfo) and its entry points (run). Made by
// the artifact loader (native code) or by the reference interpreter. The program owns no weights; the caller does.
#pragma once

#include "runtime/Patches.h"
#include "runtime/Support/Dropout.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mblm::rt {

enum class Entry {
  Forward,   // ids -> output: logits [B, M*inner, vocab], row t predicts byte t+1
  Hidden,    // ids -> output: last stage's states after its final norm [B, M*inner, dim], rows as in Forward
  Empty,     // nothing -> output: logits [B, 1, vocab] for the empty prompt, by the reference's own rule
  Entropies, // ids -> output: entropy of each row's distribution [B, M], nats (of BLT's entropy model)
  Patches,   // ids, and entropies where the model's rule asks for them -> patchLengths [B, M + 1] (of models with a rule of their own)
  Loss,      // ids, mask -> scalars.loss
  Gradients, // ids, mask, draw, scale -> scalars.loss; ADDS scale * dloss/dparameter to `grads`
  TrainStep, // as Gradients, then clips by the global norm, updates params, m, v and zeroes `grads`
  // One for each stage, on the positions from `position` on (see passes/Decode); they read and write `state`.
  Begin,   // nothing: the stage's start vector alone, at position 0
  Step,    // ids of one slot; of the local stage -> output: logits [B, 1, vocab]
  Prefill, // as prefillRows steps in one: of stage 0, and nothing comes out; of steps with ranges each has one, with outputs of all
  ShortPrefill, // the same of shortPrefillRows: what a Prefill leaves is soon read, too
  Prepare, // the copies of weights that other entries read, where they do; a program runs it by itself
};
std::string entryName(Entry entry, int64_t stage = 0); // "forward", "train_step", ..., "step_1"
constexpr int64_t prefillRows = 64, shortPrefillRows = prefillRows / 8;
// Positions that a Step or a prefill takes; and which of them takes most of `count` positions, count >= 1.
int64_t stepRows(Entry entry);
Entry stepFor(int64_t count);

// B sequences of M outermost slots, of which G at a time where a program works by pieces, and of at most P patches where the data
// decides these.
struct Shape {
  int64_t batch = 1;
  int64_t slots = 1;
  int64_t piece = 1;
  int64_t patches = 0;
};

// c1 + cM*M + cB*B + cBM*B*M + cG*G + cP*P + cBP*B*P, in floats.
struct LinearSize {
  std::array<int64_t, 7> coefficients = {};
  int64_t pieces() const { return coefficients[4]; }
  // Throws Error(Resource) when the size cannot be counted in 63 bits; `what` names it.
  int64_t at(const Shape &shape, const std::string &what) const;
};

// What steps remember: [B, positions, width], in a ring: position q of a sequence stands in row q mod positions.
struct StateTensor {
  std::string name;
  struct {
    int64_t more = 0, perSlot = 0; // more + perSlot * M
    int64_t at(int64_t slots) const { return more + perSlot * slots; }
  } positions;
  bool perPatch = false; // positions are patches that the data decides
  int64_t width = 0;
  LinearSize offset; // in the flat state buffer
};
// Floats of the state buffer.
int64_t stateFloats(const std::vector<StateTensor> &states, int64_t batch, int64_t slots);

// Ranges that a step asks its caller for: `numbers` for each sequence, a first position and an end for each vector of the position.
// `kind` is the op that makes them in the whole pass (dialects/MBLM/IR/MBLMPatchOps.td), with its attributes.
struct RangeRule {
  std::string kind;
  int64_t numbers = 0, rows = 1;
  int64_t window = 0; // 0: none
  int64_t end = -1;   // id that ends documents; -1: none
};

// What a step takes beside the call's position. A prefill of n rows takes n times as many ranges, and n - 1 ids more.
struct StepInputs {
  int64_t ids = 0; // newest ids of each sequence; 0: none, or those of a slot
  std::vector<RangeRule> ranges;
};

struct Parameter {
  std::string name;           // the reference's
  std::vector<int64_t> shape; // row-major
  int64_t offset = 0;         // in floats, into the flat parameter buffer
  // "zeros" | "ones" | "constant" (scale) | "normal" (scale = deviation) | "truncated_normal" (the same, within 3 * scale)
  // | "uniform" (scale = bound) | "log_count" (ln 1, ln 2, ... in each row) | "log_uniform" (ln U(low, high)) | "step" (softplus of it is exp U(ln low, ln high), at least scale)
  std::string init;
  double scale = 0;
  double low = 0, high = 0;
  int64_t zeroRow = -1; // a row that starts at zero whatever `init` says: the pad id's, in tables that never train it
  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : shape) {
      n *= d;
    }
    return n;
  }
};

struct ModelInfo {
  std::string name;
  int64_t vocab = 0;
  std::optional<int64_t> pad; // absent: the model takes any length (inner == 1)
  int64_t inner = 1;          // bytes per outermost slot; lengths are padded up to a multiple
  int64_t maxSlots = 0;       // limit of the outermost number of slots; 0 = none
  int64_t maxLength = 0;      // stages' lengths multiplied: the reference's nominal context
  int64_t documentEnd = -1;   // id that ends a document; -1: none does
  int32_t firstByte = 0;      // id of byte 0; where not 0, sequences of bytes begin with a mark (runtime/Tokenizer.h)
  bool patched = false;       // the data decides the patches: calls take their lengths, and what each byte predicts
  PatchRule patchRule;        // where they end, then
  int64_t mostPatches = 0;    // of `maxLength` bytes, as the spec states
  bool startToken = true;     // byte 0 is predicted (and trained) too
  int64_t prefix = 0;         // first bytes of a sequence, which have no rows in the results
  int64_t maskToken = -1;     // id of masked bytes, which the model predicts from both sides; -1: it is causal
  double maskProbability = 0; // of each byte, in training
  int64_t hiddenDim = 0;
  std::vector<int64_t> stageLengths;   // outermost first
  std::vector<Parameter> parameters;
  std::vector<std::string> ignorable;  // further names that a weights file may hold: exact, or "*suffix"
  std::string names;                   // "mblm" | "mblm-0.4.0" | "megabyte" | "gpt2" | "mamba" | "blt" | "perceiver_ar"
  int64_t parameterElements = 0; // size of the flat buffers, in floats (holes for alignment included)
  std::string spec;              // the JSON description this was compiled from

  bool isMasked() const { return maskToken >= 0; }
  // Whether sequences go through the model whole: it has no steps.
  bool isWhole() const { return prefix > 0 || isMasked(); }
  // The first byte of a sequence that is predicted.
  int64_t firstTarget() const { return startToken || isMasked() ? 0 : prefix + 1; }
  // Patches of sequences of so many slots that memory is planned for; more take more. 0 where the data decides none.
  int64_t plannedPatches(int64_t slots) const;
};

// Optimizer inputs of TrainStep, in this order in `hyper`.
enum Hyper { Lr, Beta1, Beta2, Eps, WeightDecay, ClipNorm /* <= 0: off */, Step /* 1 for the first update */, Decoupled /* 1: AdamW */, HyperCount };

// All buffers belong to the caller; unused ones are null. Flat buffers hold parameterElements floats, 64-byte aligned, and
// stay readable for 256 bytes past their end.
struct Call {
  int64_t batch = 0; // B >= 1
  int64_t slots = 0; // M >= 1: outermost slots; sequences hold M * inner ids
  const int32_t *ids = nullptr;  // [B, M*inner], padded with the pad id, each in [0, vocab)
  const float *mask = nullptr;   // [B, M*inner] or null (all ones); weight of each byte as a target, 0 in the padding
  int64_t patches = 0;              // P: the most patches of a sequence, where the data decides these
  const int32_t *lengths = nullptr; // [B, P]: their bytes, M + 1 together in each sequence; 0 behind the last one
  const int32_t *targets = nullptr; // [B, M*inner]: what each byte predicts, then and of masked models, where a loss is computed
  const float *entropies = nullptr; // [B, M], nats: of what follows each byte, for Entry::Patches
  int32_t *patchLengths = nullptr;  // [B, M + 1], that entry's result: 0 behind a sequence's last patch
  const int32_t *visible = nullptr; // [B, M*inner]: of masked models, which bytes attention may see; 0 in the padding
  std::optional<Draw> draw;      // for dropout; absent: nothing is dropped
  float scale = 1;               // of the gradients
  const float *hyper = nullptr;  // [HyperCount]
  const float *decay = nullptr;  // [parameters.size()]: 1 or 0, whether weight decay applies
  float *params = nullptr;
  float *grads = nullptr;
  float *m = nullptr; // Adam's first and second moments
  float *v = nullptr;
  float *output = nullptr;
  int64_t stage = 0;      // of the entries that exist for each
  int64_t position = 0;   // first position of a step in its stage's sequence
  const int32_t *ranges = nullptr; // what a step's `StepInputs` ask for, one [B, numbers] behind the other
  float *state = nullptr; // [stateFloats(states, B, M)], M the most slots that the sequences may have
  struct Scalars {
    float loss = 0;
    float gradNorm = 0;  // before clipping
    float sum = 0;       // of the weighted token losses, nats
    float count = 0;     // the loss's divisor
  } *scalars = nullptr;
};

// What one kernel took since profiling began.
struct KernelTime {
  std::string name;
  int64_t calls = 0;
  double seconds = 0;     // as the program saw it
  double busySeconds = 0; // CPU time of all threads together; on a GPU as `seconds`
  int64_t memoryBytes = 0; // of a GPU's memory, sectors that a launch touches, each once; 0: not counted
};

class Program {
public:
  virtual ~Program() = default;
  virtual const ModelInfo &info() const = 0;
  // Throws mblm::Error (Resource when the arena does not fit).
  virtual void run(Entry entry, const Call &call) = 0;
  // Empty: the program was compiled without steps.
  virtual const std::vector<StateTensor> &states() const {
    static const std::vector<StateTensor> none;
    return none;
  }
  // Of native code: the level of machine that it is made for (runtime/Level.h). Empty: it is none.
  virtual std::string level() const { return ""; }
  // Of the step of a stage.
  virtual const StepInputs &stepInputs(int64_t stage) const {
    static const StepInputs none;
    (void)stage;
    return none;
  }
  // A program may have copies of the flat buffers and of the state elsewhere. Whoever reads or writes such a buffer beside `run`
  // says so before; and who gives its memory back, too.
  virtual void hostAccess(const float *buffer) { (void)buffer; }
  virtual void forget(const float *buffer) { (void)buffer; }
  // Whether steps read weights of products in int8. The program makes such copies when a step finds the parameters changed.
  virtual bool quantizes() const { return false; }
  // Writes over these parameters the numbers that steps read in their place, an integer times its row's scale each.
  virtual void quantize(float *params) { (void)params; }
  // Bytes that `run` allocates beside the caller's buffers.
  virtual int64_t workspaceBytes(Entry entry, int64_t batch, int64_t slots, int64_t stage = 0) const = 0;
  // Times every kernel from now on, from zero. Programs without kernels have nothing to tell.
  virtual void startProfile() {}
  virtual std::vector<KernelTime> profile() const { return {}; } // the longest first
};

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program together with its weights: what training, evaluation, generation and the command line work with. Takes
// plain [batch, length] ids of any length, pads them to whole slots, checks them, and crops the results.
#pragma once

#include "runtime/Program.h"
#include "runtime/Safetensors.h"
#include "runtime/Support/Memory.h"
#include "runtime/Weights.h"

#include <memory>

namespace mblm::rt {

struct Ids {
  int64_t batch = 1;
  int64_t length = 0;
  const int32_t *ids = nullptr; // [batch, length]
  const float *mask = nullptr;  // [batch, length] or null: all ones
  // Of models whose patches the data decides:
  // [batch, patches] bytes of each patch: length + 1 together in each sequence, then zeros; null: as the model's rule has them
  const int32_t *lengths = nullptr;
  int64_t patches = 0;
  const int32_t *targets = nullptr; // [batch, length] what each byte predicts; null: the next one, and the last byte nothing
  // Of masked models, whose targets are the bytes before masking (null: `ids`): [batch, length] 1 for each byte that attention may see and
  // that counts in the loss; null: all
  const int32_t *visible = nullptr;
};

// Rows of a result, [batch, rows, width]; valid until the model's next call.
struct Rows {
  const float *data = nullptr;
  int64_t batch = 0;
  int64_t rows = 0;
  int64_t width = 0;
};

enum class Flat { Params, Grads, M, V }; // the flat buffers, all laid out alike

class Model {
public:
  explicit Model(std::unique_ptr<Program> program);

  const ModelInfo &info() const { return program->info(); }
  Program &getProgram() { return *program; }

  // Weights from `seed` by each parameter's initial distribution; the same on every machine and thread count.
  void initialize(uint64_t seed);
  // All or nothing: Error(BadInput) with the table when names or shapes do not fit.
  WeightsReport loadWeights(const std::string &path);
  void saveWeights(const std::string &path);
  // Where steps read weights in int8, has all entries compute with what they read (Program::quantize).
  void quantizeWeights() { program->quantize(flat(Flat::Params)); }

  // A flat buffer, made (zeroed) at first use, to be read and written until the next call.
  float *flat(Flat which);
  // The same for a Call, which knows where its newest content is.
  float *passed(Flat which);
  // Its tensors under the reference's names, each with `prefix` before it.
  std::vector<TensorView> tensors(Flat which, const std::string &prefix = "");
  // Fills a flat buffer from the tensors `prefix` + name of a file that compareWeights found to fit.
  void readFlat(Flat which, const SafetensorsFile &file, const std::string &prefix = "");

  // logits [batch, length - prefix, vocab]; of the empty prompt for length 0: [batch, 1, vocab]
  Rows forward(const Ids &ids);
  Rows hidden(const Ids &ids);
  Rows empty(int64_t batch = 1);
  Rows entropies(const Ids &ids); // [batch, length, 1], nats
  Call::Scalars loss(const Ids &ids);
  // Adds to Flat::Grads. With a `draw`, models with dropout drop what it says.
  Call::Scalars gradients(const Ids &ids, float scale = 1, std::optional<Draw> draw = {});
  // `hyper` as rt::Hyper; `decay` one 1 or 0 a parameter.
  Call::Scalars trainStep(const Ids &ids, float scale, const float *hyper, const float *decay,
                          std::optional<Draw> draw = {});

  // Has the patches of texts found where their rule asks for entropies: by this model (BLT's entropy model), with steps for decoders.
  void patchWith(std::unique_ptr<Model> entropies) { entropy = std::move(entropies); }
  // Error(BadInput) where there is none.
  Model &entropyModel();
  // Lengths of the patches of ids by the model's own rule, and with these entropies [batch, length] where it asks for some. The next id
  // counts.
  PatchLengths patchesOf(const Ids &ids);
  PatchLengths patchesOf(const Ids &ids, const float *entropies);

  // Most bytes of one sequence; 0: no limit.
  int64_t longest() const { return info().maxSlots * info().inner; }

  // Error(BadInput) naming the first id outside the vocabulary.
  void checkIds(const Ids &ids) const;
  // Outermost slots of sequences of `length` bytes. Error(BadInput) beyond the model's limit.
  int64_t slotsFor(int64_t length) const;

private:
  Call prepare(const Ids &ids, bool withMask);
  void preparePatches(const Ids &ids, Call &call);
  void prepareMasked(const Ids &ids, Call &call);
  void checkTargets(const Ids &ids) const;
  Rows rowsOf(Entry entry, const Ids &ids, int64_t width);
  Call::Scalars scalarsOf(Entry entry, const Ids &ids, float scale, const float *hyper, const float *decay,
                          std::optional<Draw> draw);

  std::unique_ptr<Program> program;
  Buffer buffers[4];
  Buffer output;
  std::vector<int32_t> paddedIds, targets, paddedVisible;
  PatchLengths patches;
  std::unique_ptr<Model> entropy;
  std::vector<float> paddedMask;
};

// The entropy of the distribution that logits say, in nats.
float entropyOf(const float *logits, int64_t vocab);

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A batch of sequences that grow byte by byte. Owns what the stages remember (Program::states) and drives their steps.
#pragma once

#include "runtime/Model.h"

#include <memory>

namespace mblm::rt {

class Decoder {
public:
  virtual ~Decoder();
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  int64_t batch() const { return sequences; }
  int64_t length() const { return bytes; } // of each sequence so far
  int64_t capacity() const { return most; }

  // Appends ids [batch, count], count >= 1. How a text is cut into calls makes no difference beyond rounding.
  // The result: logits of the next byte, [batch, 1, vocab]; valid until the next call.
  Rows feed(const int32_t *ids, int64_t count);
  // Those of the latest feed; of the empty prompt where nothing was fed.
  Rows logits();
  virtual void reset() = 0;

  // The state on disk: a safetensors file that says which spec and weights it belongs to. Loading one of other specs, weights or
  // versions is Error(Integrity), one that is longer than the capacity or of another batch Error(BadInput).
  virtual void save(const std::string &path) const = 0;
  virtual void load(const std::string &path) = 0;
  // The bytes of each sequence in a saved state.
  static int64_t savedLength(const std::string &path);

protected:
  Decoder(Model &model, int64_t batch, int64_t capacity);
  // Makes room for what the program's steps remember. Error(BadInput) for a program without.
  void openStates();
  // Takes some of `count` ids that are there, those of a sequence `stride` apart; how many.
  virtual int64_t advance(const int32_t *ids, int64_t stride, int64_t count) = 0;
  // Rows of a state that the bytes so far have written.
  virtual int64_t filledRows(const StateTensor &tensor) const = 0;
  // Adds all states' filled rows to `tensors`, which look at the result: without the rows between sequences that hold nothing.
  std::vector<std::vector<float>> copyStates(std::vector<TensorView> &tensors) const;
  // Error(Integrity) where one has another shape, or is missing; some may be there by then.
  void readStates(const SafetensorsFile &file);

  Model &model;
  int64_t sequences, most;
  int64_t bytes = 0;
  Buffer state, output;

private:
  float *rowsOf(const StateTensor &tensor, int64_t sequence) const;
};

// Room for sequences of `capacity` bytes. Error(BadInput) beyond the model's limit, or for a program without steps;
// Error(Resource) where the states do not fit into memory. The model must outlive the decoder. Where the data decides the patches there
// is one sequence. Models that read sequences whole have a decoder without steps where they continue texts at all, for any capacity
// (runtime/WholeDecoder.h).
std::unique_ptr<Decoder> makeDecoder(Model &model, int64_t batch, int64_t capacity);

// Error(BadInput) for models that read sequences whole.
void requireSteps(const ModelInfo &info);

} // namespace mblm::rt

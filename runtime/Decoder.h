// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A batch of sequences that grow byte by byte. Owns what the stages remember (Program::states) and drives their steps: a byte
// costs one step of the local stage, a closed patch one step of the stage above. Whole slots of an outer stage go straight
// to it; the stages below only run over the last, open slot.
#pragma once

#include "runtime/Model.h"

namespace mblm::rt {

class Decoder {
public:
  // Room for sequences of `capacity` bytes. Error(BadInput) beyond the model's limit, or for a program without steps;
  // Error(Resource) where the states do not fit into memory. The model must outlive the decoder.
  Decoder(Model &model, int64_t batch, int64_t capacity);
  ~Decoder();
  Decoder(const Decoder &) = delete;

  int64_t batch() const { return sequences; }
  int64_t length() const { return bytes; } // of each sequence so far
  int64_t capacity() const { return most; }

  // Appends ids [batch, count], count >= 1. How a text is cut into calls makes no difference beyond rounding.
  // The result: logits of the next byte, [batch, 1, vocab]; valid until the next call.
  Rows feed(const int32_t *ids, int64_t count);
  // Those of the latest feed; of the empty prompt where nothing was fed.
  Rows logits();
  void reset();

  // The state on disk: a safetensors file that says which spec and weights it belongs to. Loading one of other specs, weights or
  // versions is Error(Integrity), one that is longer than the capacity or of another batch Error(BadInput).
  void save(const std::string &path) const;
  void load(const std::string &path);
  // The bytes of each sequence in a saved state.
  static int64_t savedLength(const std::string &path);

private:
  struct Stage {
    int64_t slotBytes = 1; // bytes of a slot
    int64_t limit = 0;     // slots of a sequence
    int64_t slots = 0;     // run in the current sequence
    bool begun = false;    // its start vector went in
  };

  void closeSlot(size_t stage);
  int64_t advance(const int32_t *ids, int64_t stride, int64_t count);
  void begin(size_t stage);
  void step(size_t stage, const int32_t *ids, int64_t stride, int64_t rows);
  void run(Entry entry, size_t stage, int64_t position, const int32_t *ids);
  int64_t filledRows(const StateTensor &state) const;
  float *rowsOf(const StateTensor &state, int64_t sequence) const;

  Model &model;
  int64_t sequences, most, slotCapacity;
  int64_t bytes = 0;
  std::vector<Stage> stages; // outermost first
  std::vector<int32_t> open; // [batch, inner]: the bytes of the outermost slot that is not closed
  int64_t openBytes = 0;
  std::vector<int32_t> callIds;
  Buffer state, output;
};

} // namespace mblm::rt

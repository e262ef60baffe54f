// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stages one below the other, with patches of fixed lengths: a byte costs one step of the local stage, a closed patch one step of the
// stage above. Whole slots of an outer stage go straight to it; the stages below only run over the last, open slot.
#pragma once

#include "runtime/Decoder.h"

namespace mblm::rt {

class StageDecoder final : public Decoder {
public:
  StageDecoder(Model &model, int64_t batch, int64_t capacity);
  void reset() override;
  void save(const std::string &path) const override;
  void load(const std::string &path) override;

private:
  struct Stage {
    int64_t slotBytes = 1; // bytes of a slot
    int64_t limit = 0;     // slots of a sequence
    int64_t slots = 0;     // run in the current sequence
    bool begun = false;    // its start vector went in
  };

  void closeSlot(size_t stage);
  int64_t advance(const int32_t *ids, int64_t stride, int64_t count) override;
  void begin(size_t stage);
  void step(size_t stage, const int32_t *ids, int64_t stride, Entry entry);
  void run(Entry entry, size_t stage, int64_t position, const int32_t *ids);
  int64_t filledRows(const StateTensor &tensor) const override;

  int64_t slotCapacity;
  std::vector<Stage> stages; // outermost first
  std::vector<int32_t> open; // [batch, inner]: the bytes of the outermost slot that is not closed
  int64_t openBytes = 0;
  std::vector<int32_t> callIds;
};

} // namespace mblm::rt

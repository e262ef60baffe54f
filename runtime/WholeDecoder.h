// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decoder without steps, for models that read a prefix: every new byte is a pass over the last bytes that the model takes, as the
// reference does it. What falls out of these is forgotten.
#pragma once

#include "runtime/Decoder.h"

namespace mblm::rt {

class WholeDecoder final : public Decoder {
public:
  WholeDecoder(Model &model, int64_t batch, int64_t capacity) : Decoder(model, batch, capacity), ids(batch) {}

  void reset() override;
  // Error(BadInput): there is nothing to save but the text.
  void save(const std::string &path) const override;
  void load(const std::string &path) override;

private:
  int64_t advance(const int32_t *more, int64_t stride, int64_t count) override;
  int64_t filledRows(const StateTensor &) const override { return 0; }
  [[noreturn]] void refuseState(const std::string &path) const;

  std::vector<std::vector<int32_t>> ids; // of each sequence
};

} // namespace mblm::rt

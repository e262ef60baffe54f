// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Program small enough to be checked by hand: byte t+1 is predicted from byte t alone, by one row of a table (byte 0
// by the start row). Its gradients are exact, so the runtime can be tested without a compiler.
#pragma once

#include "runtime/Program.h"

namespace mblm::rt::test {

struct BigramShape {
  int64_t vocab = 257;
  std::optional<int64_t> pad = 256;
  int64_t inner = 4;
  int64_t maxSlots = 0;
  int64_t maxLength = 16;
  bool startToken = true;
};

class BigramProgram final : public Program {
public:
  explicit BigramProgram(const BigramShape &shape = {});
  const ModelInfo &info() const override { return model; }
  const std::vector<StateTensor> &states() const override { return sums; }
  void run(Entry entry, const Call &call) override;
  int64_t workspaceBytes(Entry, int64_t, int64_t, int64_t) const override { return 0; }

  int64_t calls = 0;

private:
  const float *row(const Call &call, const int32_t *ids, int64_t t) const; // logits that predict byte t
  void losses(const Call &call, bool gradients);
  void update(const Call &call);
  void step(Entry entry, const Call &call);

  ModelInfo model;
  std::vector<StateTensor> sums;
};

} // namespace mblm::rt::test

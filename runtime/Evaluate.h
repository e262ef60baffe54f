// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How well a model predicts bytes: bits per byte, and perplexity per word.
#pragma once

#include "runtime/Data.h"
#include "runtime/Model.h"

namespace mblm::rt {

struct EvalOptions {
  int64_t window = 0; // bytes of context at most; 0: the model's nominal context
  int64_t batch = 1;
  int64_t maxBytes = 0; // 0: all
};

struct EvalResult {
  double nats = 0;   // sum over the predicted bytes
  int64_t bytes = 0; // predicted: without the pad id's value and, in models without a start token, the very first byte
  int64_t words = 0; // runs of bytes between white space
  double bitsPerByte() const;
  double wordPerplexity() const; // exp(nats / words)
};

// Cuts the range into windows, each starting where the former ended, so that every byte counts once.
EvalResult evaluate(Model &model, const Data &data, Range range, const EvalOptions &options = {});

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How well a model predicts bytes: bits per byte, perplexity per word, and the share of bytes that it gets right.
#pragma once

#include "runtime/Batches.h"
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

struct Accuracy {
  int64_t hits = 0;
  int64_t targets = 0;
  double share() const { return targets > 0 ? double(hits) / double(targets) : 0; }
};

// The share of targets that greedy generation would get right behind the true bytes before them: whose id has the
// highest logit, the lowest id among equals. Logits are those of `forward`, and of `empty` for a sequence's first byte.
// Targets are the bytes that `evaluate` counts, or those with a mask other than zero. `options.batch` sequences go
// at a time and need room for their logits.
Accuracy accuracy(Model &model, const Data &data, Range range, const EvalOptions &options = {});
Accuracy accuracy(Model &model, const RecordedBatches &batches, const EvalOptions &options = {});

} // namespace mblm::rt

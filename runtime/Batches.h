// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a training step's micro-batches come from: random windows of a text, or a file that says each one exactly.
#pragma once

#include "runtime/Data.h"
#include "runtime/Model.h"
#include "runtime/TrainConfig.h"

namespace mblm::rt {

class BatchSource {
public:
  virtual ~BatchSource() = default;
  // Micro-batch `micro` of step `step` (both from 0); valid until the next call.
  virtual Ids get(int64_t step, int64_t micro) = 0;
  virtual int64_t bytesPerStep() const = 0;
};

// Random windows of `range`, keyed by the config's seed. `data` must outlive it.
std::unique_ptr<BatchSource> randomBatches(const Data &data, Range range, const ModelInfo &info,
                                           const TrainConfig &config);

// What a file says: `ids` [count, batch, length] and, where there, `loss_mask`, `targets` and `attention_mask` of the same shape and
// `patch_lengths` [count, batch, patches].
struct RecordedBatches {
  int64_t count = 0, batch = 0, length = 0;
  std::vector<int32_t> ids;
  std::vector<float> mask; // empty: all ones
  int64_t patches = 0;
  std::vector<int32_t> lengths, targets, visible; // empty: none
  // Sequences first to first + number, of all batches one after another.
  Ids sequences(int64_t first, int64_t number) const {
    int64_t at = first * length;
    Ids view{number, length, ids.data() + at, mask.empty() ? nullptr : mask.data() + at};
    view.patches = patches;
    view.lengths = lengths.empty() ? nullptr : lengths.data() + first * patches;
    view.targets = targets.empty() ? nullptr : targets.data() + at;
    view.visible = visible.empty() ? nullptr : visible.data() + at;
    return view;
  }
};
RecordedBatches readBatches(const std::string &path);

// A file with steps * accumulate batches. Error(BadInput) when it holds fewer.
std::unique_ptr<BatchSource> replayBatches(const std::string &path, int64_t steps, const TrainConfig &config);

} // namespace mblm::rt

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

// `ids` [steps * accumulate, B, L] and, where there, `loss_mask` of the same shape. Error(BadInput) when it holds
// fewer.
std::unique_ptr<BatchSource> replayBatches(const std::string &path, int64_t steps, const TrainConfig &config);

} // namespace mblm::rt

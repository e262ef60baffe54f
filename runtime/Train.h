// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The training loop: micro-batches, updates, the log, evaluations, checkpoints, interruption.
#pragma once

#include "runtime/Model.h"
#include "runtime/TrainConfig.h"

#include <functional>
#include <optional>

namespace mblm::rt {

// One line of DIR/log.jsonl.
struct StepReport {
  int64_t step = 0; // from 1
  double loss = 0;  // nats a byte, mean over the step's micro-batches before the update
  double bitsPerByte = 0;
  double lr = 0;
  double gradNorm = 0; // before clipping
  double bytesPerSecond = 0;
  int64_t peakBytes = 0; // most that the runtime's buffers took together
  double secondsLeft = 0;
  int64_t steps = 0; // of the run
};
std::string progressLine(const StepReport &report); // "step 50/200  bpb 2.131  1.2 MB/s  eta 00:04"

struct TrainOptions {
  std::string data;     // file or folder; or
  std::string batches;  // safetensors with every micro-batch
  std::string evalData; // instead of the end of `data`
  std::string weights;  // to start from; empty: initialized from the seed
  std::string out;      // folder for log.jsonl, checkpoints and weights.safetensors
  int64_t steps = 0;
  double maxSeconds = 0; // stops earlier; a cosine schedule then ends with the time. 0: no limit
  bool resume = false;
  TrainConfig config;
  std::function<void(const StepReport &)> onStep;
  std::function<void(int64_t step, double bitsPerByte)> onEval;
  std::function<void(const std::string &)> warn;
};

struct TrainResult {
  int64_t steps = 0; // done, earlier runs included
  double loss = 0;   // of the last step
  std::optional<double> evalBitsPerByte;
};

// Throws Error: Numerics when the loss or a gradient stops being finite (earlier checkpoints stay), Interrupted or
// Terminated after SIGINT or SIGTERM, once the step is finished and saved.
TrainResult train(Model &model, const TrainOptions &options);

} // namespace mblm::rt

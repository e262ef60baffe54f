// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The settings of a training run (TRAIN.json): one table of keys, checked, with errors that say where.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mblm::rt {

struct TrainConfig {
  std::string optimizer = "adam";    // "adam" (decay added to the gradient) | "adamw" (decoupled)
  double lr = 1e-3;                  // the highest
  std::vector<double> lrPerStep;     // instead of lr and schedule
  std::string schedule = "constant"; // "constant" | "cosine"
  int64_t warmupSteps = 0;           // linear, lr / warmupSteps at the first step
  double minLrRatio = 0;             // where the cosine ends
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weightDecay = 0;
  std::vector<std::string> noDecay; // names or globs
  double clipNorm = 0;              // 0: off
  int64_t accumulate = 1;
  int64_t batch = 8;
  int64_t length = 0; // 0: the model's nominal context
  uint64_t seed = 0;
  int64_t evalEvery = 0;      // steps; 0: only at the end
  int64_t evalBytes = 131072; // at most so many held-out bytes an evaluation; 0: all
  double evalFraction = 0.05; // held out from the end of the data
  int64_t saveEvery = 0;      // steps; 0: only at the end
};

// Throws Error(BadInput) "WHERE:LINE:COLUMN: ..." for unknown keys and values out of range.
TrainConfig parseTrainConfig(const std::string &text, const std::string &where);
TrainConfig readTrainConfig(const std::string &path);
// All settings that decide the result, as JSON text with fixed order.
std::string trainConfigText(const TrainConfig &config);

// Learning rate of update `step` (from 0) out of `steps`; `timeUsed` in [0, 1] moves a cosine on when time is what ends
// the run.
double learningRate(const TrainConfig &config, int64_t step, int64_t steps, double timeUsed = 0);

// 1 or 0 a name: whether decay applies. Error(BadInput) for a pattern in noDecay that fits no name.
std::vector<float> decayFlags(const TrainConfig &config, const std::vector<std::string> &names);

} // namespace mblm::rt

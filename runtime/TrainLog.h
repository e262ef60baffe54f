// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DIR/log.jsonl: one JSON object a line, one line a step.
#pragma once

#include "runtime/Train.h"

#include <cstdio>

namespace mblm::rt {

class TrainLog {
public:
  // Keeps the lines of steps up to `keepSteps` of an earlier run (a resumed run writes the later ones again), drops the
  // others.
  TrainLog(const std::string &path, int64_t keepSteps);
  ~TrainLog();
  TrainLog(const TrainLog &) = delete;
  TrainLog &operator=(const TrainLog &) = delete;
  void step(const StepReport &report);
  void evaluation(int64_t step, double bitsPerByte);

private:
  void line(const std::string &text);
  std::string path;
  std::FILE *file = nullptr;
};

} // namespace mblm::rt

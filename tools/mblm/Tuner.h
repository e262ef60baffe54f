// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times schedules of a model's products: the whole entry runs with one schedule a product, in turn with the cost model's, and its
// kernels' own times are compared.
#pragma once

#include "compiler/Driver/Explain.h"
#include "tools/commands/Timing.h"

#include <map>
#include <string>
#include <vector>

namespace mblm::cli {

// A product of the model, or several that share a schedule.
struct TunedChoice {
  driver::ProductKey key;
  std::vector<std::string> places;       // in the model
  std::vector<driver::Schedule> tried;   // the cost model's first
  std::vector<double> ratios;            // their times to the cost model's, medians of pairs
  driver::TunedProduct product;
  bool better = false;                   // and so in a second look
};

struct TuneReport {
  std::vector<TunedChoice> choices;
  double modelledSeconds = 0, seconds = 0; // of the whole entry, the best calls: the cost model's schedules, and the chosen ones
  double ratio = 1;                        // of these, the median of pairs
};

struct TuneLimits {
  double seconds = 60; // of timing, about; compilations come on top
  int threads = 1;
};

// `work` says what is run: its entry ("train" or "forward"), batch and context.
TuneReport tuneProducts(const driver::NamedModel &model, driver::Options options, const BenchOptions &work, const TuneLimits &limits);

} // namespace mblm::cli

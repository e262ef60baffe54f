// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The second model that some models' patches need: one whose entropies say where patches begin.
#pragma once

#include "runtime/Model.h"
#include "tools/commands/ModelCommands.h"

namespace mblm::cli {

struct EntropyOptions {
  std::string model, weights;

  void addTo(CLI::App &command);
  // Hands the model over where one is named.
  void attachTo(rt::Model &patched, ModelSource &source, const Common &common, Needs needs) const;
};

} // namespace mblm::cli

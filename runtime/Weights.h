// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the tensors of a weights file fit the parameters of a model.
#pragma once

#include "runtime/Program.h"
#include "runtime/Safetensors.h"

namespace mblm::rt {

struct WeightsReport {
  std::vector<std::string> mapped;
  std::vector<std::string> missing;       // "NAME [shape]"
  std::vector<std::string> extra;         // "NAME [shape]"
  std::vector<std::string> wronglyShaped; // "NAME [shape in the file], model has [shape]"
  std::vector<std::string> ignored;       // stored buffers that need not be loaded
  std::vector<std::string> warnings;      // after loading: tensors with NaN or infinity
  std::string reason;                     // what the differences amount to, where that is known
  bool fits() const { return missing.empty() && extra.empty() && wronglyShaped.empty(); }
  std::string line() const; // "3 mapped, 1 missing (a [2, 3]), ..."
};

bool isIgnorable(const ModelInfo &info, const std::string &name);

// `prefix` stands before each name of a tensor. Tensors of another prefix count as extra.
WeightsReport compareWeights(const ModelInfo &info, const std::vector<TensorInfo> &tensors,
                             const std::string &prefix = "");
WeightsReport compareWeights(const ModelInfo &info, const SafetensorsFile &file, const std::string &prefix = "");

} // namespace mblm::rt

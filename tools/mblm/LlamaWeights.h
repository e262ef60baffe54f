// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Llama checkpoint as the global layers of a BLT model.
#pragma once

#include "compiler/Spec/Spec.h"
#include "runtime/Weights.h"
#include "tools/mblm/GivenWeights.h"

#include <map>

namespace mblm::cli {

class LlamaWeights {
public:
  // One checkpoint in one file or several. Error(BadInput) where there is no layer in it.
  LlamaWeights(const std::vector<std::string> &paths, const spec::Spec &spec, const rt::ModelInfo &info);

  // How it fits the global layers, under the model's names; `reason`: which sizes are others.
  const rt::WeightsReport &report() const { return compared; }
  // Parameters that no checkpoint has, in the model's order.
  const std::vector<std::string> &fresh() const { return others; }
  // Its own name of a parameter.
  const std::string &original(const std::string &name) const { return sources.at(name).name; }

  // All parameters of the model, those of no checkpoint drawn from `seed`.
  void write(const std::string &path, uint64_t seed) const;

private:
  struct Source {
    size_t file;
    std::string name;
    bool halves;
  };
  void compare(const spec::Spec &spec, const std::vector<rt::TensorInfo> &tensors);
  std::vector<float> values(size_t parameter, uint64_t seed) const;

  const rt::ModelInfo &info;
  std::vector<GivenWeights> files;
  std::map<std::string, Source> sources; // by the model's name
  std::vector<std::string> others;
  int64_t headDim;
  rt::WeightsReport compared;
};

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights as people have them: safetensors, or PyTorch's files.
#pragma once

#include "compiler/Torch/TorchFile.h"
#include "runtime/Safetensors.h"

#include <memory>

namespace mblm::cli {

class GivenWeights {
public:
  explicit GivenWeights(const std::string &path);
  const std::vector<rt::TensorInfo> &tensors() const { return pickled ? pickled->tensors() : plain->tensors(); }
  std::vector<float> floats(const std::string &name) const {
    return pickled ? pickled->floats(name) : plain->floats(name);
  }

private:
  std::unique_ptr<torch::TorchFile> pickled;
  std::unique_ptr<rt::SafetensorsFile> plain;
};

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Told apart by the name, and by the first bytes.
#include "tools/mblm/GivenWeights.h"

namespace mblm::cli {

static bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

GivenWeights::GivenWeights(const std::string &path) {
  bool named = endsWith(path, ".pth") || endsWith(path, ".pt") || endsWith(path, ".bin");
  if (named || torch::isZipFile(path)) {
    pickled = std::make_unique<torch::TorchFile>(path);
  } else {
    plain = std::make_unique<rt::SafetensorsFile>(path);
  }
}

} // namespace mblm::cli

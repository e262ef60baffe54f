// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine code runs on devices of its own major number only.
#include "runtime/Cuda/Images.h"

namespace mblm::rt::cuda {

std::vector<Image> imagesFor(const SymbolFinder &find, int major, int minor) {
  std::vector<Image> images;
  auto add = [&](const std::string &kind, const std::string &architecture) {
    std::string symbol = "mblm_" + kind + "_" + architecture;
    if (const void *bytes = find(symbol)) {
      images.push_back({symbol, architecture, bytes});
    }
  };
  if (major == 9 && minor == 0) {
    add("image", "sm_90a");
    add("ptx", "sm_90a");
  }
  if (major == 8) {
    add("image", "sm_80");
  }
  if (major >= 8) {
    add("ptx", "sm_80");
  }
  return images;
}

} // namespace mblm::rt::cuda

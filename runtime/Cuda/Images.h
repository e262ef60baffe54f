// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA code in an artifact, by symbols each with its size as int64_t SYMBOL_size:
//   mblm_image_ARCH  machine code of all kernels for an architecture, absent where ptxas was missing
//   mblm_ptx_ARCH    the same as PTX text, NUL-terminated, which drivers compile themselves; of sm_90a only where
//                    there is no machine code
// ARCH is sm_80, whose text runs on every later device too, or sm_90a, which runs on compute capability 9.0 alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mblm::rt::cuda {

// Null for what is not there.
using SymbolFinder = std::function<const void *(const std::string &symbol)>;

struct Image {
  std::string symbol;
  std::string architecture;
  const void *bytes = nullptr;
};

// Those that a device of this compute capability may run, best first.
std::vector<Image> imagesFor(const SymbolFinder &find, int major, int minor);

} // namespace mblm::rt::cuda

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/Options.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

FailureOr<Architecture> cuda::architectureOf(Location loc, StringRef word) {
  if (word == "sm_80") {
    return Architecture{word.str(), 163 << 10};
  }
  if (word == "sm_90a") {
    return Architecture{word.str(), 227 << 10};
  }
  return emitError(loc) << "expects arch sm_80 or sm_90a, but got " << word;
}

FailureOr<Precision> cuda::precisionOf(Location loc, StringRef word) {
  auto precision = llvm::StringSwitch<std::optional<Precision>>(word)
                       .Case("f32", Precision::F32)
                       .Case("tf32", Precision::TF32)
                       .Case("bf16", Precision::BF16)
                       .Default(std::nullopt);
  if (!precision) {
    return emitError(loc) << "expects precision f32, tf32 or bf16, but got " << word;
  }
  return *precision;
}

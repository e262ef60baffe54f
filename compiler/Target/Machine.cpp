// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels are the x86-64 micro-architecture levels v4, v3 and v2, and v4 with products in bf16: sums of pairs, or tiles.
#include "compiler/Target/Machine.h"

#include "runtime/Metadata.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/TargetParser/Host.h"

using namespace mblm;
using namespace mblm::target;

static bool hostRuns(const std::string &level) {
  try {
    rt::requireCpuLevel(level, "host");
    return true;
  } catch (const Error &) {
    return false;
  }
}

static const char *const levels[] = {"amx", "avx512bf16", "avx512", "avx2", "portable"};

Machine target::hostMachine(bool narrowProducts) {
  auto candidates = llvm::ArrayRef(levels).drop_front(narrowProducts ? 0 : 2);
  return {*llvm::find_if(candidates, hostRuns), llvm::sys::getHostCPUName().str()};
}

Machine target::machineOfLevel(const std::string &level) {
  if (!llvm::is_contained(levels, level)) {
    throw Error(Exit::Usage, "unknown level '" + level + "'; expected amx, avx512bf16, avx512, avx2 or portable");
  }
  return {level, "generic"};
}

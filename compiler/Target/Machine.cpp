// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels are the x86-64 micro-architecture levels v4, v3 and v2.
#include "compiler/Target/Machine.h"

#include "runtime/Metadata.h"
#include "runtime/Support/Error.h"

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

Machine target::hostMachine() {
  std::string level = hostRuns("avx512") ? "avx512" : hostRuns("avx2") ? "avx2" : "portable";
  return {level, llvm::sys::getHostCPUName().str()};
}

Machine target::machineOfLevel(const std::string &level) {
  if (level != "avx512" && level != "avx2" && level != "portable") {
    throw Error(Exit::Usage, "unknown level '" + level + "'; expected avx512, avx2 or portable");
  }
  return {level, "generic"};
}

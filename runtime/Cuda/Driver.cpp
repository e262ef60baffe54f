// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DriverFunctions are asked for by the ABI that this source was written against, never by "the newest".
#include "runtime/Cuda/Driver.h"

#include "runtime/Support/Error.h"

#include <cstdlib>

namespace mblm::rt::cuda {

static constexpr int leastVersion = 12000;

std::string driverPath() {
  const char *named = std::getenv("MBLM_CUDA_DRIVER");
  return named && *named ? named : "libcuda.so.1";
}

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

bool isSticky(Result result) {
  switch (result) {
  case Deinitialized:
  case EccUncorrectable:
  case NvlinkUncorrectable:
  case Contained:
  case IllegalAddress:
  case LaunchTimeout:
  case ContextIsDestroyed:
  case Assert:
  case HardwareStackError:
  case IllegalInstruction:
  case MisalignedAddress:
  case InvalidAddressSpace:
  case InvalidPc:
  case LaunchFailed:
  case TensorMemoryLeak:
  case Unknown:
    return true;
  default:
    return false;
  }
}

static Error unusable(const std::string &why) {
  return Error(Exit::Device, why + "; run on the CPU with --target cpu");
}

static Error tooOld(const std::string &what) {
  return unusable(what + ", expected one for CUDA " + versionText(leastVersion) +
                  " or later (NVIDIA driver 525.60 or later)");
}

// cuGetProcAddress of CUDA 12
using GetAddress = Result (*)(const char *name, void **function, int version, uint64_t flags, int *status);

static void *find(const Library &library, GetAddress getAddress, const char *name, const char *symbol, int version) {
  void *found = nullptr;
  int status = 0;
  if (getAddress && getAddress(name, &found, version, 0, &status) == Success && found) {
    return found;
  }
  return library.find(symbol);
}

Driver::Driver(const std::string &path) : library(path) {
  if (!library) {
    throw unusable("no CUDA driver: " + library.problem());
  }
  auto getAddress = reinterpret_cast<GetAddress>(library.find("cuGetProcAddress_v2"));
  const char *missing = nullptr;
#define MBLM_CUDA_FIND(name, symbol, version, parameters)                                                              \
  if (void *found = find(library, getAddress, #name, symbol, version)) {                                               \
    functions.name = reinterpret_cast<decltype(functions.name)>(found);                                                \
  } else if (!missing) {                                                                                               \
    missing = symbol;                                                                                                  \
  }
  MBLM_CUDA_FUNCTIONS(MBLM_CUDA_FIND)
#undef MBLM_CUDA_FIND
  if (functions.cuDriverGetVersion && functions.cuDriverGetVersion(&number) == Success && number < leastVersion) {
    throw tooOld("the CUDA driver is for CUDA " + versionText(number));
  }
  if (missing) {
    throw tooOld("the CUDA driver '" + path + "' has no function " + missing);
  }
  if (Result result = functions.cuInit(0); result != Success) {
    std::string hint =
        result == NoDevice ? " (a device is seen if nvidia-smi lists it and CUDA_VISIBLE_DEVICES admits it)" : "";
    throw unusable("the CUDA driver cannot start: " + describe(result) + hint);
  }
  int count = 0;
  if (functions.cuDeviceGetCount(&count) != Success || count == 0) {
    throw unusable("the CUDA driver sees no device; expected one that CUDA_VISIBLE_DEVICES admits");
  }
}

std::string Driver::describe(Result result) const {
  const char *name = nullptr, *text = nullptr;
  functions.cuGetErrorName(result, &name);
  functions.cuGetErrorString(result, &text);
  return (name ? name : "CUDA error " + std::to_string(result)) + (text ? std::string(": ") + text : "");
}

} // namespace mblm::rt::cuda

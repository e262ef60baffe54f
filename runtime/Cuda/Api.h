// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is used of the CUDA driver, as cuda.h of CUDA 12.0 and later declares it, so that no toolkit is needed to build.
// test/cuda compares it with cuda.h where there is one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mblm::rt::cuda {

using Result = int;              // CUresult
using Ordinal = int;             // CUdevice
using Address = unsigned long long; // CUdeviceptr
using Context = struct ContextOpaque *;
using Module = struct ModuleOpaque *;
using Function = struct FunctionOpaque *;
using Stream = struct StreamOpaque *;
using Graph = struct GraphOpaque *;
using GraphExec = struct GraphExecOpaque *;

enum : Result {
  Success = 0,
  OutOfMemory = 2,
  Deinitialized = 4,
  StubLibrary = 34,
  NoDevice = 100,
  InvalidImage = 200,
  NoBinaryForGpu = 209,
  EccUncorrectable = 214,
  InvalidPtx = 218,
  NvlinkUncorrectable = 220,
  JitCompilerNotFound = 221,
  UnsupportedPtxVersion = 222,
  JitCompilationDisabled = 223,
  Contained = 226,
  NotFound = 500,
  IllegalAddress = 700,
  LaunchOutOfResources = 701,
  LaunchTimeout = 702,
  ContextIsDestroyed = 709,
  Assert = 710,
  HardwareStackError = 714,
  IllegalInstruction = 715,
  MisalignedAddress = 716,
  InvalidAddressSpace = 717,
  InvalidPc = 718,
  LaunchFailed = 719,
  TensorMemoryLeak = 721,
  Unknown = 999,
};

enum : int {
  ComputeCapabilityMajor = 75, // CU_DEVICE_ATTRIBUTE_...
  ComputeCapabilityMinor = 76,
  MaxSharedMemoryPerBlockOptin = 97,
  MaxDynamicSharedSizeBytes = 8,  // CU_FUNC_ATTRIBUTE_...
  JitErrorLogBuffer = 5,          // CU_JIT_...
  JitErrorLogBufferSizeBytes = 6,
  StreamNonBlocking = 1,
  CaptureModeThreadLocal = 1,
  TensorMapFloat32 = 7, // CU_TENSOR_MAP_DATA_TYPE_...
  TensorMapBFloat16 = 9,
  TensorMapSwizzleNone = 0,
  TensorMapSwizzle128B = 3,
  TensorMapL2Promotion128B = 2,
};

// X(name, symbol in the library, the CUDA version whose ABI this is, parameters)
#define MBLM_CUDA_FUNCTIONS(X)                                                                                         \
  X(cuInit, "cuInit", 2000, (unsigned flags))                                                                          \
  X(cuDriverGetVersion, "cuDriverGetVersion", 2020, (int *version))                                                    \
  X(cuGetErrorName, "cuGetErrorName", 6000, (Result, const char **))                                                   \
  X(cuGetErrorString, "cuGetErrorString", 6000, (Result, const char **))                                               \
  X(cuDeviceGetCount, "cuDeviceGetCount", 2000, (int *))                                                               \
  X(cuDeviceGet, "cuDeviceGet", 2000, (Ordinal *, int))                                                                \
  X(cuDeviceGetName, "cuDeviceGetName", 2000, (char *, int, Ordinal))                                                  \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", 2000, (int *, int attribute, Ordinal))                               \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", 7000, (Context *, Ordinal))                                  \
  X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", 11000, (Ordinal))                                       \
  X(cuCtxSetCurrent, "cuCtxSetCurrent", 4000, (Context))                                                               \
  X(cuModuleLoadDataEx, "cuModuleLoadDataEx", 2010,                                                                    \
    (Module *, const void *image, unsigned count, int *options, void **values))                                        \
  X(cuModuleUnload, "cuModuleUnload", 2000, (Module))                                                                  \
  X(cuModuleGetFunction, "cuModuleGetFunction", 2000, (Function *, Module, const char *name))                          \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", 9000, (Function, int attribute, int value))                              \
  X(cuLaunchKernel, "cuLaunchKernel", 4000,                                                                            \
    (Function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,      \
     unsigned sharedBytes, Stream, void **arguments, void **extra))                                                    \
  X(cuStreamCreate, "cuStreamCreate", 2000, (Stream *, unsigned flags))                                                \
  X(cuStreamDestroy, "cuStreamDestroy_v2", 4000, (Stream))                                                             \
  X(cuStreamSynchronize, "cuStreamSynchronize", 2000, (Stream))                                                        \
  X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", 10010, (Stream, int mode))                                        \
  X(cuStreamEndCapture, "cuStreamEndCapture", 10000, (Stream, Graph *))                                                \
  X(cuGraphInstantiateWithFlags, "cuGraphInstantiateWithFlags", 11040, (GraphExec *, Graph, unsigned long long flags)) \
  X(cuGraphLaunch, "cuGraphLaunch", 10000, (GraphExec, Stream))                                                        \
  X(cuGraphDestroy, "cuGraphDestroy", 10000, (Graph))                                                                  \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", 10000, (GraphExec))                                                      \
  X(cuMemGetInfo, "cuMemGetInfo_v2", 3020, (size_t *free, size_t *total))                                              \
  X(cuMemAllocAsync, "cuMemAllocAsync", 11020, (Address *, size_t, Stream))                                            \
  X(cuMemFreeAsync, "cuMemFreeAsync", 11020, (Address, Stream))                                                        \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", 3020, (Address to, const void *from, size_t, Stream))                   \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", 3020, (void *to, Address from, size_t, Stream))                         \
  X(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", 3020, (Address to, Address from, size_t, Stream))                       \
  X(cuMemsetD8Async, "cuMemsetD8Async", 3020, (Address, unsigned char, size_t, Stream))                                \
  X(cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled", 12000,                                                           \
    (void *map, int type, uint32_t rank, void *base, const uint64_t *sizes, const uint64_t *strides,                   \
     const uint32_t *box, const uint32_t *elementStrides, int interleave, int swizzle, int promotion, int fill))

// Every function by its name.
struct DriverFunctions {
#define MBLM_CUDA_POINTER(name, symbol, version, parameters) Result(*name) parameters = nullptr;
  MBLM_CUDA_FUNCTIONS(MBLM_CUDA_POINTER)
#undef MBLM_CUDA_POINTER
};

} // namespace mblm::rt::cuda

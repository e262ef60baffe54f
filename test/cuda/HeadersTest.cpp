// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime declares itself, against the toolkit's headers: values, symbols, and parameters by count and size.
#include "runtime/Cuda/Api.h"
#include "runtime/Cuda/BlasLtApi.h"

#include <cublasLt.h>
#include <cuda.h>

#include <gtest/gtest.h>

#include <cstring>

using namespace mblm::rt;

namespace {

template <typename Ours, typename Theirs>
constexpr bool sameParameter = sizeof(Ours) == sizeof(Theirs) &&
                               std::is_pointer_v<Ours> == std::is_pointer_v<Theirs> &&std::is_floating_point_v<Ours> ==
                                   std::is_floating_point_v<Theirs>;

template <typename Ours, typename Theirs>
struct SameShape : std::false_type {};
template <typename R, typename... Ours, typename S, typename... Theirs>
struct SameShape<R (*)(Ours...), S (*)(Theirs...)>
    : std::bool_constant<sizeof...(Ours) == sizeof...(Theirs) && (sameParameter<R, S>)> {
  static constexpr bool parameters() {
    if constexpr (sizeof...(Ours) == sizeof...(Theirs)) {
      return (sameParameter<Ours, Theirs> && ...);
    }
    return false;
  }
  static constexpr bool value = sameParameter<R, S> && parameters();
};

#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)

// cuda.h defines names as macros for the symbols of their latest version.
#define CHECK_DRIVER(name, symbol, version, parameters)                                                                \
  static_assert(SameShape<cuda::Result(*) parameters, decltype(&::name)>::value, #name);
using namespace cuda;
MBLM_CUDA_FUNCTIONS(CHECK_DRIVER)

TEST(Headers, SymbolsOfTheDriver) {
#define CHECK_SYMBOL(name, symbol, version, parameters) check(EXPANDED(name), symbol);
  auto check = [](const char *theirs, const char *ours) { EXPECT_STREQ(theirs, ours); };
  MBLM_CUDA_FUNCTIONS(CHECK_SYMBOL)
}

static_assert(Success == CUDA_SUCCESS && OutOfMemory == CUDA_ERROR_OUT_OF_MEMORY &&
              Deinitialized == CUDA_ERROR_DEINITIALIZED && StubLibrary == CUDA_ERROR_STUB_LIBRARY &&
              NoDevice == CUDA_ERROR_NO_DEVICE && InvalidImage == CUDA_ERROR_INVALID_IMAGE &&
              NoBinaryForGpu == CUDA_ERROR_NO_BINARY_FOR_GPU && EccUncorrectable == CUDA_ERROR_ECC_UNCORRECTABLE &&
              InvalidPtx == CUDA_ERROR_INVALID_PTX && NvlinkUncorrectable == CUDA_ERROR_NVLINK_UNCORRECTABLE &&
              JitCompilerNotFound == CUDA_ERROR_JIT_COMPILER_NOT_FOUND &&
              UnsupportedPtxVersion == CUDA_ERROR_UNSUPPORTED_PTX_VERSION &&
              JitCompilationDisabled == CUDA_ERROR_JIT_COMPILATION_DISABLED && NotFound == CUDA_ERROR_NOT_FOUND &&
              IllegalAddress == CUDA_ERROR_ILLEGAL_ADDRESS &&
              LaunchOutOfResources == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES &&
              LaunchTimeout == CUDA_ERROR_LAUNCH_TIMEOUT && ContextIsDestroyed == CUDA_ERROR_CONTEXT_IS_DESTROYED &&
              cuda::Assert == CUDA_ERROR_ASSERT && HardwareStackError == CUDA_ERROR_HARDWARE_STACK_ERROR &&
              IllegalInstruction == CUDA_ERROR_ILLEGAL_INSTRUCTION &&
              MisalignedAddress == CUDA_ERROR_MISALIGNED_ADDRESS &&
              InvalidAddressSpace == CUDA_ERROR_INVALID_ADDRESS_SPACE && InvalidPc == CUDA_ERROR_INVALID_PC &&
              LaunchFailed == CUDA_ERROR_LAUNCH_FAILED && Unknown == CUDA_ERROR_UNKNOWN);
static_assert(
    ComputeCapabilityMajor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR &&
    ComputeCapabilityMinor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR &&
    MaxSharedMemoryPerBlockOptin == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN &&
    MaxDynamicSharedSizeBytes == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES &&
    JitErrorLogBuffer == CU_JIT_ERROR_LOG_BUFFER && JitErrorLogBufferSizeBytes == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES &&
    StreamNonBlocking == CU_STREAM_NON_BLOCKING && CaptureModeThreadLocal == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL &&
    TensorMapFloat32 == CU_TENSOR_MAP_DATA_TYPE_FLOAT32 && TensorMapBFloat16 == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 &&
    TensorMapSwizzleNone == CU_TENSOR_MAP_SWIZZLE_NONE && TensorMapSwizzle128B == CU_TENSOR_MAP_SWIZZLE_128B &&
    TensorMapL2Promotion128B == CU_TENSOR_MAP_L2_PROMOTION_L2_128B);

#define CHECK_BLAS(name, parameters)                                                                                   \
  static_assert(SameShape<blas::Status(*) parameters, decltype(&::name)>::value, #name);
using namespace blas;
MBLM_CUBLASLT_FUNCTIONS(CHECK_BLAS)

static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t) &&
              sizeof(Heuristic) == sizeof(cublasLtMatmulHeuristicResult_t) &&
              offsetof(Heuristic, workspaceBytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize) &&
              offsetof(Heuristic, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(Float32 == CUDA_R_32F && BFloat16 == CUDA_R_16BF && ComputeFloat32 == CUBLAS_COMPUTE_32F &&
              ComputeFastTf32 == CUBLAS_COMPUTE_32F_FAST_TF32 && AsItLies == CUBLAS_OP_N && Transposed == CUBLAS_OP_T &&
              EpilogueDefault == CUBLASLT_EPILOGUE_DEFAULT && EpilogueBias == CUBLASLT_EPILOGUE_BIAS &&
              EpilogueGelu == CUBLASLT_EPILOGUE_GELU && (EpilogueGelu | EpilogueBias) == CUBLASLT_EPILOGUE_GELU_BIAS &&
              DescTransA == CUBLASLT_MATMUL_DESC_TRANSA && DescTransB == CUBLASLT_MATMUL_DESC_TRANSB &&
              DescEpilogue == CUBLASLT_MATMUL_DESC_EPILOGUE &&
              DescBiasPointer == CUBLASLT_MATMUL_DESC_BIAS_POINTER &&
              DescBiasDataType == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE &&
              PrefMaxWorkspaceBytes == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES &&
              PrefReductionSchemes == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK &&
              ReduceComputeType == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE &&
              PrefMinAlignmentA == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES &&
              PrefMinAlignmentB == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES &&
              PrefMinAlignmentC == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES &&
              PrefMinAlignmentD == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is used of cuBLASLt, as cublasLt.h, cublas_api.h and library_types.h of CUDA 12.0 and later declare it.
// test/cuda compares it with them where there is a toolkit.
#pragma once

#include "runtime/Cuda/Api.h"

namespace mblm::rt::cuda::blas {

using Status = int; // cublasStatus_t
using Handle = struct HandleOpaque *;
using Description = struct DescriptionOpaque *; // cublasLtMatmulDesc_t
using Layout = struct LayoutOpaque *;           // cublasLtMatrixLayout_t
using Preference = struct PreferenceOpaque *;   // cublasLtMatmulPreference_t

struct Algorithm { // cublasLtMatmulAlgo_t
  uint64_t data[8];
};
struct Heuristic { // cublasLtMatmulHeuristicResult_t
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};

enum : int {
  Float32 = 0,   // CUDA_R_32F
  BFloat16 = 14, // CUDA_R_16BF
  ComputeFloat32 = 68,
  ComputeFastTf32 = 77,
  AsItLies = 0,   // CUBLAS_OP_N
  Transposed = 1, // CUBLAS_OP_T
  EpilogueDefault = 1,
  EpilogueBias = 4,
  EpilogueGelu = 32,
  DescTransA = 3, // CUBLASLT_MATMUL_DESC_...
  DescTransB = 4,
  DescEpilogue = 7,
  DescBiasPointer = 8,
  DescBiasDataType = 26,
  PrefMaxWorkspaceBytes = 1, // CUBLASLT_MATMUL_PREF_...
  PrefReductionSchemes = 3,
  PrefMinAlignmentA = 5,
  PrefMinAlignmentB = 6,
  PrefMinAlignmentC = 7,
  PrefMinAlignmentD = 8,
  ReduceComputeType = 2, // CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
};

// X(name, parameters)
#define MBLM_CUBLASLT_FUNCTIONS(X)                                                                                     \
  X(cublasLtCreate, (Handle *))                                                                                        \
  X(cublasLtDestroy, (Handle))                                                                                         \
  X(cublasLtMatmulDescCreate, (Description *, int compute, int scale))                                                 \
  X(cublasLtMatmulDescDestroy, (Description))                                                                          \
  X(cublasLtMatmulDescSetAttribute, (Description, int attribute, const void *, size_t))                                \
  X(cublasLtMatrixLayoutCreate, (Layout *, int type, uint64_t rows, uint64_t columns, int64_t stride))                 \
  X(cublasLtMatrixLayoutDestroy, (Layout))                                                                             \
  X(cublasLtMatmulPreferenceCreate, (Preference *))                                                                    \
  X(cublasLtMatmulPreferenceDestroy, (Preference))                                                                     \
  X(cublasLtMatmulPreferenceSetAttribute, (Preference, int attribute, const void *, size_t))                           \
  X(cublasLtMatmulAlgoGetHeuristic,                                                                                    \
    (Handle, Description, Layout a, Layout b, Layout c, Layout d, Preference, int asked, Heuristic *, int *found))     \
  X(cublasLtMatmul,                                                                                                    \
    (Handle, Description, const void *alpha, const void *a, Layout, const void *b, Layout, const void *beta,           \
     const void *c, Layout, void *d, Layout, const Algorithm *, void *workspace, size_t workspaceBytes, Stream))

struct BlasFunctions {
#define MBLM_CUBLASLT_POINTER(name, parameters) Status(*name) parameters = nullptr;
  MBLM_CUBLASLT_FUNCTIONS(MBLM_CUBLASLT_POINTER)
#undef MBLM_CUBLASLT_POINTER
  const char *(*cublasLtGetStatusName)(Status) = nullptr;
};

} // namespace mblm::rt::cuda::blas

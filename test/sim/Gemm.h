// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product as fast kernels compute it on sm_80: bf16 tiles that cp.async brings in stages, ldmatrix, mma.sync.
#pragma once

#include <string>

namespace mblm::test {

constexpr uint32_t gemmTile = 64; // rows and columns of a block
constexpr uint32_t gemmThreads = 128;
constexpr uint32_t gemmShared = 3 * 2 * gemmTile * 32 * 2; // three stages of 32 columns of both operands

// C[rows, columns] (f32) = A[rows, depth] B[columns, depth]^T (bf16), as kernel @gemm(A, B, C). Columns are a multiple
// of 64, the depth of 32. Copies run two steps ahead, through a ring of `stages`; two are too few.
std::string gemmKernel(uint32_t columns, uint32_t depth, uint32_t stages = 3);

} // namespace mblm::test

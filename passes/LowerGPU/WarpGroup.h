// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma.m64nNk16: the four warps of a warpgroup multiply 64 rows, asynchronously. Tiles in shared memory lie at multiples of 1024
// bytes, in blocks whose lines hold 64 elements in 128 bytes; eight lines (1024 bytes) are swizzled together (PTX ISA, "Shared
// memory matrix layout").
#pragma once

#include "passes/LowerGPU/TileProduct.h"

namespace mblm::cuda {

struct WarpGroup {
  static constexpr int64_t threads = 128, rows = 64, step = 16; // `step`: depths of one product
  static constexpr int64_t lineElements = 64, lineBytes = 128, swizzledBytes = 8 * lineBytes;

  // A factor's descriptor, of the tile's first `step` depths: an i32, the half that differs from tile to tile. Where the depth is
  // outside, lines run along the outer indices, and the next 64 of these lie `blockBytes` further.
  static mlir::Value descriptor(ThreadEmitter &e, mlir::Value tile, int64_t blockBytes);
  // The descriptor of what lies so many bytes further, or so many tiles of them.
  static mlir::Value further(ThreadEmitter &e, mlir::Value descriptor, int64_t bytes);
  static mlir::Value further(ThreadEmitter &e, mlir::Value descriptor, mlir::Value tiles, int64_t bytes);

  // The struct of a thread's sums of 64 x `columns`: of each 8 columns two neighbours, (2 * (lane % 4), +1), in the rows lane / 4
  // and 8 further, of the 16 of its warp.
  static mlir::Type sumsType(ThreadEmitter &e, int64_t columns);
  static mlir::Value zeros(ThreadEmitter &e, int64_t columns);
  // `sums` + a * b over `step` depths, under way; with `first`, just a * b.
  static mlir::Value multiply(ThreadEmitter &e, mlir::Value sums, mlir::Value a, bool aDepthInside, mlir::Value b,
                              bool bDepthInside, bool first = false);
  // The same with `a` in four registers of two bf16 each: depths 2 * (lane % 4), +1 in both of the thread's rows, then 8 further.
  static mlir::Value multiply(ThreadEmitter &e, mlir::Value sums, mlir::ArrayRef<mlir::Value> a, mlir::Value b, bool bDepthInside);

  // Before products that take registers that were written since the last wait.
  static void fence(ThreadEmitter &e);
  // What was asked for since the last commit is one group.
  static void commit(ThreadEmitter &e);
  // Until at most `pending` groups are under way.
  static void wait(ThreadEmitter &e, int64_t pending);
  // The numbers of a struct of sums, waited for, and back.
  static TileProduct::Sums numbers(ThreadEmitter &e, mlir::Value sums);
  static mlir::Value sums(ThreadEmitter &e, mlir::ValueRange numbers);
};

} // namespace mblm::cuda

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of a head's rows for wgmma, brought by the copy engine: blocks of 64 features, swizzled. Where a head ends inside a block,
// the rest of it is others' and not used; rows behind a sequence's end are zeros.
#pragma once

#include "passes/LowerGPU/AttentionBlock.h"
#include "passes/LowerGPU/WarpGroup.h"

namespace mblm::cuda {

class HeadTiles {
public:
  // Room for `slots` tiles of `lines` rows; not inside loops or branches.
  HeadTiles(AttentionBlock &block, const HeadTensor &tensor, int64_t lines, int64_t slots);

  int64_t blockBytes() const { return lines * WarpGroup::lineBytes; }
  int64_t bytes() const { return blocks * blockBytes(); }
  // For wgmma, of the first slot's tile.
  mlir::Value descriptor() { return WarpGroup::descriptor(e, base, blockBytes()); }
  // Asks for the rows from `row` on; the mbarrier `full` counts their bytes.
  void fetch(mlir::Value slot, mlir::Value row, mlir::Value full);

private:
  AttentionBlock &block;
  ThreadEmitter &e;
  const HeadTensor tensor;
  const int64_t lines, blocks;
  mlir::Value map, base;
};

} // namespace mblm::cuda

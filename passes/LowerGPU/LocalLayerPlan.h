// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a block of a local layer's kernel has of it, and keeps in shared memory.
#pragma once

#include "passes/LowerGPU/LocalLayer.h"

namespace mblm::cuda {

struct LocalLayerPlan {
  LocalLayerPlan(LocalLayer layer, Precision precision, int64_t rows, int64_t hiddenTile);

  int64_t rows;       // of a tile, a multiple of 16
  int64_t hiddenTile; // columns of the hidden layer at a time
  int64_t positions, width, heads, headWidth, hidden;
  int64_t size;       // bytes of a number between products
  int64_t sequences;  // of a block: whole ones

  // Whether a block has at least one sequence, and room for it in shared memory and registers.
  bool fits(const Architecture &architecture) const;
  // Whether it takes less time to read the weights for each block, from the second-level cache, than to write and read what
  // stays on chip.
  bool pays() const;

  int64_t headColumns() const { return kernel::ceilDiv(headWidth, 16) * 16; } // of a head's tile
  // Tiles of a product with `width` columns.
  int64_t resultTile() const;
  int64_t resultTiles() const { return kernel::ceilDiv(width, resultTile()); }
};

} // namespace mblm::cuda

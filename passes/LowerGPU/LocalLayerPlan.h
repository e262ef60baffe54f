// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many rows a block of a local layer's kernel has, and what it keeps in shared memory.
#pragma once

#include "passes/LowerGPU/LocalLayer.h"

namespace mblm::cuda {

struct LocalLayerPlan {
  LocalLayerPlan(LocalLayer layer, const Architecture &architecture, Precision precision);

  int64_t rows = 0;      // of a tile, a multiple of 16; 0: the layer does not fit
  int64_t sequences = 0; // of a block: whole ones
  int64_t positions, width, heads, headWidth, hidden;
  int64_t size;          // bytes of a number between products
  int64_t hiddenTile;    // columns of the hidden layer at a time

  // Whether it takes less time to read the weights for each block, from the second-level cache, than to write and read what
  // stays on chip.
  bool pays() const;

  int64_t headColumns() const { return kernel::ceilDiv(headWidth, 16) * 16; } // of a head's tile
  // Tiles of a product with `width` columns.
  int64_t resultTile() const;
  int64_t resultTiles() const { return kernel::ceilDiv(width, resultTile()); }
};

} // namespace mblm::cuda

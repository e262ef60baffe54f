// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tensor map of the simulator holds, and a copy of a tile on its way.
#pragma once

#include "runtime/Gpu/Device.h"
#include "runtime/Sim/ABI.h"

#include <algorithm>

namespace mblm::sim {

// The map's bytes. Not what the driver makes of a tile; each device encodes its own.
struct EncodedTile {
  static constexpr uint64_t magic = 0x6d626c6d74696c65;
  uint64_t mark;
  rt::gpu::TensorTile tile;
  uint32_t elementBytes;

  uint32_t rowBytes() const { return tile.box[0] * elementBytes; }
  uint32_t bytes() const { return rowBytes() * tile.box[1]; }
};
static_assert(sizeof(EncodedTile) <= sizeof(rt::gpu::TensorMap));

// Error(Internal) for what the copy engine would refuse.
rt::gpu::TensorMap encodeTile(const rt::gpu::TensorTile &tile);

struct TileCopy {
  EncodedTile map;
  uint64_t shared; // address
  int32_t column, row, matrix;
  uint32_t mbarrier; // offset; of loads
  const Site *site;

  bool isInside() const { return matrix >= 0 && matrix < std::max<int64_t>(1, int64_t(map.tile.matrices)); }
};

} // namespace mblm::sim

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The backward scan's states and gradients of states at the borders of tiles, so that tiles can be computed in any order. Each
// tile says what it makes of zeros; going through the tiles in order then gives what each of them begins with.
#pragma once

#include "passes/LowerGPU/ScanTile.h"
#include "passes/LowerGPU/Units.h"

namespace mblm::cuda {

// Tiles of all channels, one behind the other: units.
struct ScanUnits : Units {
  ScanUnits(const ScanShape &shape, const ScanSchedule &schedule)
      : Units{shape.space, schedule.positions()}, shape(shape), schedule(schedule) {}
  const ScanShape shape;
  const ScanSchedule schedule;
  // Of the temporary; none where a sequence is one tile.
  SymbolicDim borderFloats() const { return single() ? SymbolicDim() : floats((2 * shape.states + 1) * shape.channels); }
};

// In the temporary: for each unit and state a row of channels, then the same for the gradients, then sums of steps.
struct ScanBorders {
  ScanBorders(ThreadEmitter &e, const ScanUnits &units, mlir::Value temporary);
  mlir::Value at(ScanTile::Direction direction, mlir::Value unit, mlir::Value state, mlir::Value channel);
  mlir::Value stepSum(mlir::Value unit, mlir::Value channel);

private:
  ThreadEmitter &e;
  const ScanShape shape;
  mlir::Value states, grads, steps;
};

// The kernels that fill the temporary, the last of `tensors` pointers.
void emitScanBorders(KernelWriter &writer, kernel::ScanGradOp op, const ScanUnits &units, unsigned tensors);

} // namespace mblm::cuda

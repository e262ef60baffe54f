// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/Units.h"

#include "passes/LowerGPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

bool Units::single() const {
  SymbolicDim positions = space.getPositions();
  return positions.isConstant() && positions.one <= length;
}

Grid Units::grid(int64_t perUnit) const {
  SymbolicDim positions = space.getPositions();
  if (positions.isConstant()) {
    return {*space.getSequences().times(SymbolicDim::constant(ceilDiv(positions.one, length) * perUnit))};
  }
  return {*space.getSequences().times(scaled(positions + SymbolicDim::constant(length - 1), perUnit)), length};
}

Value Units::perSequence(ThreadEmitter &e) const { return e.ceilDiv(e.form(space.getPositions()), length); }

Value Units::count(ThreadEmitter &e) const { return e.mul(e.form(space.getSequences()), perSequence(e)); }

SymbolicDim Units::floats(int64_t perUnit) const {
  SymbolicDim positions = space.getPositions();
  SymbolicDim perSequence = positions.isConstant()
                                ? SymbolicDim::constant(ceilDiv(positions.one, length) * perUnit)
                                : scaled(positions, ceilDiv(perUnit, length)) + SymbolicDim::constant(perUnit);
  return *space.getSequences().times(perSequence);
}

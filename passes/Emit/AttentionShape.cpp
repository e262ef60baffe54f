// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/AttentionShape.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

Value AttentionShape::firstKey(Emitter &e, Value i) const {
  return mask == MaskKind::BlockCausal ? e.sub(i, e.rem(i, e.index(block))) : e.index(0);
}

Value AttentionShape::endKey(Emitter &e, Value i) const {
  return mask == MaskKind::Full ? e.form(space.getPositions()) : e.add(i, 1);
}

Value AttentionShape::firstQuery(Emitter &e, Value j) const { return mask == MaskKind::Full ? e.index(0) : j; }

Value AttentionShape::endQuery(Emitter &e, Value j) const {
  Value positions = e.form(space.getPositions());
  return mask == MaskKind::BlockCausal ? e.min(positions, e.add(firstKey(e, j), block)) : positions;
}

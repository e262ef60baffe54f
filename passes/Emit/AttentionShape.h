// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an attention kernel is asked for, and who sees whom.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::emit {

struct AttentionShape {
  kernel::SpaceAttr space;
  int64_t heads, width; // width of a head
  double scale;
  MaskKind mask;
  int64_t block; // of block_causal

  // Keys [first, end) that position i sees.
  mlir::Value firstKey(Emitter &e, mlir::Value i) const;
  mlir::Value endKey(Emitter &e, mlir::Value i) const;
  // Positions [first, end) that see key j.
  mlir::Value firstQuery(Emitter &e, mlir::Value j) const;
  mlir::Value endQuery(Emitter &e, mlir::Value j) const;

  // Sequences times heads.
  SymbolicDim pairs() const { return *space.getSequences().times(SymbolicDim::constant(heads)); }
};

template <typename OpT>
AttentionShape attentionShape(OpT op) {
  return {op.getSpace(),
          static_cast<int64_t>(op.getHeads()),
          static_cast<int64_t>(op.getHeadDim()),
          op.getScale().convertToDouble(),
          op.getMask(),
          static_cast<int64_t>(op.getBlock().value_or(0))};
}

// The sides of attention to ranges, which are no mask: its queries, and its keys, of which groups of the queries' heads share one.
template <typename OpT>
AttentionShape rangedQueries(OpT op) {
  return {op.getSpace(),
          static_cast<int64_t>(op.getHeads()),
          static_cast<int64_t>(op.getHeadDim()),
          op.getScale().convertToDouble(),
          MaskKind::Full,
          0};
}

template <typename OpT>
AttentionShape rangedKeys(OpT op) {
  AttentionShape shape = rangedQueries(op);
  shape.space = op.getKeySpace();
  shape.heads = static_cast<int64_t>(op.getKvHeads());
  return shape;
}

} // namespace mblm::emit

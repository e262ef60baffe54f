// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folders: canonical forms of the ops that only move elements.
#include "dialects/MBLM/IR/MBLMOps.h"

using namespace mlir;
using namespace mblm;

OpFoldResult RegroupOp::fold(FoldAdaptor) {
  // regroup(x) -> x, where the type stays
  if (getInput().getType() == getType()) {
    return getInput();
  }
  // regroup(regroup(x)) -> regroup(x)
  if (auto inner = getInput().getDefiningOp<RegroupOp>()) {
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  // slice(x, 0, 0) -> x
  if (!getBefore() && !getAfter() && getInput().getType() == getType()) {
    return getInput();
  }
  // slice(slice(x, a, b), c, d) -> slice(x, a + c, b + d)
  if (auto inner = getInput().getDefiningOp<SliceOp>()) {
    setBefore(getBefore() + inner.getBefore());
    setAfter(getAfter() + inner.getAfter());
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  // slice(pad(x, a, b), a + c, b + d) -> slice(x, c, d)
  if (auto inner = getInput().getDefiningOp<PadOp>()) {
    if (getBefore() >= inner.getBefore() && getAfter() >= inner.getAfter()) {
      setBefore(getBefore() - inner.getBefore());
      setAfter(getAfter() - inner.getAfter());
      getInputMutable().assign(inner.getInput());
      return getResult();
    }
  }
  // slice(start_token(x, s), a + 1, b) -> slice(x, a, b)
  if (auto inner = getInput().getDefiningOp<StartTokenOp>()) {
    if (getBefore() >= 1) {
      setBefore(getBefore() - 1);
      getInputMutable().assign(inner.getInput());
      return getResult();
    }
  }
  return {};
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  // pad(x, 0, 0) -> x
  if (!getBefore() && !getAfter() && getInput().getType() == getType()) {
    return getInput();
  }
  // pad(pad(x, a, b), c, d) -> pad(x, a + c, b + d)
  if (auto inner = getInput().getDefiningOp<PadOp>()) {
    setBefore(getBefore() + inner.getBefore());
    setAfter(getAfter() + inner.getAfter());
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

LogicalResult SplitOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  // split(x) -> x, where there is one part
  if (getNumResults() == 1 && getInput().getType() == getResult(0).getType()) {
    results.push_back(getInput());
    return success();
  }
  // split(concat(x, y, ...)) -> x, y, ...
  auto concat = getInput().getDefiningOp<ConcatOp>();
  if (!concat || concat.getPositions() != getPositions() || concat.getInputs().getTypes() != getResults().getTypes()) {
    return failure();
  }
  llvm::append_range(results, concat.getInputs());
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  // concat(x) -> x
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType()) {
    return getInputs()[0];
  }
  // concat(split(x)) -> x, where all parts come in order
  auto split = getInputs()[0].getDefiningOp<SplitOp>();
  bool whole = split && split.getPositions() == getPositions() && getInputs() == split.getResults();
  if (whole && split.getInput().getType() == getType()) {
    return split.getInput();
  }
  return {};
}

OpFoldResult RopeOp::fold(FoldAdaptor) {
  // rope(rope(x), inverse) -> x, and rope(rope(x, inverse)) -> x
  auto inner = getInput().getDefiningOp<RopeOp>();
  if (inner && inner.getInverse() != getInverse() && inner.getHeads() == getHeads() &&
      inner.getPairing() == getPairing() && inner.getBaseAttr() == getBaseAttr() && inner.getOriginAttr() == getOriginAttr() &&
      inner.getRotated() == getRotated()) {
    return inner.getInput();
  }
  return {};
}

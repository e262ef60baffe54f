// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where `mblm.state`s stand in the interpreter's store.
#pragma once

#include "compiler/Interpreter/Evaluate.h"

#include <algorithm>

namespace mblm::interpreter {

// A state where it stands in the store, which grows to hold it.
struct State {
  double *data;
  int64_t positions, width;

  State(mlir::Value value, Frame &frame) {
    auto get = value.getDefiningOp<GetStateOp>();
    auto state = frame.symbols.lookup<StateOp>(get.getState());
    auto type = llvm::cast<mlir::RankedTensorType>(state.getType());
    width = type.getDimSize(2);
    positions = type.isDynamicDim(1) ? frame.sizes.slots + static_cast<int64_t>(state.getMore()) : type.getDimSize(1);
    llvm::ArrayRef<int64_t> form = state.getOffset();
    int64_t batch = frame.sizes.batch, slots = frame.sizes.slots;
    int64_t offset = form[0] + form[1] * slots + form[2] * batch + form[3] * batch * slots;
    std::vector<double> &store = frame.stores.state;
    store.resize(std::max<size_t>(store.size(), offset + batch * positions * width));
    data = store.data() + offset;
  }
  // Row of the sequence's position q.
  double *row(int64_t k, int64_t q) const { return data + (k * positions + q % positions) * width; }
};

} // namespace mblm::interpreter

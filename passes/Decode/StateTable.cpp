// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Decode/StateTable.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::decode;

StateOp StateTable::get(Operation *op, StringRef name, SymbolicDim positions, int64_t width, bool perPatch) {
  StateOp &state = states[{op, builder.getStringAttr(name)}];
  if (state) {
    return state;
  }
  int64_t rows = positions.isConstant() ? positions.one : ShapedType::kDynamic;
  auto type = RankedTensorType::get({ShapedType::kDynamic, rows, width}, builder.getF32Type());
  state = StateOp::create(builder, op->getLoc(), uniqueName(op, name), type,
                          builder.getDenseI64ArrayAttr({end.one, end.m, end.b, end.bm}), positions.m ? positions.one : 0, perPatch);
  auto lines = [](int64_t floats) { return (floats + 15) / 16 * 16; };
  end = end + SymbolicDim{0, 0, lines(positions.one * width), lines(positions.m * width)};
  return state;
}

std::string StateTable::uniqueName(Operation *op, StringRef name) {
  auto named = dyn_cast<NameLoc>(op->getLoc());
  std::string base = (named ? named.getName().str() : "state") + "/" + name.str(), unique = base;
  for (unsigned n = 2; !names.insert(unique).second; ++n) {
    unique = base + "#" + std::to_string(n);
  }
  return unique;
}

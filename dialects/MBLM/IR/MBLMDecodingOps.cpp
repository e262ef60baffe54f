// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers and shapes of states and of the ops on them.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

using Shapes = ArrayRef<SymbolicShape>;
using Results = SmallVectorImpl<SymbolicShape>;

LogicalResult StateOp::verify() {
  // state_c1
  auto type = dyn_cast<RankedTensorType>(getType());
  bool fits = type && type.getRank() == 3 && type.getElementType().isF32();
  if (!fits || !type.isDynamicDim(0) || type.isDynamicDim(2)) {
    return emitOpError("expects 'type' to be an f32 tensor [B, n, C] with a dynamic B and a static C, but got ") << getType();
  }
  // state_c2
  if (getOffset().size() != 4 || llvm::any_of(getOffset(), [](int64_t n) { return n < 0; })) {
    return emitOpError("expects 'offset' to be four coefficients, none of them negative, but got ") << getOffsetAttr();
  }
  // state_c3
  auto more = static_cast<int64_t>(getMore());
  if (!type.isDynamicDim(1) && more != 0) {
    return emitOpError("expects 'more' only where dimension 1 of the type is dynamic, but got ") << more << " for " << type;
  }
  // state_c4
  if (!type.isDynamicDim(1) && getPerPatch()) {
    return emitOpError("expects 'per_patch' only where dimension 1 of the type is dynamic, but got ") << type;
  }
  return expectAtLeast(*this, "more", more, 0);
}

LogicalResult GetStateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // get_state_c1
  auto state = symbols.lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state) {
    return emitOpError("expects 'state' to name a state of the module, but got ") << getStateAttr();
  }
  // get_state_c2
  if (state.getType() != getType()) {
    return emitOpError("expects 'result' to have the state's type (") << state.getType() << "), but got " << getType();
  }
  return success();
}

LogicalResult GetStateOp::inferSymbolicShapes(Shapes, Results &results) {
  auto state = SymbolTable::lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state) {
    return failure();
  }
  SymbolicDim positions = SymbolicDim::constant(getType().getDimSize(1));
  if (getType().isDynamicDim(1)) {
    positions = SymbolicDim::slots() + SymbolicDim::constant(static_cast<int64_t>(state.getMore()));
  }
  results.push_back({SymbolicDim::batch(), positions, SymbolicDim::constant(getType().getDimSize(2))});
  return success();
}

// read_c1, write_c1, recall_c1, cached_attention_c1
static LogicalResult expectState(Operation *op, Value value, StringRef name) {
  if (value.getDefiningOp<GetStateOp>()) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to be an mblm.get_state, but got " << value;
}

// `value` is [B, positions, C] for a state [B, n, C].
static LogicalResult expectOfState(Operation *op, Value value, StringRef name, Value state, StringRef stateName,
                                   ExpectedSize positions) {
  if (failed(expectStatic(op, value, name, 1))) {
    return failure();
  }
  std::string width = ("dim(" + stateName + ", 2)").str(), batch = ("dim(" + stateName + ", 0)").str();
  return expectShape(op, value, name, {{sizeOf(state, 0), batch}, positions, {sizeOf(state, 2), width}});
}

LogicalResult ReadOp::verify() {
  if (failed(expectState(*this, getState(), "state"))) {
    return failure(); // read_c1
  }
  return expectOfState(*this, getResult(), "result", getState(), "state", {ShapedType::kDynamic, ""}); // read_c2
}

LogicalResult WriteOp::verify() {
  if (failed(expectState(*this, getState(), "state"))) {
    return failure(); // write_c1
  }
  return expectOfState(*this, getValue(), "value", getState(), "state", {ShapedType::kDynamic, ""}); // write_c2
}

LogicalResult RecallOp::verify() {
  if (failed(expectState(*this, getState(), "state"))) {
    return failure(); // recall_c1
  }
  // recall_c2
  if (failed(expectStatic(*this, getState(), "state", 1)) ||
      failed(expectOfState(*this, getInput(), "input", getState(), "state", {ShapedType::kDynamic, ""}))) {
    return failure();
  }
  int64_t positions = sizeOf(getState(), 1) + sizeOf(getInput(), 1);
  return expectOfState(*this, getResult(), "result", getState(), "state",
                       {positions, "dim(state, 1) + dim(input, 1)"});
}

LogicalResult CachedAttentionOp::verify() {
  // cached_attention_c1
  if (failed(expectState(*this, getKey(), "key")) || failed(expectState(*this, getValue(), "value"))) {
    return failure();
  }
  // cached_attention_c2
  if (failed(expectOfState(*this, getQuery(), "query", getKey(), "key", {ShapedType::kDynamic, ""}))) {
    return failure();
  }
  // cached_attention_c3
  auto heads = static_cast<int64_t>(getHeads());
  if (failed(expectAtLeast(*this, "heads", heads, 1))) {
    return failure();
  }
  int64_t width = sizeOf(getQuery(), 2);
  if (ShapedType::isStatic(width) && width % heads) {
    return emitOpError("expects 'heads' to divide dim(query, 2) (")
           << width << "), but got " << heads << " (remainder " << width % heads << ")";
  }
  // cached_attention_c4
  if (getMask() == MaskKind::Full) {
    return emitOpError("expects mask 'causal' or 'block_causal', but got 'full'");
  }
  // cached_attention_c5
  bool blocks = getMask() == MaskKind::BlockCausal;
  if (blocks != getBlock().has_value()) {
    return emitOpError("expects 'block' for mask 'block_causal' and only there, but got mask '")
           << stringifyMaskKind(getMask()) << (blocks ? "' without it" : "' with it");
  }
  if (blocks && failed(expectAtLeast(*this, "block", static_cast<int64_t>(*getBlock()), 1))) {
    return failure();
  }
  // cached_attention_c6
  return expectFinite(*this, "scale", getScale());
}

// B of the state, the (static) rest of the type.
static SymbolicShape rowsOf(const SymbolicShape &state, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return {state[0], SymbolicDim::constant(tensor.getDimSize(1)), SymbolicDim::constant(tensor.getDimSize(2))};
}

LogicalResult ReadOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(rowsOf(operands[0], getType()));
  return success();
}

LogicalResult WriteOp::inferSymbolicShapes(Shapes, Results &) { return success(); }

LogicalResult RecallOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(rowsOf(operands[0], getType()));
  return success();
}

LogicalResult CachedAttentionOp::inferSymbolicShapes(Shapes operands, Results &results) {
  results.push_back(operands[0]);
  return success();
}

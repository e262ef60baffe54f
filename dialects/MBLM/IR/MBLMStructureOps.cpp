// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the ops on parameters, patches and positions.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

LogicalResult ParameterOp::verify() {
  // parameter_c1
  auto type = dyn_cast<RankedTensorType>(getType());
  bool fits = type && type.hasStaticShape() && type.getElementType().isF32();
  if (!fits || type.getRank() < 1 || type.getRank() > 2) {
    return emitOpError("expects 'type' to be a static f32 tensor of rank 1 or 2, but got ") << getType();
  }
  // parameter_c2
  return expectAtLeast(*this, "offset", static_cast<int64_t>(getOffset()), 0);
}

// The parameters that `names` stand for, checked to follow each other and to make up `type`, the type of the op's
// `name`. Serves mblm.load and mblm.gradient, whose constraints have the same numbers.
static LogicalResult verifyParameters(Operation *op, ArrayAttr names, RankedTensorType type, StringRef name,
                                      SymbolTableCollection &symbols) {
  if (names.empty()) {
    // load_c1, gradient_c1
    return op->emitOpError("expects 'parameters' to name at least one parameter, but got none");
  }
  SmallVector<int64_t> shape;
  ParameterOp before;
  for (auto symbol : names.getAsRange<FlatSymbolRefAttr>()) {
    // load_c1, gradient_c1
    auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(op, symbol);
    if (!parameter) {
      return op->emitOpError("expects 'parameters' to name parameters of the module, but got ") << symbol;
    }
    auto part = cast<RankedTensorType>(parameter.getType());
    if (before) {
      // load_c3, gradient_c3
      auto previous = cast<RankedTensorType>(before.getType());
      int64_t end = static_cast<int64_t>(before.getOffset()) + previous.getNumElements();
      auto offset = static_cast<int64_t>(parameter.getOffset());
      if (offset != end) {
        return op->emitOpError("expects parameter ")
               << symbol << " to begin where @" << before.getSymName() << " ends (" << end << "), but got " << offset;
      }
      // load_c2, gradient_c2
      if (previous.getShape().drop_front() != part.getShape().drop_front()) {
        return op->emitOpError("expects parameter ") << symbol << " to have the rows of @" << before.getSymName()
                                                     << " (" << previous << "), but got " << part;
      }
      shape[0] += part.getDimSize(0);
    } else {
      llvm::append_range(shape, part.getShape());
    }
    before = parameter;
  }
  // load_c2, gradient_c2
  auto whole = RankedTensorType::get(shape, Float32Type::get(op->getContext()));
  if (type != whole) {
    return op->emitOpError("expects '") << name << "' to be the concatenated parameters (" << whole << "), but got "
                                        << type;
  }
  return success();
}

LogicalResult LoadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameters(*this, getParameters(), cast<RankedTensorType>(getType()), "result", symbols);
}

LogicalResult GradientOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyParameters(*this, getParameters(), cast<RankedTensorType>(getValue().getType()), "value", symbols);
}

LogicalResult RegroupOp::verify() {
  auto from = cast<RankedTensorType>(getInput().getType()), to = cast<RankedTensorType>(getType());
  // regroup_c1
  if (from.getRank() != to.getRank() || from.getElementType() != to.getElementType()) {
    return emitOpError("expects 'result' to have the rank and the element type of 'input' (")
           << from << "), but got " << to;
  }
  // regroup_c2
  if (to.getRank() == 3 && failed(expectStatic(*this, getResult(), "result", 2))) {
    return failure();
  }
  // regroup_c3
  if (from.hasStaticShape() && to.hasStaticShape() && from.getNumElements() != to.getNumElements()) {
    return emitOpError("expects 'result' to have as many elements as 'input' (")
           << from.getNumElements() << "), but got " << to.getNumElements();
  }
  return success();
}

LogicalResult StartTokenOp::verify() {
  // start_token_c1
  int64_t width = sizeOf(getInput(), 2);
  if (failed(expectSize(*this, getStart(), "start", 0, {width, "dim(input, 2)"}))) {
    return failure();
  }
  // start_token_c2
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getInput(), 0), "dim(input, 0)"},
                      {scaled(sizeOf(getInput(), 1), 1, 1), "dim(input, 1) + 1"},
                      {width, "dim(input, 2)"}});
}

LogicalResult StartOp::verify() {
  // start_c1
  return expectShape(*this, getResult(), "result",
                     {{1, "one sequence"}, {1, "one position"}, {sizeOf(getStart(), 0), "dim(start, 0)"}});
}

LogicalResult SliceOp::verify() {
  auto before = static_cast<int64_t>(getBefore()), after = static_cast<int64_t>(getAfter());
  // slice_c1
  if (failed(expectAtLeast(*this, "before", before, 0)) || failed(expectAtLeast(*this, "after", after, 0))) {
    return failure();
  }
  // slice_c2
  int64_t left = scaled(sizeOf(getInput(), 1), 1, -before - after);
  if (ShapedType::isStatic(left) && left < 1) {
    return emitOpError("expects 'before' + 'after' to leave a position of dimension 1 of 'input' (")
           << sizeOf(getInput(), 1) << "), but got " << before + after;
  }
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getInput(), 0), "dim(input, 0)"},
                      {left, "dim(input, 1) - before - after"},
                      {sizeOf(getInput(), 2), "dim(input, 2)"}});
}

LogicalResult PadOp::verify() {
  auto before = static_cast<int64_t>(getBefore()), after = static_cast<int64_t>(getAfter());
  // pad_c1
  if (failed(expectAtLeast(*this, "before", before, 0)) || failed(expectAtLeast(*this, "after", after, 0))) {
    return failure();
  }
  // pad_c2
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getInput(), 0), "dim(input, 0)"},
                      {scaled(sizeOf(getInput(), 1), 1, before + after), "dim(input, 1) + before + after"},
                      {sizeOf(getInput(), 2), "dim(input, 2)"}});
}

// The second and following constraints of mblm.next_byte and its gradient: `patches` is [B*m, P + 1, C], `bytes` is
// [B, m*P, C]; `name` is that of the value to blame.
static LogicalResult verifyBytesOfPatches(Operation *op, Value patches, Value bytes, StringRef name, StringRef other) {
  int64_t patch = sizeOf(patches, 1) - 1, rows = sizeOf(patches, 0), batch = sizeOf(bytes, 0),
          length = sizeOf(bytes, 1);
  std::string width = ("dim(" + other + ", 2)").str();
  if (failed(expectSize(op, bytes, name, 2, {sizeOf(patches, 2), width}))) {
    return failure();
  }
  if (ShapedType::isStatic(length) && length % patch) {
    return op->emitOpError("expects dimension 1 of '")
           << name << "' to be a multiple of dim(" << other << ", 1) - 1 (" << patch << "), but got " << length
           << " (remainder " << length % patch << ")";
  }
  if (ShapedType::isStatic(rows) && ShapedType::isStatic(batch) && ShapedType::isStatic(length) &&
      batch * length != rows * patch) {
    return op->emitOpError("expects '") << name << "' to have dim(" << other << ", 0) * (dim(" << other << ", 1) - 1) ("
                                        << rows * patch << ") rows, but got " << batch * length;
  }
  return success();
}

// "expects dimension 1 of 'input' to be at least 2, but got 1"
static LogicalResult verifyPatchSize(Operation *op, Value patches, StringRef name) {
  if (failed(expectStatic(op, patches, name, 1))) {
    return failure();
  }
  if (sizeOf(patches, 1) < 2) {
    return op->emitOpError("expects dimension 1 of '")
           << name << "' to be a start position and at least one byte (2), but got " << sizeOf(patches, 1);
  }
  return success();
}

LogicalResult NextByteOp::verify() {
  // next_byte_c1
  if (failed(verifyPatchSize(*this, getInput(), "input"))) {
    return failure();
  }
  // next_byte_c2
  return verifyBytesOfPatches(*this, getInput(), getResult(), "result", "input");
}

LogicalResult NextByteGradOp::verify() {
  // next_byte_grad_c1
  if (failed(verifyPatchSize(*this, getResult(), "result"))) {
    return failure();
  }
  // next_byte_grad_c2
  return verifyBytesOfPatches(*this, getResult(), getGrad(), "grad", "result");
}

// Constraints C1 to C3 of mblm.split and mblm.concat: `parts` named `name` add up to `whole` along their features, or their positions.
static LogicalResult verifyParts(Operation *op, ValueRange parts, StringRef name, Value whole, StringRef wholeName, bool positions) {
  unsigned along = positions ? 1 : 2, other = positions ? 2 : 1;
  int64_t sum = 0;
  for (auto [index, part] : llvm::enumerate(parts)) {
    std::string partName = (name + "[" + Twine(index) + "]").str();
    bool mayBeDynamic = positions && index + 1 == parts.size();
    // split_c1, concat_c1, split_c3, concat_c3
    if (!mayBeDynamic && failed(expectStatic(op, part, partName, along))) {
      return failure();
    }
    sum = ShapedType::isDynamic(sizeOf(part, along)) ? ShapedType::kDynamic : sum + sizeOf(part, along);
    // split_c2, concat_c2; with positions split_c1, concat_c1, too
    std::string sequences = ("dim(" + wholeName + ", 0)").str(), across = ("dim(" + wholeName + ", " + Twine(other) + ")").str();
    if (failed(expectSize(op, part, partName, 0, {sizeOf(whole, 0), sequences})) ||
        failed(expectSize(op, part, partName, other, {sizeOf(whole, other), across}))) {
      return failure();
    }
  }
  // split_c1, concat_c1, split_c3, concat_c3
  if (clash(sum, sizeOf(whole, along))) {
    return op->emitOpError("expects the ") << (positions ? "lengths" : "widths") << " of '" << name << "' to add up to dim(" << wholeName
                                           << ", " << along << ") (" << sizeOf(whole, along) << "), but got " << sum;
  }
  return success();
}

LogicalResult SplitOp::verify() { return verifyParts(*this, getResults(), "results", getInput(), "input", getPositions()); }

LogicalResult ConcatOp::verify() {
  // concat_c1
  if (getInputs().empty()) {
    return emitOpError("expects at least one input, but got none");
  }
  return verifyParts(*this, getInputs(), "inputs", getResult(), "result", getPositions());
}

func::FuncOp PiecesOp::getFunction() {
  return SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
}

LogicalResult PiecesOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // pieces_c1
  auto function = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
  if (!function) {
    return emitOpError("expects 'callee' to be a function of the module, but got ") << getCalleeAttr();
  }
  auto type = FunctionType::get(getContext(), getOperandTypes(), getResultTypes());
  if (function.getFunctionType() != type) {
    return emitOpError("expects ") << getCalleeAttr() << " to have the type of operands and results (" << type
                                   << "), but got " << function.getFunctionType();
  }
  auto check = [&](Type type, Attribute perSlot, StringRef name, unsigned number) -> LogicalResult {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getElementType().isInteger(32)) {
      return success();
    }
    auto count = dyn_cast_if_present<IntegerAttr>(perSlot);
    bool bySlots = tensor.isDynamicDim(0) && !tensor.isDynamicDim(1) && !tensor.isDynamicDim(2);
    if (bySlots && count && count.getInt() >= 1) {
      return success();
    }
    return emitOpError("expects ") << name << " " << number << " of " << getCalleeAttr()
                                   << " to have sequences by slots (tensor<? x static x static>, '" << perSlotAttrName
                                   << "' >= 1), but got " << type << " with " << perSlot;
  };
  for (unsigned n = 0; n < getNumOperands(); ++n) {
    // pieces_c2
    if (failed(check(getOperand(n).getType(), function.getArgAttr(n, perSlotAttrName), "argument", n))) {
      return failure();
    }
  }
  for (unsigned n = 0; n < getNumResults(); ++n) {
    // pieces_c3
    if (failed(check(getResult(n).getType(), function.getResultAttr(n, perSlotAttrName), "result", n))) {
      return failure();
    }
  }
  return success();
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the kernels for patches that the data decides, by the constraints' numbers in KernelPatchOps.td.
#include "dialects/Kernel/IR/KernelVerify.h"

#include <algorithm>

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

static LogicalResult expectIds(Operation *op, Value value, StringRef name) {
  RankedTensorType type = tensorOf(value);
  if (type.getRank() == 2 && type.getElementType().isInteger(32)) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to be ids (i32, of rank 2), but got " << type;
}

//===----------------------------------------------------------------------===//
// Integer code
//===----------------------------------------------------------------------===//

LogicalResult IntegersOp::verify() {
  // integers_c1
  for (Value input : getInputs()) {
    RankedTensorType type = tensorOf(input);
    if (type.getRank() != 2 || !(type.getElementType().isInteger(32) || type.getElementType().isF32())) {
      return emitOpError("expects 'inputs' to be ids or floats (i32 or f32, of rank 2), but got ") << type;
    }
  }
  if (failed(expectIds(*this, getResult(), "result")) || failed(expectOver(*this, getResult(), "result", getResultSpace()))) {
    return failure();
  }
  // integers_c2
  SmallVector<Type> types(getInputs().getTypes());
  types.push_back(getResult().getType());
  types.append(2, IndexType::get(getContext()));
  if (getBody().getArgumentTypes() != TypeRange(types)) {
    return emitOpError("expects a body with the arguments (inputs, result, two indices), but got ") << getBody().getArgumentTypes();
  }
  return success();
}

static LogicalResult expectIntegerCode(Operation *op) {
  return op->getParentOfType<IntegersOp>() ? success() : op->emitOpError("expects to stand in 'kernel.integers'");
}

namespace {
enum class Argument { Input, Result, Either };
}

static LogicalResult expectArgument(Operation *op, Value value, StringRef name, Argument which) {
  if (failed(expectIntegerCode(op))) {
    return failure();
  }
  auto parent = op->getParentOfType<IntegersOp>();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &parent.getBody().front()) {
    return op->emitOpError("expects '") << name << "' to be an argument of the body";
  }
  bool isResult = argument.getArgNumber() == parent.getInputs().size();
  if (which == Argument::Input && isResult) {
    return op->emitOpError("expects '") << name << "' to be an input, but got the result";
  }
  if (which == Argument::Result && !isResult) {
    return op->emitOpError("expects '") << name << "' to be the result, but got input " << argument.getArgNumber();
  }
  return success();
}

static LogicalResult expectElements(Operation *op, Value value, StringRef name, bool floats) {
  Type element = tensorOf(value).getElementType();
  if (floats ? element.isF32() : element.isInteger(32)) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to be " << (floats ? "floats (f32)" : "ids (i32)") << ", but got " << tensorOf(value);
}

LogicalResult GetIdOp::verify() {
  // get_id_c1 to get_id_c3
  return failed(expectArgument(*this, getIds(), "ids", Argument::Input)) ? failure() : expectElements(*this, getIds(), "ids", /*floats=*/false);
}

LogicalResult GetElementOp::verify() {
  // get_element_c1 to get_element_c3
  return failed(expectArgument(*this, getInput(), "input", Argument::Input)) ? failure()
                                                                           : expectElements(*this, getInput(), "input", /*floats=*/true);
}

LogicalResult SetIdOp::verify() { return expectArgument(*this, getIds(), "ids", Argument::Result); }
LogicalResult ExtentOp::verify() { return expectArgument(*this, getInput(), "input", Argument::Either); }

LogicalResult FindOp::verify() {
  // find_c1, find_c2
  if (failed(expectIntegerCode(*this))) {
    return failure();
  }
  size_t words = getKey().size();
  if (words == 0) {
    return emitOpError("expects a key of at least one word, but got none");
  }
  if (getKeys().size() != words * getPlaces().size()) {
    return emitOpError("expects ") << words << " words for each of " << getPlaces().size() << " places, but got " << getKeys().size();
  }
  auto number = [&](size_t n) { return getKeys().slice(n * words, words); };
  auto less = [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) < static_cast<uint64_t>(b); };
  for (size_t n = 1; n < getPlaces().size(); ++n) {
    ArrayRef<int64_t> before = number(n - 1), here = number(n);
    if (std::lexicographical_compare(here.begin(), here.end(), before.begin(), before.end(), less)) {
      return emitOpError("expects keys in increasing order, but number ") << n << " is less than the one before";
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Along ranges
//===----------------------------------------------------------------------===//

static ExpectedSize widthOfInput(Value input) { return {tensorOf(input).getShape().back(), "the width of its input"}; }

LogicalResult kernel::PoolOp::verify() {
  // pool_c1, pool_c2
  return success(succeeded(expectOver(*this, getResult(), "result", getSpace(), widthOfInput(getInput()))) &&
                 succeeded(expectOver(*this, getInput(), "input", getInputSpace(), widthOfInput(getInput()))) &&
                 succeeded(expectIds(*this, getSpans(), "spans")));
}

LogicalResult kernel::PoolGradOp::verify() {
  // pool_grad_c1, pool_grad_c2
  ExpectedSize width = widthOfInput(getInput());
  return success(succeeded(expectOver(*this, getGrad(), "grad", getSpace(), width)) &&
                 succeeded(expectOver(*this, getPooled(), "pooled", getSpace(), width)) &&
                 succeeded(expectOver(*this, getInput(), "input", getInputSpace(), width)) &&
                 succeeded(expectOver(*this, getResult(), "result", getInputSpace(), width)) &&
                 succeeded(expectIds(*this, getSpans(), "spans")));
}

namespace {
using Named = std::pair<StringRef, Value>;
}

// Constraints C1 to C4 of kernel.ranged_attention, for it and its gradient.
template <typename OpT>
static LogicalResult verifyRanged(OpT op, ArrayRef<Named> queries, ArrayRef<Named> keys) {
  // ranged_attention_c4, ranged_attention_grad_c4
  auto heads = static_cast<int64_t>(op.getHeads()), groups = static_cast<int64_t>(op.getKvHeads()),
       width = static_cast<int64_t>(op.getHeadDim());
  for (auto [name, number] : {std::pair<StringRef, int64_t>{"heads", heads}, {"kv_heads", groups}, {"head_dim", width}}) {
    if (failed(expectAtLeast(op, name, number, 1))) {
      return failure();
    }
  }
  if (heads % groups) {
    return op.emitOpError("expects 'kv_heads' to divide 'heads' (") << heads << "), but got " << groups;
  }
  // ranged_attention_c1, ranged_attention_grad_c1
  for (auto [name, value] : queries) {
    if (failed(expectOver(op, value, name, op.getSpace(), ExpectedSize{heads * width, "heads * head_dim"}))) {
      return failure();
    }
  }
  if (failed(expectOver(op, op.getLse(), "lse", op.getSpace(), ExpectedSize{heads, "heads"}))) {
    return failure();
  }
  // ranged_attention_c2, ranged_attention_grad_c2
  for (auto [name, value] : keys) {
    if (failed(expectOver(op, value, name, op.getKeySpace(), ExpectedSize{groups * width, "kv_heads * head_dim"}))) {
      return failure();
    }
  }
  return expectIds(op, op.getRanges(), "ranges"); // ranged_attention_c3, ranged_attention_grad_c3
}

LogicalResult kernel::RangedAttentionOp::verify() {
  return verifyRanged(*this, {{"query", getQuery()}, {"result", getResult()}}, {{"key", getKey()}, {"value", getValue()}});
}

LogicalResult kernel::RangedAttentionGradOp::verify() {
  return verifyRanged(*this,
                      {{"grad", getGrad()}, {"query", getQuery()}, {"output", getOutput()}, {"query_grad", getQueryGrad()}},
                      {{"key", getKey()}, {"value", getValue()}, {"key_grad", getKeyGrad()}, {"value_grad", getValueGrad()}});
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the ops that mix positions.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

// "expects 'heads' to divide dim(input, 2) (10), but got 4 (remainder 2)"
static LogicalResult expectHeads(Operation *op, uint64_t headsAttr, Value value, StringRef name) {
  auto heads = static_cast<int64_t>(headsAttr);
  if (failed(expectAtLeast(op, "heads", heads, 1))) {
    return failure();
  }
  int64_t width = sizeOf(value, 2);
  if (ShapedType::isStatic(width) && width % heads) {
    return op->emitOpError("expects 'heads' to divide dim(")
           << name << ", 2) (" << width << "), but got " << heads << " (remainder " << width % heads << ")";
  }
  return success();
}

LogicalResult RopeOp::verify() {
  // rope_c1
  if (failed(expectHeads(*this, getHeads(), getInput(), "input"))) {
    return failure();
  }
  int64_t width = sizeOf(getInput(), 2), heads = getHeads();
  if (ShapedType::isStatic(width) && width / heads % 2) {
    return emitOpError("expects the width of a head to be even, but got ") << width / heads;
  }
  // rope_c2
  if (!getBase().isFinite() || getBase().isNegative() || getBase().isZero()) {
    SmallString<16> text;
    getBase().toString(text);
    return emitOpError("expects 'base' to be positive and finite, but got ") << text;
  }
  // rope_c3
  auto rotated = static_cast<int64_t>(getRotated());
  bool tooMany = ShapedType::isStatic(width) && rotated > width / heads;
  if (rotated < 0 || rotated % 2 || tooMany || (rotated && getPairing() != Pairing::HalfSplit)) {
    return emitOpError("expects 'rotated' to be even and at most the width of a head, with pairing 'half_split', but got ")
           << rotated << " with '" << stringifyPairing(getPairing()) << "'";
  }
  return success();
}

LogicalResult HiddenKeysOp::verify() {
  // hidden_keys_c1
  auto bytes = static_cast<int64_t>(getBytes());
  if (failed(expectAtLeast(*this, "bytes", bytes, 1))) {
    return failure();
  }
  // hidden_keys_c2
  return expectShape(*this, getVisible(), "visible",
                     {{sizeOf(getResult(), 0), "dim(result, 0)"}, {scaled(sizeOf(getResult(), 1), bytes), "dim(result, 1) * bytes"}});
}

// Constraints C2 to C7 of mblm.attention, for it and its gradient.
template <typename OpTy>
static LogicalResult verifyAttention(OpTy op) {
  // attention_c2, attention_grad_c2
  if (failed(expectHeads(op, op.getHeads(), op.getQuery(), "query"))) {
    return failure();
  }
  // attention_c3, attention_grad_c3
  if (failed(expectShape(op, op.getLse(), "lse",
                         {{sizeOf(op.getQuery(), 0), "dim(query, 0)"},
                          {sizeOf(op.getQuery(), 1), "dim(query, 1)"},
                          {static_cast<int64_t>(op.getHeads()), "heads"}}))) {
    return failure();
  }
  // attention_c4, attention_grad_c4
  bool blocks = op.getMask() == MaskKind::BlockCausal;
  if (blocks != op.getBlock().has_value()) {
    return op.emitOpError("expects 'block' for mask 'block_causal' and only there, but got mask '")
           << stringifyMaskKind(op.getMask()) << (blocks ? "' without it" : "' with it");
  }
  if (blocks && failed(expectAtLeast(op, "block", static_cast<int64_t>(*op.getBlock()), 1))) {
    return failure();
  }
  // attention_c5, attention_grad_c5
  if (failed(expectFinite(op, "scale", op.getScale()))) {
    return failure();
  }
  // attention_c6, attention_grad_c6
  bool drops = op.getDropoutKey() != nullptr;
  if (drops != op.getRate().has_value() || drops != op.getSite().has_value()) {
    return op.emitOpError("expects 'rate' and 'site' with a dropout key and only there, but got ")
           << (drops ? "a key without both" : "one of them without a key");
  }
  if (drops && failed(expectDropout(op, *op.getRate(), *op.getSite()))) {
    return failure();
  }
  // attention_c7, attention_grad_c7
  Value hidden = op.getHidden();
  if (hidden && op.getMask() != MaskKind::Full) {
    return op.emitOpError("expects 'hidden' with mask 'full' only, but got mask '") << stringifyMaskKind(op.getMask()) << "'";
  }
  return hidden ? expectShape(op, hidden, "hidden",
                              {{sizeOf(op.getQuery(), 0), "dim(query, 0)"}, {sizeOf(op.getQuery(), 1), "dim(query, 1)"}})
                : success();
}

LogicalResult AttentionOp::verify() { return verifyAttention(*this); }

LogicalResult AttentionGradOp::verify() { return verifyAttention(*this); }

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the ops on patches that the data decides.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

LogicalResult LeadOp::verify() {
  // lead_c1
  if (failed(expectAtLeast(*this, "count", static_cast<int64_t>(getCount()), 0))) {
    return failure();
  }
  // lead_c2
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getIds(), 0), "dim(ids, 0)"}, {scaled(sizeOf(getIds(), 1), 1, getCount()), "dim(ids, 1) + count"}});
}

//===----------------------------------------------------------------------===//
// N-grams
//===----------------------------------------------------------------------===//

int64_t NgramRowsOp::perPosition() {
  return 1 + static_cast<int64_t>(getFunctions() * getSizes().size() + getListLengths().size());
}

static LogicalResult verifyHashes(NgramRowsOp op) {
  constexpr int64_t longest = 64, mostFunctions = 11;
  for (int64_t size : op.getSizes()) {
    if (size < 1 || size > longest) {
      return op.emitOpError("expects 'sizes' from 1 to ") << longest << ", but got " << size;
    }
  }
  auto functions = static_cast<int64_t>(op.getFunctions());
  if (functions < 0 || functions > mostFunctions) {
    return op.emitOpError("expects 'functions' to be from 0 to ") << mostFunctions << ", but got " << functions;
  }
  bool any = functions > 0 && !op.getSizes().empty();
  return any ? expectAtLeast(op, "rows", static_cast<int64_t>(op.getRows()), 1) : success();
}

// vocab^length fits into 64 bits, as a number of at most that many ids.
static bool fits(uint64_t vocab, int64_t length) {
  uint64_t power = 1;
  for (int64_t i = 0; i < length; ++i) {
    if (__builtin_mul_overflow(power, vocab, &power)) {
      return false;
    }
  }
  return true;
}

static LogicalResult verifyLists(NgramRowsOp op) {
  size_t count = op.getListLengths().size();
  if (op.getListKeys().size() != count || op.getListPlaces().size() != count) {
    return op.emitOpError("expects ") << count << " 'list_keys' and 'list_places', one for each of 'list_lengths', but got "
                                      << op.getListKeys().size() << " and " << op.getListPlaces().size();
  }
  for (size_t l = 0; l < count; ++l) {
    int64_t length = op.getListLengths()[l];
    auto keys = cast<DenseI64ArrayAttr>(op.getListKeys()[l]).asArrayRef();
    if (length < 1 || !fits(op.getVocab(), length)) {
      return op.emitOpError("expects n-grams of lists to have at least one id and vocab^length below 2^64, but got length ") << length;
    }
    if (cast<DenseI64ArrayAttr>(op.getListPlaces()[l]).size() != static_cast<int64_t>(keys.size())) {
      return op.emitOpError("expects a place for each key of list ") << l << ", but got "
             << cast<DenseI64ArrayAttr>(op.getListPlaces()[l]).size() << " places for " << keys.size() << " keys";
    }
    bool ordered = llvm::is_sorted(keys, [](int64_t a, int64_t b) { return static_cast<uint64_t>(a) < static_cast<uint64_t>(b); });
    if (!ordered) {
      return op.emitOpError("expects the keys of list ") << l << " in increasing order";
    }
  }
  return success();
}

LogicalResult NgramRowsOp::verify() {
  // ngram_rows_c1, ngram_rows_c3
  if (failed(expectAtLeast(*this, "vocab", static_cast<int64_t>(getVocab()), 1)) || failed(verifyHashes(*this)) ||
      failed(verifyLists(*this))) {
    return failure();
  }
  // ngram_rows_c2
  if (failed(expectShape(*this, getResult(), "result",
                         {{sizeOf(getIds(), 0), "dim(ids, 0)"}, {scaled(sizeOf(getIds(), 1), perPosition()), "dim(ids, 1) * n"}}))) {
    return failure();
  }
  // ngram_rows_c4
  double total = static_cast<double>(getVocab()) + static_cast<double>(getFunctions() * getSizes().size()) * static_cast<double>(getRows());
  for (Attribute keys : getListKeys()) {
    total += 4 + static_cast<double>(cast<DenseI64ArrayAttr>(keys).size());
  }
  if (total >= 0x1p31) {
    return emitOpError("expects tables of fewer than 2^31 rows together, but got ") << static_cast<uint64_t>(total);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

// Of each position of `of` but the first `skip`.
static LogicalResult expectRanges(Operation *op, Value ranges, StringRef name, Value of, StringRef ofName, int64_t rows = 1,
                                  int64_t skip = 0) {
  std::string sequences = ("dim(" + ofName + ", 0)").str(), positions = ("2 * dim(" + ofName + ", 1)").str();
  if (rows != 1) {
    positions += " * rows";
  }
  if (skip != 0) {
    positions = ("2 * (dim(" + ofName + ", 1) - skip)").str();
  }
  return expectShape(op, ranges, name, {{sizeOf(of, 0), sequences}, {scaled(sizeOf(of, 1), 2 * rows, -2 * skip), positions}});
}

LogicalResult VisibleBytesOp::verify() {
  // visible_bytes_c1, visible_bytes_c3
  auto skip = static_cast<int64_t>(getSkip());
  if ((getWindow() && failed(expectAtLeast(*this, "window", static_cast<int64_t>(*getWindow()), 1))) ||
      failed(expectAtLeast(*this, "skip", skip, 0))) {
    return failure();
  }
  // visible_bytes_c2
  return expectRanges(*this, getResult(), "result", getIds(), "ids", /*rows=*/1, skip);
}

LogicalResult VisiblePatchesOp::verify() {
  // visible_patches_c1 to visible_patches_c3
  if (failed(expectAtLeast(*this, "lead", static_cast<int64_t>(getLead()), 0)) ||
      failed(expectSize(*this, getLengths(), "lengths", 0, {sizeOf(getIds(), 0), "dim(ids, 0)"}))) {
    return failure();
  }
  return expectRanges(*this, getResult(), "result", getLengths(), "lengths");
}

// Constraints C1 and C3 of mblm.patch_bytes and mblm.byte_patches.
template <typename OpT>
static LogicalResult verifyPatches(OpT op) {
  // patch_bytes_c1, patch_bytes_c3, byte_patches_c1, byte_patches_c3
  for (auto [name, number, least] : {std::tuple<StringRef, uint64_t, int64_t>{"rows", op.getRows(), 1},
                                     {"window", op.getWindow(), 1},
                                     {"lead", op.getLead(), 0}}) {
    if (failed(expectAtLeast(op, name, static_cast<int64_t>(number), least))) {
      return failure();
    }
  }
  return expectSize(op, op.getLengths(), "lengths", 0, {sizeOf(op.getIds(), 0), "dim(ids, 0)"});
}

LogicalResult PatchBytesOp::verify() {
  // patch_bytes_c2
  return failed(verifyPatches(*this)) ? failure()
                                      : expectRanges(*this, getResult(), "result", getLengths(), "lengths", getRows());
}

LogicalResult BytePatchesOp::verify() {
  // byte_patches_c2
  return failed(verifyPatches(*this)) ? failure() : expectRanges(*this, getResult(), "result", getIds(), "ids");
}

//===----------------------------------------------------------------------===//
// What goes along ranges
//===----------------------------------------------------------------------===//

// `bytes` are [K, T, C] and `patches` [K, P, C].
static LogicalResult verifyPooled(Operation *op, Value bytes, StringRef bytesName, Value patches, StringRef patchesName, Value spans,
                                  Value owners) {
  // pool_c1, pool_grad_c1, spread_c1
  for (unsigned dim : {0u, 2u}) {
    std::string formula = ("dim(" + bytesName + ", " + Twine(dim) + ")").str();
    if (failed(expectSize(op, patches, patchesName, dim, {sizeOf(bytes, dim), formula}))) {
      return failure();
    }
  }
  if (spans && failed(expectRanges(op, spans, "spans", patches, patchesName))) {
    return failure();
  }
  return owners ? expectRanges(op, owners, "owners", bytes, bytesName) : success();
}

LogicalResult PoolOp::verify() {
  return verifyPooled(*this, getInput(), "input", getResult(), "result", getSpans(), getOwners());
}

LogicalResult PoolGradOp::verify() {
  if (getKind() != PoolKind::Max && getKind() != PoolKind::Min) { // pool_grad_c2
    return emitOpError("expects kind 'max' or 'min', but got '") << stringifyPoolKind(getKind()) << "'";
  }
  return verifyPooled(*this, getInput(), "input", getGrad(), "grad", getSpans(), {});
}

LogicalResult SpreadOp::verify() {
  if (getMean() && !getSpans()) { // spread_c2
    return emitOpError("expects 'spans' with 'mean', but got none");
  }
  return verifyPooled(*this, getResult(), "result", getInput(), "input", getSpans(), getOwners());
}

// Constraints C2 to C4 of mblm.ranged_attention, for it and its gradient.
template <typename OpT>
static LogicalResult verifyRanged(OpT op, int64_t perRow = 1) {
  // ranged_attention_c2, ranged_attention_grad_c2
  auto heads = static_cast<int64_t>(op.getHeads()), groups = static_cast<int64_t>(op.getKvHeads());
  if (failed(expectAtLeast(op, "heads", heads, 1)) || failed(expectAtLeast(op, "kv_heads", groups, 1))) {
    return failure();
  }
  int64_t width = sizeOf(op.getQuery(), 2);
  if (heads % groups || width % heads) {
    return op.emitOpError("expects 'kv_heads' to divide 'heads', and these dim(query, 2) (")
           << width << "), but got " << groups << " and " << heads;
  }
  if (failed(expectSize(op, op.getKey(), "key", 2, {width / heads * groups * perRow, "dim(query, 2) / heads * kv_heads * per_row"})) ||
      failed(expectSize(op, op.getKey(), "key", 0, {sizeOf(op.getQuery(), 0), "dim(query, 0)"}))) {
    return failure();
  }
  // ranged_attention_c3, ranged_attention_grad_c3
  if (failed(expectShape(op, op.getLse(), "lse",
                         {{sizeOf(op.getQuery(), 0), "dim(query, 0)"}, {sizeOf(op.getQuery(), 1), "dim(query, 1)"}, {heads, "heads"}})) ||
      failed(expectRanges(op, op.getRanges(), "ranges", op.getQuery(), "query"))) {
    return failure();
  }
  // ranged_attention_c4, ranged_attention_grad_c4
  return expectFinite(op, "scale", op.getScale());
}

LogicalResult RangedAttentionOp::verify() {
  auto perRow = static_cast<int64_t>(getPerRow());
  return failed(expectAtLeast(*this, "per_row", perRow, 1)) ? failure() : verifyRanged(*this, perRow);
}

LogicalResult RangedAttentionGradOp::verify() { return verifyRanged(*this); }

LogicalResult EntropyOp::verify() {
  // entropy_c1
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getLogits(), 0), "dim(logits, 0)"}, {sizeOf(getLogits(), 1), "dim(logits, 1)"}});
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The wording of the verifiers' messages.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

int64_t mblm::scaled(int64_t size, int64_t factor, int64_t more) {
  return ShapedType::isDynamic(size) ? size : size * factor + more;
}

bool mblm::clash(int64_t a, int64_t b) { return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b; }

LogicalResult mblm::expectSize(Operation *op, Value value, StringRef name, unsigned dim, ExpectedSize expected) {
  int64_t size = sizeOf(value, dim);
  if (!clash(size, expected.size)) {
    return success();
  }
  return op->emitOpError("expects dimension ")
         << dim << " of '" << name << "' to be " << expected.formula << " (" << expected.size << "), but got " << size;
}

LogicalResult mblm::expectShape(Operation *op, Value value, StringRef name, ArrayRef<ExpectedSize> expected) {
  for (auto [dim, size] : llvm::enumerate(expected)) {
    if (failed(expectSize(op, value, name, dim, size))) {
      return failure();
    }
  }
  return success();
}

LogicalResult mblm::expectStatic(Operation *op, Value value, StringRef name, unsigned dim) {
  if (ShapedType::isStatic(sizeOf(value, dim))) {
    return success();
  }
  return op->emitOpError("expects dimension ") << dim << " of '" << name << "' to be static, but got a dynamic size";
}

LogicalResult mblm::expectAtLeast(Operation *op, StringRef name, int64_t value, int64_t least) {
  if (value >= least) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to be at least " << least << ", but got " << value;
}

LogicalResult mblm::expectBelow(Operation *op, StringRef name, std::optional<uint64_t> value, int64_t bound) {
  if (!value) {
    return success();
  }
  auto number = static_cast<int64_t>(*value);
  if (number >= 0 && (ShapedType::isDynamic(bound) || number < bound)) {
    return success();
  }
  if (ShapedType::isDynamic(bound)) {
    return expectAtLeast(op, name, number, 0);
  }
  return op->emitOpError("expects '") << name << "' to be in [0, " << bound << "), but got " << number;
}

LogicalResult mblm::expectFinite(Operation *op, StringRef name, const APFloat &value) {
  if (value.isFinite()) {
    return success();
  }
  SmallString<16> text;
  value.toString(text);
  return op->emitOpError("expects '") << name << "' to be finite, but got " << text;
}

// A word of the counter holds the site, below the stream's eight bits.
static constexpr int64_t dropoutSites = int64_t(1) << 24;

LogicalResult mblm::expectDropout(Operation *op, const APFloat &rate, uint64_t site) {
  double number = rate.convertToDouble();
  if (!(number >= 0 && number < 1)) {
    return op->emitOpError("expects 'rate' to be in [0, 1), but got ") << number;
  }
  return expectBelow(op, "site", site, dropoutSites);
}

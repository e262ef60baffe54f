// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the ops on single positions.
#include "dialects/MBLM/IR/MBLMVerify.h"

using namespace mlir;
using namespace mblm;

// Constraints C1 to C3 of mblm.embed and its gradient; `rows` and `table` have other names there.
static LogicalResult verifyLookup(Operation *op, Value ids, Value rows, StringRef rowsName, Value table,
                                  StringRef tableName, uint64_t bytesAttr, std::optional<uint64_t> skip) {
  // embed_c1, embed_grad_c1
  auto bytes = static_cast<int64_t>(bytesAttr);
  if (failed(expectAtLeast(op, "bytes", bytes, 1))) {
    return failure();
  }
  // embed_c2, embed_grad_c2
  std::string sequences = ("dim(" + rowsName + ", 0)").str(), positions = ("dim(" + rowsName + ", 1) * bytes").str(),
              width = ("dim(" + tableName + ", 1) * bytes").str();
  if (failed(
          expectShape(op, ids, "ids", {{sizeOf(rows, 0), sequences}, {scaled(sizeOf(rows, 1), bytes), positions}})) ||
      failed(expectSize(op, rows, rowsName, 2, {scaled(sizeOf(table, 1), bytes), width}))) {
    return failure();
  }
  // embed_c3, embed_grad_c3
  return expectBelow(op, "skip", skip, sizeOf(table, 0));
}

LogicalResult EmbedOp::verify() {
  return verifyLookup(*this, getIds(), getResult(), "result", getTable(), "table", getBytes(), getSkip());
}

LogicalResult EmbedGradOp::verify() {
  return verifyLookup(*this, getIds(), getGrad(), "grad", getResult(), "result", getBytes(), getSkip());
}

// Constraints C1 and C2 of mblm.embed_bag and its gradient.
static LogicalResult verifyBags(Operation *op, Value ids, Value rows, StringRef rowsName, Value table, StringRef tableName,
                                uint64_t bagAttr) {
  // embed_bag_c1, embed_bag_grad_c1
  auto bag = static_cast<int64_t>(bagAttr);
  if (failed(expectAtLeast(op, "bag", bag, 1))) {
    return failure();
  }
  // embed_bag_c2, embed_bag_grad_c2
  std::string sequences = ("dim(" + rowsName + ", 0)").str(), positions = ("dim(" + rowsName + ", 1) * bag").str(),
              width = ("dim(" + tableName + ", 1)").str();
  if (failed(expectShape(op, ids, "ids", {{sizeOf(rows, 0), sequences}, {scaled(sizeOf(rows, 1), bag), positions}}))) {
    return failure();
  }
  return expectSize(op, rows, rowsName, 2, {sizeOf(table, 1), width});
}

LogicalResult EmbedBagOp::verify() {
  return verifyBags(*this, getIds(), getResult(), "result", getTable(), "table", getBag());
}

LogicalResult EmbedBagGradOp::verify() {
  return verifyBags(*this, getIds(), getGrad(), "grad", getResult(), "result", getBag());
}

LogicalResult PositionOp::verify() {
  // position_c1
  int64_t positions = sizeOf(getTable(), 0), length = sizeOf(getInput(), 1);
  if (ShapedType::isStatic(positions) && ShapedType::isStatic(length) && positions < length) {
    return emitOpError("expects dimension 0 of 'table' to be at least dim(input, 1) (")
           << length << "), but got " << positions;
  }
  if (failed(expectSize(*this, getTable(), "table", 1, {sizeOf(getInput(), 2), "dim(input, 2)"}))) {
    return failure();
  }
  // position_c2
  return expectShape(
      *this, getResult(), "result",
      {{sizeOf(getInput(), 0), "dim(input, 0)"}, {length, "dim(input, 1)"}, {sizeOf(getInput(), 2), "dim(input, 2)"}});
}

LogicalResult LinearOp::verify() {
  unsigned reduced = getTransposed() ? 0 : 1, kept = 1 - reduced;
  std::string width = ("dim(weight, " + Twine(kept) + ")").str();
  // linear_c1
  if (failed(expectSize(*this, getWeight(), "weight", reduced, {sizeOf(getInput(), 2), "dim(input, 2)"}))) {
    return failure();
  }
  // linear_c2
  if (failed(expectShape(*this, getResult(), "result",
                         {{sizeOf(getInput(), 0), "dim(input, 0)"},
                          {sizeOf(getInput(), 1), "dim(input, 1)"},
                          {sizeOf(getWeight(), kept), width}}))) {
    return failure();
  }
  // linear_c3
  return getBias() ? expectSize(*this, getBias(), "bias", 0, {sizeOf(getWeight(), kept), width}) : success();
}

LogicalResult WeightGradOp::verify() {
  // weight_grad_c1
  if (failed(expectShape(*this, getInput(), "input",
                         {{sizeOf(getGrad(), 0), "dim(grad, 0)"}, {sizeOf(getGrad(), 1), "dim(grad, 1)"}}))) {
    return failure();
  }
  // weight_grad_c2
  return expectShape(*this, getResult(), "result",
                     {{sizeOf(getGrad(), 2), "dim(grad, 2)"}, {sizeOf(getInput(), 2), "dim(input, 2)"}});
}

// "expects 'bias' exactly for kind 'layer', but got kind 'rms' with it"
static LogicalResult expectBiasOfLayer(Operation *op, StringRef name, NormKind kind, bool given) {
  if (given == (kind == NormKind::Layer)) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' for kind 'layer' and only there, but got kind '"
                                      << stringifyNormKind(kind) << (given ? "' with it" : "' without it");
}

// "expects 'groups' to divide dim(input, 2) (10), but got 4 (remainder 2)"
static LogicalResult expectGroups(Operation *op, uint64_t groupsAttr, Value input) {
  auto groups = static_cast<int64_t>(groupsAttr);
  if (failed(expectAtLeast(op, "groups", groups, 1))) {
    return failure();
  }
  int64_t width = sizeOf(input, 2);
  if (ShapedType::isStatic(width) && width % groups) {
    return op->emitOpError("expects 'groups' to divide dim(input, 2) (")
           << width << "), but got " << groups << " (remainder " << width % groups << ")";
  }
  return success();
}

LogicalResult NormOp::verify() {
  ExpectedSize width{sizeOf(getInput(), 2), "dim(input, 2)"};
  // norm_c1
  if (failed(expectSize(*this, getGain(), "gain", 0, width))) {
    return failure();
  }
  // norm_c2
  if (failed(expectBiasOfLayer(*this, "bias", getKind(), getBias() != nullptr)) ||
      (getBias() && failed(expectSize(*this, getBias(), "bias", 0, width)))) {
    return failure();
  }
  // norm_c3
  if (!getEps().isFinite() || getEps().isNegative()) {
    SmallString<16> text;
    getEps().toString(text);
    return emitOpError("expects 'eps' to be finite and at least 0, but got ") << text;
  }
  // norm_c4
  if (failed(expectShape(*this, getResult(), "result",
                         {{sizeOf(getInput(), 0), "dim(input, 0)"}, {sizeOf(getInput(), 1), "dim(input, 1)"}, width}))) {
    return failure();
  }
  // norm_c5
  return expectGroups(*this, getGroups(), getInput());
}

LogicalResult NormGradOp::verify() {
  ExpectedSize width{sizeOf(getInput(), 2), "dim(input, 2)"};
  // norm_grad_c1
  if (failed(expectSize(*this, getGain(), "gain", 0, width)) ||
      failed(expectSize(*this, getGainGrad(), "gainGrad", 0, width))) {
    return failure();
  }
  // norm_grad_c2
  if (failed(expectBiasOfLayer(*this, "biasGrad", getKind(), getBiasGrad() != nullptr)) ||
      (getBiasGrad() && failed(expectSize(*this, getBiasGrad(), "biasGrad", 0, width)))) {
    return failure();
  }
  // norm_grad_c3
  ExpectedSize shape[] = {{sizeOf(getInput(), 0), "dim(input, 0)"}, {sizeOf(getInput(), 1), "dim(input, 1)"}, width};
  if (failed(expectShape(*this, getGrad(), "grad", shape)) ||
      failed(expectShape(*this, getInputGrad(), "inputGrad", shape))) {
    return failure();
  }
  // norm_grad_c4
  return expectGroups(*this, getGroups(), getInput());
}

LogicalResult DropoutOp::verify() {
  // dropout_c1 and dropout_c2 are traits; dropout_c3, dropout_c4
  return expectDropout(*this, getRate(), getSite());
}

LogicalResult ReduceOp::verify() {
  // reduce_c1
  auto type = cast<RankedTensorType>(getType());
  int64_t rank = getOver() == ReduceOver::Batch ? 2 : 1;
  if (type.getRank() != rank) {
    return emitOpError("expects 'result' over '")
           << stringifyReduceOver(getOver()) << "' to have rank " << rank << ", but got " << type;
  }
  int64_t length = sizeOf(getInput(), 1);
  if (rank == 2 && ShapedType::isStatic(length) && ShapedType::isStatic(type.getDimSize(0)) &&
      type.getDimSize(0) < length) {
    return emitOpError("expects dimension 0 of 'result' to be at least dim(input, 1) (")
           << length << "), but got " << type.getDimSize(0);
  }
  return expectSize(*this, getResult(), "result", rank - 1, {sizeOf(getInput(), 2), "dim(input, 2)"});
}

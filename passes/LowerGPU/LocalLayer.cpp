// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/LocalLayerPlan.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

bool LocalLayer::makes(Value value) const {
  Operation *maker = value.getDefiningOp();
  return maker && maker != result && llvm::is_contained(ops(), maker);
}

// The one result of a product, which `readers` alone read.
static bool isReadBy(Operation *maker, ArrayRef<Operation *> readers) {
  return llvm::all_of(maker->getUsers(), [&](Operation *user) { return llvm::is_contained(readers, user); });
}

static bool isPlainProduct(kernel::GemmOp op) { return op.getNumResults() == 1 && !op.isStreamed() && op.getBlockSums().empty(); }

static bool looksAcross(Block &body) {
  return llvm::any_of(body, [](Operation &op) { return isa<kernel::RowSumOp, kernel::RowMaxOp>(op); });
}

template <typename OpT> static OpT makerOf(kernel::GemmOp op, unsigned input) {
  return input < op.getInputs().size() ? op.getInputs()[input].getDefiningOp<OpT>() : OpT();
}

// Whether a row program only hands on the rows of its first input.
static bool readsRowsOf(kernel::GemmOp op) {
  RowProgram program{op.getPrologue().front(), static_cast<int64_t>(op.getDepth()), 1, static_cast<int64_t>(op.getDepth())};
  return op.getInputs().size() == 1 && readsPlainRows(program, op.getInputs(), op.getSpace());
}

// Follows the kernels from the last one back.
static std::optional<LocalLayer> chainBehind(kernel::GemmOp last) {
  LocalLayer layer;
  layer.result = last;
  layer.hidden = makerOf<kernel::GemmOp>(last, 0);
  if (last.isStreamed() || !last.getBlockSums().empty() || !readsRowsOf(last) || !layer.hidden || !isPlainProduct(layer.hidden)) {
    return std::nullopt;
  }
  for (Value input : layer.hidden.getInputs()) {
    if (auto product = input.getDefiningOp<kernel::GemmOp>()) {
      layer.output = product;
    }
  }
  if (!layer.output || !isPlainProduct(layer.output) || !readsRowsOf(layer.output)) {
    return std::nullopt;
  }
  layer.attention = makerOf<kernel::AttentionOp>(layer.output, 0);
  if (!layer.attention) {
    return std::nullopt;
  }
  layer.queryKeyValue = layer.attention.getQuery().getDefiningOp<kernel::GemmOp>();
  if (!layer.queryKeyValue || !isPlainProduct(layer.queryKeyValue)) {
    return std::nullopt;
  }
  return layer;
}

static bool isSelfContained(LocalLayer layer) {
  kernel::GemmOp qkv = layer.queryKeyValue;
  kernel::AttentionOp attention = layer.attention;
  bool joint = attention.getKey() == attention.getQuery() && attention.getValue() == attention.getQuery() && !attention.getDropoutKey();
  bool straight = RowEmitter::isIdentity(qkv.getEpilogue().front(), qkv.getColumns());
  bool alone = isReadBy(qkv, {attention}) && isReadBy(attention, {layer.output}) && attention.getLse().use_empty() &&
               isReadBy(layer.output, {layer.hidden, layer.result}) && isReadBy(layer.hidden, {layer.result});
  // The attended rows lie side by side in the order of the heads, as the next product's weight has them.
  bool wide = static_cast<int64_t>(layer.output.getDepth()) == static_cast<int64_t>(attention.getHeads() * attention.getHeadDim());
  return joint && straight && alone && wide && !looksAcross(layer.hidden.getEpilogue().front());
}

std::optional<LocalLayer> cuda::localLayer(kernel::GemmOp last, LocalLayers which, const Architecture &architecture,
                                           Precision precision) {
  if (which == LocalLayers::Never) {
    return std::nullopt;
  }
  std::optional<LocalLayer> layer = chainBehind(last);
  if (!layer || !isSelfContained(*layer)) {
    return std::nullopt;
  }
  SymbolicDim positions = last.getSpace().getPositions();
  bool oneSpace = llvm::all_of(layer->ops(), [&](Operation *op) {
    return op->getAttrOfType<kernel::SpaceAttr>("space") == last.getSpace();
  });
  if (!oneSpace || !positions.isConstant() || positions.one > longestLocal) {
    return std::nullopt;
  }
  LocalLayerPlan plan(*layer, architecture, precision);
  bool wanted = plan.rows > 0 && (which == LocalLayers::WhereverItFits || plan.pays());
  return wanted ? layer : std::nullopt;
}

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

static bool isPlainProduct(kernel::GemmOp op) {
  return op.getNumResults() == 1 && !op.isStreamed() && op.getBlockSums().empty();
}

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
  bool joint = attention.getKey() == attention.getQuery() && attention.getValue() == attention.getQuery() &&
               !attention.getDropoutKey();
  bool straight = RowEmitter::isIdentity(qkv.getEpilogue().front(), qkv.getColumns());
  bool alone = isReadBy(qkv, {attention}) && isReadBy(attention, {layer.output}) && attention.getLse().use_empty() &&
               isReadBy(layer.output, {layer.hidden, layer.result}) && isReadBy(layer.hidden, {layer.result});
  // The attended rows lie side by side in the order of the heads, as the next product's weight has them.
  bool wide = static_cast<int64_t>(layer.output.getDepth()) == static_cast<int64_t>(attention.getHeads() * attention.getHeadDim());
  uint64_t width = layer.result.getColumns();
  bool sameWidth = qkv.getDepth() == width && layer.output.getColumns() == width && layer.hidden.getDepth() == width &&
                   layer.result.getDepth() == layer.hidden.getColumns();
  return joint && straight && alone && wide && sameWidth && !looksAcross(layer.hidden.getEpilogue().front());
}

std::optional<LocalLayer> cuda::layerBehind(kernel::GemmOp last) {
  std::optional<LocalLayer> layer = chainBehind(last);
  if (!layer || !isSelfContained(*layer)) {
    return std::nullopt;
  }
  SymbolicDim positions = last.getSpace().getPositions();
  bool oneSpace = llvm::all_of(layer->ops(), [&](Operation *op) {
    return op->getAttrOfType<kernel::SpaceAttr>("space") == last.getSpace();
  });
  return oneSpace && positions.isConstant() && positions.one <= longestLocal ? layer : std::nullopt;
}

kernel::ScheduleAttr cuda::scheduleOfLayer(const LocalLayer &layer, LocalLayers which, const Architecture &architecture,
                                           Precision precision) {
  if (which == LocalLayers::Never) {
    return {};
  }
  kernel::GemmOp hidden = layer.hidden;
  int64_t hiddenTile = std::min<int64_t>(128, kernel::ceilDiv(hidden.getColumns(), 16) * 16);
  for (int64_t rows : {96, 80, 64, 48, 32, 16}) { // the more, the better
    LocalLayerPlan plan(layer, precision, rows, hiddenTile);
    if (plan.fits(architecture)) {
      bool wanted = which == LocalLayers::WhereverItFits || plan.pays();
      auto schedule = kernel::ScheduleAttr::get(hidden.getContext(), rows, hiddenTile, /*parts=*/1, /*on_chip=*/false,
                                                /*layer=*/true);
      return wanted ? schedule : kernel::ScheduleAttr();
    }
  }
  return {};
}

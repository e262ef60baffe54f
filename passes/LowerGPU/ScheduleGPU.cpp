// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that writes schedules, and the cost model that chooses them.
#include "passes/LowerGPU/AttentionPlan.h"
#include "passes/LowerGPU/BulkProduct.h"
#include "passes/LowerGPU/LocalLayer.h"
#include "passes/LowerGPU/Options.h"
#include "passes/LowerGPU/RowTile.h"
#include "passes/LowerGPU/Schedule.h"
#include "passes/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

namespace mblm {
#define GEN_PASS_DEF_SCHEDULEGPUPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::blockRows;
using kernel::ceilDiv;
using kernel::ScheduleAttr;

namespace {
class CostModel {
public:
  CostModel(MLIRContext *context, const Architecture &architecture, Precision precision)
      : context(context), architecture(architecture), precision(precision) {}

  ScheduleAttr choose(kernel::GemmOp op) const;
  ScheduleAttr choose(kernel::WeightGemmOp op) const;
  ScheduleAttr choose(kernel::AttentionOp op) const;
  ScheduleAttr choose(kernel::AttentionGradOp op) const;
  ScheduleAttr choose(kernel::RangedAttentionOp op) const { return forward({op, rangedQueries(op), precision}); }
  ScheduleAttr choose(kernel::RangedAttentionGradOp op) const { return backward({op, rangedQueries(op), precision}); }
  ScheduleAttr choose(kernel::CrossEntropyOp op) const;
  ScheduleAttr choose(kernel::CrossEntropyGradOp op) const;

private:
  bool onTensorCores() const { return precision != Precision::F32; }
  int64_t size() const { return precision == Precision::BF16 ? 2 : 4; } // bytes of a number that kernels of an op hand on
  ScheduleAttr tile(int64_t rows, int64_t columns, int64_t parts = 1, bool onChip = false) const {
    return ScheduleAttr::get(context, rows, columns, parts, onChip);
  }
  ScheduleAttr forward(const AttentionPlan &plan) const;
  ScheduleAttr backward(const AttentionPlan &plan) const;
  int64_t rowsOnChip(int64_t depth, int64_t tileColumns) const;
  bool paysOnChip(int64_t columns, int64_t tileColumns) const;

  MLIRContext *context;
  const Architecture &architecture;
  const Precision precision;
};
} // namespace

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

constexpr int64_t widestTile = 256, usualTile = 128;

static int64_t upToSixteen(int64_t size) { return ceilDiv(size, 16) * 16; }

ScheduleAttr CostModel::choose(kernel::GemmOp op) const {
  RowProgram prologue = prologueOf(op), epilogue = epilogueOf(op);
  bool wide = epilogue.looksAcrossColumns() && epilogue.columns <= widestTile;
  // Tensor cores want taller tiles: each number that is fetched then serves more products. Sums over rows want blocks of theirs.
  bool tall = onTensorCores() && op.getBlockSums().empty();
  int64_t rows = tall ? 2 * blockRows : blockRows;
  int64_t columns = std::min(wide ? widestTile : usualTile, upToSixteen(epilogue.columns));
  int64_t fit = rowsOnChip(prologue.columns, columns);
  if (readsPlainRows(prologue, op.getInputs(), op.getSpace()) || fit < blockRows) {
    return tile(rows, columns);
  }
  return tile(std::min(rows, fit), columns, /*parts=*/1, paysOnChip(epilogue.columns, columns));
}

// So many of them have room in shared memory, beside what products with them take.
int64_t CostModel::rowsOnChip(int64_t depth, int64_t tileColumns) const {
  int64_t line = RowTile::padded(depth) * size() + 16, epilogueLine = (tileColumns + 8) * 4, room = architecture.sharedBytes;
  int64_t fit = std::min((room - residentRing(tileColumns, size())) / line, room / (line + epilogueLine));
  return fit / 16 * 16;
}

// Whether this takes less time than to write the rows to memory and read them again. Times are those of a tile's row, in cycles of
// a multiprocessor for each number of the row.
bool CostModel::paysOnChip(int64_t columns, int64_t tileColumns) const {
  constexpr double memoryRate = 14, making = 0.09; // bytes a cycle
  double inMemory = (3 * size()) / memoryRate, tiles = ceilDiv(columns, tileColumns);
  // The rows' copy on chip does without warpgroups' products.
  double slower = architecture.name == "sm_90a" && precision == Precision::BF16 ? 0.04 * tileColumns / usualTile : 0;
  return making * std::ceil(tiles / tilesTogether) + slower * tiles < inMemory;
}

ScheduleAttr CostModel::choose(kernel::WeightGemmOp op) const {
  // Blocks that keep a large device busy; more parts than `mostParts` cost more than they gain. The parts depend on the shape
  // alone, so that the sums do not depend on the device.
  constexpr int64_t busyBlocks = 264, mostParts = 16, usualRows = 64;
  int64_t columns = op.getColumns(), depth = op.getDepth();
  auto comes = [&](Value factor, int64_t width) {
    return comesInBulk(architecture, cast<RankedTensorType>(factor.getType()).getElementType(), width);
  };
  bool bulk = comes(op.getGrad(), columns) && comes(op.getPacked(), depth);
  int64_t parts = std::clamp<int64_t>(busyBlocks / (ceilDiv(columns, usualRows) * ceilDiv(depth, usualTile)), 1, mostParts);
  return tile(bulk ? 2 * usualRows : usualRows, usualTile, parts);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

// Rows of a block on tensor cores; tiles of wide heads in f32 leave room for fewer.
static int64_t tensorRows(const AttentionPlan &plan) {
  SymbolicDim positions = plan.shape.space.getPositions();
  bool wide = plan.precision == Precision::TF32 && plan.shape.width > 64;
  return wide || (positions.isConstant() && positions.one <= 64) ? 64 : 128;
}

ScheduleAttr CostModel::choose(kernel::AttentionOp op) const {
  AttentionPlan plan(op, 0, precision);
  if (suitsWarpGroups(architecture, plan)) {
    return tile(warpGroupTile, warpGroupTile);
  }
  return forward(plan);
}

ScheduleAttr CostModel::forward(const AttentionPlan &plan) const {
  if (plan.tensorCores) {
    return tile(tensorRows(plan), 64);
  }
  int64_t side = plan.shape.width <= 128 ? 64 : 32;
  return tile(side, side);
}

ScheduleAttr CostModel::choose(kernel::AttentionGradOp op) const {
  return backward(AttentionPlan(op, 1, precision));
}

ScheduleAttr CostModel::backward(const AttentionPlan &plan) const {
  if (plan.tensorCores) {
    return tile(tensorRows(plan), 32);
  }
  return plan.shape.width <= 128 ? tile(64, 32) : tile(32, 16);
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

ScheduleAttr CostModel::choose(kernel::CrossEntropyOp op) const {
  int64_t columns = op.getColumns(), tiles = ceilDiv(columns, widestTile), tileColumns = upToSixteen(ceilDiv(columns, tiles));
  constexpr int64_t roomForLogits = 80 << 10;
  return tile(blockRows * (tiles * tileColumns + 4) * 4 <= roomForLogits ? blockRows : 16, tileColumns);
}

ScheduleAttr CostModel::choose(kernel::CrossEntropyGradOp op) const {
  int64_t padded = ceilDiv(op.getColumns(), usualTile) * usualTile, rows = precision == Precision::BF16 ? 2 * blockRows : blockRows;
  constexpr int64_t roomForRows = 64 << 10; // beside the products' tiles
  while (rows > 16 && rows * padded * size() > roomForRows) {
    rows = rows / 2 / 16 * 16;
  }
  return tile(rows, usualTile);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

bool cuda::takesSchedule(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([](kernel::GemmOp op) { return !op.isStreamed(); })
      .Case<kernel::AttentionOp, kernel::AttentionGradOp>([](auto op) { return !isShort(op.getSpace()); })
      .Case<kernel::RangedAttentionOp, kernel::RangedAttentionGradOp>([](auto op) { return !isStep(op.getSpace()); })
      .Case<kernel::WeightGemmOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>([](auto) { return true; })
      .Default([](Operation *) { return false; });
}

ScheduleAttr cuda::chooseSchedule(Operation *op, const Architecture &architecture, Precision precision) {
  CostModel model(op->getContext(), architecture, precision);
  return llvm::TypeSwitch<Operation *, ScheduleAttr>(op)
      .Case<kernel::GemmOp, kernel::WeightGemmOp, kernel::AttentionOp, kernel::AttentionGradOp, kernel::RangedAttentionOp,
            kernel::RangedAttentionGradOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>([&](auto op) { return model.choose(op); });
}

namespace {
struct ScheduleGPUPass : mblm::impl::ScheduleGPUPassBase<ScheduleGPUPass> {
  using ScheduleGPUPassBase::ScheduleGPUPassBase;

  void runOnOperation() override {
    Location loc = getOperation().getLoc();
    auto architecture = architectureOf(loc, arch);
    auto chosen = precisionOf(loc, precision);
    auto layers = choiceOf<LocalLayers>(loc, "local-layers", localLayers);
    if (failed(architecture) || failed(chosen) || failed(layers)) {
      return signalPassFailure();
    }
    Block &body = getOperation().getBody().front();
    DenseSet<Operation *> inLayers; // before their last op
    for (auto last : body.getOps<kernel::GemmOp>()) {
      scheduleLayer(last, *layers, *architecture, *chosen, inLayers);
    }
    for (Operation &op : body) {
      if (takesSchedule(&op) && !kernel::scheduleOf(&op) && !inLayers.contains(&op)) {
        op.setAttr(kernel::scheduleName, chooseSchedule(&op, *architecture, *chosen));
      }
    }
  }

private:
  // What was written by hand decides: a layer is one kernel where its last op says so, or where none of its ops says anything.
  void scheduleLayer(kernel::GemmOp last, LocalLayers which, const Architecture &architecture, Precision precision,
                     DenseSet<Operation *> &inLayers) {
    std::optional<LocalLayer> layer = layerBehind(last);
    if (!layer) {
      return;
    }
    if (llvm::none_of(layer->ops(), [](Operation *op) { return kernel::scheduleOf(op); })) {
      if (ScheduleAttr schedule = scheduleOfLayer(*layer, which, architecture, precision)) {
        last->setAttr(kernel::scheduleName, schedule);
      }
    }
    if (ScheduleAttr schedule = kernel::scheduleOf(last); schedule && schedule.getLayer()) {
      inLayers.insert_range(ArrayRef(layer->ops()).drop_back());
    }
  }
};
} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that writes a CPU's schedules, and the cost model that chooses them.
#include "dialects/Kernel/IR/KernelRun.h"
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/Levels.h"
#include "passes/LowerCPU/Schedule.h"
#include "passes/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

namespace mblm {
#define GEN_PASS_DEF_SCHEDULECPUPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::blockRows;
using kernel::ceilDiv;
using kernel::CpuScheduleAttr;
using kernel::panelWidth;

namespace {
class CostModel {
public:
  CostModel(MLIRContext *context, const Machine &machine) : context(context), machine(machine) {}

  CpuScheduleAttr choose(kernel::GemmOp op) const;
  CpuScheduleAttr choose(kernel::WeightGemmOp op) const;
  CpuScheduleAttr choose(kernel::CrossEntropyOp op) const { return schedule(blockRows); }
  CpuScheduleAttr choose(kernel::CrossEntropyGradOp op) const;

private:
  double rate(bool narrow) const { return multiplyAdds(machine, narrow); }
  CpuScheduleAttr schedule(int64_t rows, int64_t columns = 0, int64_t depth = 0) const {
    return CpuScheduleAttr::get(context, rows, columns, depth);
  }

  MLIRContext *context;
  const Machine &machine;
};
} // namespace

double cpu::multiplyAdds(const Machine &machine, bool narrow) {
  bool tiles = narrow && machine.narrow == NarrowProducts::Tiles, pairs = narrow && machine.narrow == NarrowProducts::Pairs;
  return tiles ? 512 : double(machine.lanes * (machine.fma ? 2 : 1) * (pairs ? 2 : 1));
}

CpuScheduleAttr CostModel::choose(kernel::GemmOp op) const {
  int64_t depth = op.getDepth(), columns = op.getColumns();
  if (op.isStreamed()) {
    constexpr int64_t itemBytes = 65536; // of the weight, about: enough to make up for a launch
    int64_t rowBytes = depth * cast<RankedTensorType>(op.getPacked().getType()).getElementTypeBitWidth() / 8;
    int64_t piece = std::max<int64_t>(itemBytes / rowBytes / 4 * 4, 4);
    return schedule(0, std::min(piece, ceilDiv(columns, 4) * 4));
  }
  constexpr int64_t depthPerPass = 1024; // a panel of it stays in the second cache
  return schedule(blockRows, 0, depth > depthPerPass ? depthPerPass : 0);
}

// Sizes that cut `count` into equal parts, as far as whole steps allow, up to `most`.
static SmallVector<int64_t> equalParts(int64_t count, int64_t step, int64_t most) {
  SmallVector<int64_t> sizes;
  for (int64_t parts = ceilDiv(count, most); sizes.empty() || sizes.back() > step; ++parts) {
    int64_t size = ceilDiv(ceilDiv(count, parts), step) * step;
    if (sizes.empty() || size < sizes.back()) {
      sizes.push_back(size);
    }
  }
  return sizes;
}

// An item of R rows and C columns takes, beside its multiply-adds, time for each of its rows' numbers, which serve C of these, and
// for each of its columns' numbers, which serve R. Its rows and sums stay in the second cache.
CpuScheduleAttr CostModel::choose(kernel::WeightGemmOp op) const {
  constexpr double memoryRate = 4; // bytes a cycle that come from behind the second cache
  constexpr double room = 1.2;     // of the second cache: sums are read in order, and come in time
  constexpr int64_t mostRows = 192, mostColumns = 512; // more would leave too few items for many cores
  bool narrow = isNarrow(op.getPacked());
  int64_t n = op.getColumns(), depth = op.getDepth(), size = narrow ? 2 : 4;
  double layOut = narrow ? 0.25 : 0.1; // cycles for a number of a row: copied, or turned and rounded
  double ofRows = 4 / memoryRate + layOut, ofColumns = double(size) / memoryRate;
  int64_t fewest = std::min<int64_t>(n >= 384 ? 4 : 2, ceilDiv(n, blockRows) * ceilDiv(depth, panelWidth));
  double best = 0;
  CpuScheduleAttr chosen;
  for (int64_t rows : equalParts(n, blockRows, mostRows)) {
    for (int64_t columns : equalParts(depth, panelWidth, mostColumns)) {
      double held = double(rows) * double(kernel::packRows * size + columns * 4);
      double time = 1 / rate(narrow) + ofRows / double(columns) + ofColumns / double(rows);
      bool fits = held <= room * double(machine.middleBytes) && ceilDiv(n, rows) * ceilDiv(depth, columns) >= fewest;
      if (fits && (!chosen || time < best)) {
        best = time;
        chosen = schedule(rows, columns);
      }
    }
  }
  return chosen;
}

// Each block of rows adds to all of the weight's gradient, which is larger than it; in bf16 the rows are a depth of whole groups.
CpuScheduleAttr CostModel::choose(kernel::CrossEntropyGradOp op) const {
  constexpr int64_t mostRows = 192;
  int64_t columns = op.getColumns(), depth = op.getDepth();
  int64_t held = 4 * columns + (isNarrow(op.getPacked()) ? 4 * columns + 4 * depth : 4 * depth); // bytes a row
  int64_t rows = std::min(mostRows, machine.middleBytes / 2 / held) / (2 * blockRows) * (2 * blockRows);
  return schedule(std::max(rows, blockRows));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

bool cpu::takesSchedule(Operation *op) {
  return isa<kernel::GemmOp, kernel::WeightGemmOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>(op);
}

CpuScheduleAttr cpu::chooseSchedule(Operation *op, const Machine &machine) {
  CostModel model(op->getContext(), machine);
  return llvm::TypeSwitch<Operation *, CpuScheduleAttr>(op)
      .Case<kernel::GemmOp, kernel::WeightGemmOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>([&](auto op) { return model.choose(op); });
}

// Sizes around the cost model's. A schedule that does not suit the op, or that says the same, is left out.
SmallVector<CpuScheduleAttr> cpu::scheduleCandidates(Operation *op, const Machine &machine) {
  SmallVector<CpuScheduleAttr> candidates{chooseSchedule(op, machine)};
  auto add = [&](int64_t rows, int64_t columns, int64_t depth) {
    auto schedule = CpuScheduleAttr::get(op->getContext(), rows, columns, depth);
    if (kernel::takesCpuSchedule(op, schedule) && !llvm::is_contained(candidates, schedule)) {
      candidates.push_back(schedule);
    }
  };
  auto sizes = [&](int64_t most, ArrayRef<int64_t> steps) {
    SmallVector<int64_t> fitting;
    for (int64_t step : steps) {
      if (fitting.empty() || fitting.back() < most) {
        fitting.push_back(std::min(step, most));
      }
    }
    return fitting;
  };
  if (auto product = dyn_cast<kernel::WeightGemmOp>(op)) {
    for (int64_t rows : sizes(ceilDiv(product.getColumns(), blockRows) * blockRows, {96, 192, 288, 384})) {
      for (int64_t columns : sizes(ceilDiv(product.getDepth(), panelWidth) * panelWidth, {128, 256, 512, 1024})) {
        add(rows, columns, 0);
      }
    }
    return candidates;
  }
  int64_t depth = candidates.front().getRows() ? op->getAttrOfType<IntegerAttr>("depth").getInt() : 0;
  for (int64_t rows : {48, 96, 192}) {
    for (int64_t pass : {256, 512, 1024}) {
      add(rows, 0, pass < depth ? pass : 0);
    }
  }
  return candidates;
}

namespace {
struct ScheduleCPUPass : mblm::impl::ScheduleCPUPassBase<ScheduleCPUPass> {
  using ScheduleCPUPassBase::ScheduleCPUPassBase;

  void runOnOperation() override {
    Location loc = getOperation().getLoc();
    FailureOr<Machine> machine = machineOfLevel(loc, level);
    auto which = choiceOf<LocalLayers>(loc, "local-layers", localLayers);
    if (failed(machine) || failed(which)) {
      return signalPassFailure();
    }
    DenseSet<Operation *> fixed; // by hand, or tuned
    bool runsByHand = false;
    for (Operation &op : getOperation().getBody().front()) {
      runsByHand = runsByHand || op.hasAttr(kernel::runName);
      if (kernel::cpuScheduleOf(&op)) {
        fixed.insert(&op);
      } else if (takesSchedule(&op)) {
        op.setAttr(kernel::cpuScheduleName, chooseSchedule(&op, *machine));
      }
    }
    if (!runsByHand) {
      scheduleRuns(getOperation(), *which, *machine, fixed);
    }
  }
};
} // namespace

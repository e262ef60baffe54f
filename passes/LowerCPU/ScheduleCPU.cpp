// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that writes a CPU's schedules, and the cost model that chooses them.
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
  CpuScheduleAttr choose(kernel::CrossEntropyGradOp op) const { return schedule(blockRows); }

private:
  CpuScheduleAttr schedule(int64_t rows, int64_t columns = 0, int64_t depth = 0) const {
    return CpuScheduleAttr::get(context, rows, columns, depth);
  }

  MLIRContext *context;
  const Machine &machine;
};
} // namespace

CpuScheduleAttr CostModel::choose(kernel::GemmOp op) const {
  int64_t depth = op.getDepth(), columns = op.getColumns();
  if (op.isStreamed()) {
    constexpr int64_t itemBytes = 65536; // of the weight, about: enough to make up for a launch
    int64_t rowBytes = depth * cast<RankedTensorType>(op.getPacked().getType()).getElementTypeBitWidth() / 8;
    int64_t piece = std::max<int64_t>(itemBytes / rowBytes / 4 * 4, 4);
    return schedule(0, std::min(piece, ceilDiv(columns, 4) * 4));
  }
  return schedule(blockRows, 0, 1024);
}

CpuScheduleAttr CostModel::choose(kernel::WeightGemmOp op) const {
  constexpr int64_t mostRows = 192, columnsPerItem = 256;
  int64_t n = op.getColumns(), depth = op.getDepth();
  int64_t across = ceilDiv(depth, columnsPerItem), fewest = n >= 2 * mostRows ? 4 : 2;
  int64_t bands = std::max(ceilDiv(n, mostRows), ceilDiv(fewest, across));
  return schedule(ceilDiv(ceilDiv(n, bands), blockRows) * blockRows, columnsPerItem);
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
      if (step < most || fitting.empty() || fitting.back() < most) {
        fitting.push_back(step);
      }
    }
    return fitting;
  };
  if (auto product = dyn_cast<kernel::WeightGemmOp>(op)) {
    for (int64_t rows : sizes(product.getColumns(), {96, 192, 288, 384})) {
      for (int64_t columns : sizes(product.getDepth(), {128, 256, 512, 1024})) {
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
    FailureOr<Machine> machine = machineOfLevel(getOperation().getLoc(), level);
    if (failed(machine)) {
      return signalPassFailure();
    }
    for (Operation &op : getOperation().getBody().front()) {
      if (takesSchedule(&op) && !kernel::cpuScheduleOf(&op)) {
        op.setAttr(kernel::cpuScheduleName, chooseSchedule(&op, *machine));
      }
    }
  }
};
} // namespace

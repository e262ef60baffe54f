// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What schedules may say, and where they may stand.
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/Kernel/IR/KernelRun.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

LogicalResult ScheduleAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns, int64_t parts,
                                   bool, bool) {
  auto verifySide = [&](StringRef name, int64_t size, int64_t most) -> LogicalResult {
    if (size > 0 && size <= most && size % 16 == 0) {
      return success();
    }
    return emitError() << "expects the schedule's " << name << " to be a multiple of 16, up to " << most << ", but got " << size;
  };
  if (failed(verifySide("rows", rows, 128)) || failed(verifySide("columns", columns, 256))) {
    return failure();
  }
  if (parts < 1 || parts > 64) {
    return emitError() << "expects the schedule's parts to be in [1, 64], but got " << parts;
  }
  return success();
}

static LogicalResult verifySchedule(Operation *op, ScheduleAttr schedule) {
  auto gemm = dyn_cast<GemmOp>(op);
  if (gemm && gemm.isStreamed()) {
    return op->emitOpError("expects no schedule, for streamed it has no tiles, but got ") << schedule;
  }
  if (!gemm && !isa<WeightGemmOp, kernel::AttentionOp, kernel::AttentionGradOp, kernel::RangedAttentionOp, kernel::RangedAttentionGradOp,
                    kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>(op)) {
    return op->emitOpError("expects no schedule, for it has no tiles, but got ") << schedule;
  }
  if (schedule.getParts() > 1 && !isa<WeightGemmOp>(op)) {
    return op->emitOpError("expects a schedule without parts, which only kernel.weight_gemm has, but got ") << schedule;
  }
  if ((schedule.getOnChip() || schedule.getLayer()) && !gemm) {
    return op->emitOpError("expects a schedule without on_chip and layer, which only kernel.gemm has, but got ") << schedule;
  }
  if (schedule.getOnChip() && schedule.getLayer()) {
    return op->emitOpError("expects a schedule with on_chip or layer, but got both");
  }
  if (gemm && !gemm.getBlockSums().empty() && schedule.getRows() != blockRows) {
    return op->emitOpError("expects the schedule's rows to be those of a block sum (")
           << blockRows << "), but got " << schedule.getRows();
  }
  if (isa<kernel::AttentionGradOp, kernel::RangedAttentionGradOp>(op) && schedule.getColumns() > 2 * schedule.getRows()) {
    return op->emitOpError("expects the schedule's columns to be at most twice its rows (")
           << 2 * schedule.getRows() << "), but got " << schedule.getColumns();
  }
  return success();
}

// What holds for every op.
LogicalResult CpuScheduleAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns, int64_t depth) {
  auto verifySize = [&](StringRef name, int64_t size, int64_t step, int64_t most) -> LogicalResult {
    if (size >= 0 && size <= most && size % step == 0) {
      return success();
    }
    return emitError() << "expects the CPU schedule's " << name << " to be a multiple of " << step << ", up to " << most
                       << ", but got " << size;
  };
  constexpr int64_t mostColumns = 2048, mostDepth = int64_t(1) << 20;
  if (rows < 0 || rows > mostItemRows) {
    return emitError() << "expects the CPU schedule's rows to be in [0, " << mostItemRows << "], but got " << rows;
  }
  if (failed(verifySize("columns", columns, 4, mostColumns))) {
    return failure();
  }
  return verifySize("depth", depth, depthGroup, mostDepth);
}

// Why a schedule may not stand on an op, if so.
static std::string misfit(Operation *op, CpuScheduleAttr schedule) {
  auto gemm = dyn_cast<GemmOp>(op);
  bool streamed = gemm && gemm.isStreamed(), weight = isa<WeightGemmOp>(op);
  bool loss = isa<kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>(op);
  if (!gemm && !weight && !loss) {
    return "expects no CPU schedule, for it has no product that one cuts";
  }
  if (streamed && schedule.getRows() != 0) {
    return "expects a CPU schedule without rows, for streamed it takes all at once";
  }
  if (!streamed && schedule.getRows() == 0) {
    return "expects the CPU schedule to have rows";
  }
  bool anyRows = gemm && gemm.getBlockSums().empty() && op->hasAttr(runName);
  if (!anyRows && schedule.getRows() % blockRows != 0) {
    return "expects the CPU schedule's rows to be a multiple of " + std::to_string(blockRows);
  }
  if ((streamed || weight) && schedule.getColumns() == 0) {
    return "expects the CPU schedule to have columns";
  }
  if (!streamed && schedule.getColumns() % panelWidth != 0) {
    return "expects the CPU schedule's columns to be a multiple of " + std::to_string(panelWidth);
  }
  if (schedule.getColumns() != 0 && (loss || (gemm && !streamed && !gemm.columnsStandAlone()))) {
    return "expects a CPU schedule without columns, for it looks across them";
  }
  if ((streamed || weight) && schedule.getDepth() != 0) {
    return "expects a CPU schedule without depth, for it makes one pass";
  }
  return "";
}

bool kernel::takesCpuSchedule(Operation *op, CpuScheduleAttr schedule) { return misfit(op, schedule).empty(); }

static LogicalResult verifyCpuSchedule(Operation *op, CpuScheduleAttr schedule) {
  std::string cause = misfit(op, schedule);
  return cause.empty() ? success() : op->emitOpError(cause) << ", but got " << schedule;
}

static LogicalResult verifyRun(Operation *op, IntegerAttr number) {
  if (!number.getType().isInteger(64) || number.getInt() < 0) {
    return op->emitOpError("expects the number of its run to be an i64, 0 or more, but got ") << number;
  }
  auto gemm = dyn_cast<GemmOp>(op);
  if ((gemm && !gemm.isStreamed()) || isa<RowsOp, kernel::AttentionOp>(op)) {
    return success();
  }
  return op->emitOpError("expects no kernel.run, which only kernel.gemm, not streamed, kernel.rows and kernel.attention have, but got ")
         << number;
}

LogicalResult KernelDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (auto schedule = dyn_cast<ScheduleAttr>(attribute.getValue()); schedule && attribute.getName() == scheduleName) {
    return verifySchedule(op, schedule);
  }
  if (auto schedule = dyn_cast<CpuScheduleAttr>(attribute.getValue()); schedule && attribute.getName() == cpuScheduleName) {
    return verifyCpuSchedule(op, schedule);
  }
  if (auto number = dyn_cast<IntegerAttr>(attribute.getValue()); number && attribute.getName() == runName) {
    return verifyRun(op, number);
  }
  return op->emitOpError("expects of the kernel dialect's attributes kernel.schedule = #kernel.schedule<...>, "
                         "kernel.cpu_schedule = #kernel.cpu_schedule<...> and kernel.run = N, but got ")
         << attribute.getName().getValue() << " = " << attribute.getValue();
}

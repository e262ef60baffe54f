// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What schedules may say, and where they may stand.
#include "dialects/Kernel/IR/KernelOps.h"

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

LogicalResult KernelDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  auto schedule = dyn_cast<ScheduleAttr>(attribute.getValue());
  if (attribute.getName() != scheduleName || !schedule) {
    return op->emitOpError("expects of the kernel dialect's attributes kernel.schedule = #kernel.schedule<...>, but got ")
           << attribute.getName().getValue() << " = " << attribute.getValue();
  }
  return verifySchedule(op, schedule);
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `kernel` dialect, and the constants of its layouts.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mblm::kernel {

constexpr int64_t panelWidth = 32;   // columns of a packed panel
constexpr int64_t blockRows = 48;    // rows of a block sum; a multiple of every gemm tile's rows, and work items of gemms of it
constexpr int64_t depthGroup = 32;   // depth of packs in bf16 is a multiple of it
constexpr int64_t packRows = 256;    // rows of a block that `kernel.pack_rows` writes
constexpr int64_t lossChunks = 16;   // parts of the sums over rows in `kernel.cross_entropy_grad`
constexpr int64_t dropoutKeyWords = 6; // of a `kernel.dropout_key`
constexpr int64_t scanParts = 16;    // parts of the sums over rows, and at most over channels, in `kernel.scan_grad`
constexpr int64_t ssdHeads = 4;      // most heads of a group whose gradients of b and c `kernel.ssd_grad` adds up itself

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The depth of a pack in bf16 for products of `depth`.
inline int64_t narrowDepth(int64_t depth) { return ceilDiv(depth, depthGroup) * depthGroup; }
// Channels that a work item of a scan takes: four cache lines, more where that gave too many parts.
inline int64_t scanChannels(int64_t channels) { return 64 * ceilDiv(channels, 64 * scanParts); }
inline int64_t ssdParts(int64_t heads, int64_t groups) { return ceilDiv(heads / groups, ssdHeads); }

} // namespace mblm::kernel

#include "dialects/Kernel/IR/KernelDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/IR/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/IR/KernelOps.h.inc"

namespace mblm::kernel {

// The five indices of a row program, behind its tensor arguments.
struct RowIndices {
  mlir::BlockArgument sequence, position, segment, offset, column;
};
RowIndices rowIndices(mlir::Block &body);
// A space's positions as an index inside a row program.
mlir::Value positionsOf(mlir::OpBuilder &builder, mlir::Location loc, const SymbolicDim &positions);

// The schedule that an op carries; null without one.
constexpr llvm::StringLiteral scheduleName = "kernel.schedule";
inline ScheduleAttr scheduleOf(mlir::Operation *op) { return op->getAttrOfType<ScheduleAttr>(scheduleName); }
// The same of its kernels on a CPU.
constexpr llvm::StringLiteral cpuScheduleName = "kernel.cpu_schedule";
inline CpuScheduleAttr cpuScheduleOf(mlir::Operation *op) { return op->getAttrOfType<CpuScheduleAttr>(cpuScheduleName); }
// Whether it may stand on this op.
bool takesCpuSchedule(mlir::Operation *op, CpuScheduleAttr schedule);

// The shape of a kernel-level value. Fails only for values that no kernel makes.
SymbolicShape shapeOf(mlir::Value value);

} // namespace mblm::kernel

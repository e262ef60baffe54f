// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitters, one per anchor. Pointers come in the order operands (packs stand for their weights), results, for ops that
// add to gradients the place of these, and last a temporary, of as many floats as the function beside the emitter says, where it
// has one. Tiles are those of the op's schedule. Inside passes/LowerGPU only.
#pragma once

#include "passes/LowerGPU/RowGroups.h"

namespace mblm::cuda {

// Threads of a block where nothing asks for another number.
constexpr int64_t blockThreads = 256;

struct Factor;

// A product's weight as it lies in memory: packs are none here but for their type.
struct Weight {
  explicit Weight(mlir::Value packed);
  // Its columns [first, end), which `known` certainly divides.
  Factor columnsOf(mlir::Value pointer, mlir::Value first, mlir::Value end, int64_t known) const;

  mlir::Type element;
  int64_t rows, columns;
  bool transposed; // the depth are its rows
  int64_t factor;  // what certainly divides the place of its first number: key projections follow their queries directly
};

//===----------------------------------------------------------------------===//
// Rows (EmitRows.cpp)
//===----------------------------------------------------------------------===//

// What a row program's tensor arguments are for a row.
using RowTensors =
    std::function<llvm::SmallVector<Memory>(ThreadEmitter &e, llvm::ArrayRef<mlir::Value> pointers, mlir::Value row)>;
// A kernel of `tensors` pointers for a row program whose values go to the op's results, which begin at `firstResult`.
void emitRowsKernel(KernelWriter &writer, mlir::Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                    llvm::ArrayRef<int64_t> sums, unsigned tensors, unsigned firstResult, const RowTensors &tensorsOf);
// The same for one value, whose rows go one behind the other to the pointer `target`.
void emitRowsInto(KernelWriter &writer, mlir::Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                  mlir::ValueRange inputs, unsigned tensors, unsigned firstInput, unsigned target, mlir::Type element);
template <typename OpT> RowProgram prologueOf(OpT op) {
  return {op.getPrologue().front(), static_cast<int64_t>(op.getDepth()), static_cast<int64_t>(op.getPrologueSegments()),
          static_cast<int64_t>(op.getPrologueWidth())};
}
inline RowProgram epilogueOf(kernel::GemmOp op) {
  return {op.getEpilogue().front(), static_cast<int64_t>(op.getColumns()), static_cast<int64_t>(op.getSegments()),
          static_cast<int64_t>(op.getWidth())};
}
// Whether a program hands on the rows of its first tensor as they lie there.
bool readsPlainRows(const RowProgram &program, mlir::ValueRange inputs, kernel::SpaceAttr space);

void emitRows(KernelWriter &writer, kernel::RowsOp op);
void emitPackRows(KernelWriter &writer, kernel::PackRowsOp op); // rows one behind the other
void emitRemember(KernelWriter &writer, kernel::RememberOp op);
void emitTranspose(KernelWriter &writer, kernel::TransposeOp op);
void emitPack(KernelWriter &writer, kernel::PackOp op); // the weight in bf16, as it lies

//===----------------------------------------------------------------------===//
// Sums, tables, steps (EmitSums.cpp, EmitTables.cpp, EmitUpdate.cpp)
//===----------------------------------------------------------------------===//

// Each warp has a sum for each of its threads: hands thread c of the first warp their total, added in the warps' order.
void addWarps(ThreadEmitter &e, mlir::Value sum, const std::function<void(mlir::Value total)> &use);
void emitReduce(KernelWriter &writer, kernel::ReduceOp op);
void emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op);
void emitRopeTable(KernelWriter &writer, kernel::RopeTableOp op);
void emitDropoutKey(KernelWriter &writer, kernel::DropoutKeyOp op);
// Further pointers, before the temporary: parameters, gradients, both moments, and the pieces (runtime/ABI.h).
void emitUpdate(KernelWriter &writer, kernel::UpdateOp op, int64_t pieces);
SymbolicDim updateTemporary(int64_t pieces);

//===----------------------------------------------------------------------===//
// Products (EmitGemm.cpp, EmitStreamedGemm.cpp, EmitWeightGemm.cpp, EmitLoss.cpp, EmitLossGrad.cpp)
//===----------------------------------------------------------------------===//

class TileProduct;
// A product in the kernels' precision.
std::unique_ptr<TileProduct> makeProduct(const KernelWriter &writer, ThreadEmitter &e, int64_t rows, int64_t columns);
// How many blocks of a kernel that is little more than a product leave registers for: on tensor cores, three would have too few of
// them for sums and factors.
void leaveRoomForProduct(const KernelWriter &writer, KernelWriter::Step &step, int64_t columns);
// Sums of a tile to rows [from, rows) and columns [c0, columns) of memory.
void writeTile(TileProduct &product, mlir::ValueRange sums, const Memory &to, mlir::Value from, mlir::Value rows, mlir::Value c0,
               int64_t columns);
// Where the rows of a tile end that begin at `from`: at `end` at the latest. A product on warpgroups may have more rows than the
// tile; those are the next one's.
mlir::Value endOfTile(TileProduct &product, mlir::Value from, int64_t tileRows, mlir::Value end);
SymbolicDim scaled(const SymbolicDim &dim, int64_t factor);

// Tiles that one block has of the product of rows on chip, at most.
constexpr int64_t tilesTogether = 8;
void emitGemm(KernelWriter &writer, kernel::GemmOp op);
SymbolicDim gemmTemporary(kernel::GemmOp op);
void emitStreamedGemm(KernelWriter &writer, kernel::GemmOp op);
SymbolicDim streamedGemmTemporary(kernel::GemmOp op);
void emitWeightGemm(KernelWriter &writer, kernel::WeightGemmOp op);
SymbolicDim weightGemmTemporary(kernel::WeightGemmOp op);
void emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op);
SymbolicDim crossEntropyTemporary(kernel::CrossEntropyOp op);
void emitCrossEntropyGrad(KernelWriter &writer, kernel::CrossEntropyGradOp op);
SymbolicDim crossEntropyGradTemporary(kernel::CrossEntropyGradOp op);
void emitMeanLoss(KernelWriter &writer, kernel::MeanLossOp op);

//===----------------------------------------------------------------------===//
// Attention (EmitAttention.cpp, EmitAttentionGrad.cpp, EmitShortAttention.cpp, EmitCachedAttention.cpp, EmitRangedAttention.cpp)
//===----------------------------------------------------------------------===//

void emitAttention(KernelWriter &writer, kernel::AttentionOp op);
SymbolicDim attentionTemporary(kernel::AttentionOp op, Precision precision);
void emitAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op);
SymbolicDim attentionGradTemporary(kernel::AttentionGradOp op, Precision precision);
void emitCachedAttention(KernelWriter &writer, kernel::CachedAttentionOp op);
SymbolicDim cachedAttentionTemporary(kernel::CachedAttentionOp op);
void emitRangedAttention(KernelWriter &writer, kernel::RangedAttentionOp op);
SymbolicDim rangedAttentionTemporary(kernel::RangedAttentionOp op, Precision precision);
void emitRangedAttentionGrad(KernelWriter &writer, kernel::RangedAttentionGradOp op);
SymbolicDim rangedAttentionGradTemporary(kernel::RangedAttentionGradOp op, Precision precision);
// Of a step's few queries (EmitCachedAttention.cpp).
void emitRangedStep(KernelWriter &writer, kernel::RangedAttentionOp op);
SymbolicDim rangedStepTemporary(kernel::RangedAttentionOp op);

//===----------------------------------------------------------------------===//
// Patches that the data decides (EmitPatches.cpp)
//===----------------------------------------------------------------------===//

void emitIntegers(KernelWriter &writer, kernel::IntegersOp op);
void emitPool(KernelWriter &writer, kernel::PoolOp op);
void emitPoolGrad(KernelWriter &writer, kernel::PoolGradOp op);

//===----------------------------------------------------------------------===//
// Recurrences (EmitScan.cpp, EmitScanGrad.cpp, EmitRecurrentSteps.cpp, EmitPrefix.cpp, EmitSsd.cpp, EmitSsdGrad.cpp)
//===----------------------------------------------------------------------===//

void emitScan(KernelWriter &writer, kernel::ScanOp op);
void emitScanGrad(KernelWriter &writer, kernel::ScanGradOp op);
SymbolicDim scanGradTemporary(kernel::ScanGradOp op);
void emitScanStep(KernelWriter &writer, kernel::ScanStepOp op);
void emitSsdStep(KernelWriter &writer, kernel::SsdStepOp op);
void emitSsd(KernelWriter &writer, kernel::SsdOp op);
void emitSsdGrad(KernelWriter &writer, kernel::SsdGradOp op);
SymbolicDim ssdGradTemporary(kernel::SsdGradOp op);
void emitPrefix(KernelWriter &writer, kernel::PrefixOp op);
void emitPrefixGrad(KernelWriter &writer, kernel::PrefixGradOp op);

} // namespace mblm::cuda

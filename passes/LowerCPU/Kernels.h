// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitters, one per anchor. Each writes the steps of one kernel op; pointers come in the order operands, results, and
// for ops that add to gradients the place of these last. Inside passes/LowerCPU only.
#pragma once

#include "passes/LowerCPU/KernelWriter.h"
#include "passes/LowerCPU/RowEmitter.h"

namespace mblm::cpu {

void emitRows(KernelWriter &writer, kernel::RowsOp op);
void emitPackRows(KernelWriter &writer, kernel::PackRowsOp op);
void emitReduce(KernelWriter &writer, kernel::ReduceOp op);
void emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op);
void emitRopeTable(KernelWriter &writer, kernel::RopeTableOp op);
void emitGemm(KernelWriter &writer, kernel::GemmOp op);
void emitPack(KernelWriter &writer, kernel::PackOp op);
void emitTranspose(KernelWriter &writer, kernel::TransposeOp op);
void emitWeightGemm(KernelWriter &writer, kernel::WeightGemmOp op);
// Both at once, over parts of the rows. Pointers are those of the product, then the pack's inputs; `packed` has room for a
// part.
void emitWeightGrad(KernelWriter &writer, kernel::PackRowsOp pack, llvm::StringRef packName, kernel::WeightGemmOp gemm);
constexpr int64_t weightGradParts = 4;
SymbolicDim partOfPackedRows(kernel::PackRowsOp pack);
void emitStreamedGemm(KernelWriter &writer, kernel::GemmOp op);
void emitScanStep(KernelWriter &writer, kernel::ScanStepOp op);
void emitSsdStep(KernelWriter &writer, kernel::SsdStepOp op);
void emitRemember(KernelWriter &writer, kernel::RememberOp op);
void emitCachedAttention(KernelWriter &writer, kernel::CachedAttentionOp op);
void emitAttention(KernelWriter &writer, kernel::AttentionOp op);
void emitAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op);
void emitScan(KernelWriter &writer, kernel::ScanOp op);
void emitScanGrad(KernelWriter &writer, kernel::ScanGradOp op);
void emitPrefix(KernelWriter &writer, kernel::PrefixOp op);
void emitPrefixGrad(KernelWriter &writer, kernel::PrefixGradOp op);
void emitSsd(KernelWriter &writer, kernel::SsdOp op);
void emitSsdGrad(KernelWriter &writer, kernel::SsdGradOp op);
void emitCrossEntropy(KernelWriter &writer, kernel::CrossEntropyOp op);
void emitCrossEntropyGrad(KernelWriter &writer, kernel::CrossEntropyGradOp op);
void emitDropoutKey(KernelWriter &writer, kernel::DropoutKeyOp op);
void emitMeanLoss(KernelWriter &writer, kernel::MeanLossOp op);
// Steps over all parameters: (offset, floats) of each, in the order of `decay`.
void emitUpdate(KernelWriter &writer, kernel::UpdateOp op, llvm::ArrayRef<std::pair<int64_t, int64_t>> parameters);

//===----------------------------------------------------------------------===//
// Shared parts
//===----------------------------------------------------------------------===//

// K * T of a space.
SymbolicDim rowsOf(kernel::SpaceAttr space);
Memory memoryOf(mlir::Value pointer, mlir::Value tensor);
llvm::SmallVector<Memory> memoriesOf(llvm::ArrayRef<mlir::Value> pointers, mlir::ValueRange tensors);

// Calls `body(row, sequence, position)` for rows [from, to) of a space.
void forRows(Emitter &e, kernel::SpaceAttr space, mlir::Value from, mlir::Value to,
             const std::function<void(mlir::Value, mlir::Value, mlir::Value)> &body);

// Where the results of a rows op or an epilogue go: per element, per row, or into block sums.
class ResultWriter {
public:
  ResultWriter(Emitter &e, mlir::ResultRange results, llvm::ArrayRef<mlir::Value> pointers, llvm::ArrayRef<int64_t> blockSums);
  // Before the rows of `block`.
  void beginBlock(mlir::Value block);
  void emitRow(RowEmitter &rows, mlir::Value row, mlir::Value sequence, mlir::Value position);

private:
  struct Result {
    mlir::Value pointer;
    int64_t columns;
    bool sums;
  };
  Emitter &e;
  llvm::SmallVector<Result> results;
  llvm::SmallVector<unsigned> perRow;
  llvm::SmallVector<mlir::Value> sums; // of the block at hand, by result
};

} // namespace mblm::cpu

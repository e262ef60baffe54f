// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitters, one per anchor. Each writes the steps of one kernel op; pointers come in the order operands, results, and
// for ops that add to gradients the place of these last. Inside passes/LowerCPU only.
#pragma once

#include "passes/LowerCPU/KernelWriter.h"
#include "passes/Emit/Results.h"

namespace mblm::cpu {

// Attention: stands for minus infinity where differences are taken.
constexpr double lowest = -1e30;

// Whether a pack holds bf16, and so the product that reads it rounds its other factor too.
inline bool isNarrow(mlir::Value packed) {
  return mlir::cast<mlir::RankedTensorType>(packed.getType()).getElementType().isBF16();
}

void emitRows(KernelWriter &writer, kernel::RowsOp op);
void emitPackRows(KernelWriter &writer, kernel::PackRowsOp op);
void emitReduce(KernelWriter &writer, kernel::ReduceOp op);
void emitEmbedGrad(KernelWriter &writer, kernel::EmbedGradOp op);
void emitRopeTable(KernelWriter &writer, kernel::RopeTableOp op);
void emitGemm(KernelWriter &writer, kernel::GemmOp op);
void emitPack(KernelWriter &writer, kernel::PackOp op);
void emitQuantize(KernelWriter &writer, kernel::QuantizeOp op);
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
void emitIntegers(KernelWriter &writer, kernel::IntegersOp op);
void emitPool(KernelWriter &writer, kernel::PoolOp op);
void emitPoolGrad(KernelWriter &writer, kernel::PoolGradOp op);
void emitRangedAttention(KernelWriter &writer, kernel::RangedAttentionOp op);
void emitRangedAttentionGrad(KernelWriter &writer, kernel::RangedAttentionGradOp op);
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

} // namespace mblm::cpu

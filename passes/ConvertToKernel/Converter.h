// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the ops of one function from the model's level to kernels, in program order. When an op's turn comes its operands
// are kernel-level values already. Inside passes/ConvertToKernel only.
#pragma once

#include "dialects/MBLM/IR/StepWeights.h"
#include "passes/ConvertToKernel/RowBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::kernel {

class Converter {
public:
  // With `fuse`, ops that have a joint kernel (attention with its split and rotation, logits with their loss) become one.
  Converter(mlir::func::FuncOp function, bool fuse, const StepWeights &stepWeights)
      : function(function), symbols(function->getParentOfType<mlir::ModuleOp>()), builder(function.getContext()), fuse(fuse),
        stepWeights(stepWeights) {}

  llvm::LogicalResult run();

private:
  llvm::LogicalResult convert(mlir::Operation *op);
  llvm::LogicalResult convertStructure(mlir::Operation *op);
  llvm::LogicalResult convertPositionwise(mlir::Operation *op);
  llvm::LogicalResult convertSequence(mlir::Operation *op);
  llvm::LogicalResult convertPatches(mlir::Operation *op);
  llvm::LogicalResult convertStateSpace(mlir::Operation *op);
  llvm::LogicalResult convertTraining(mlir::Operation *op);
  llvm::LogicalResult convertDecoding(mlir::Operation *op);

  void convertNorm(NormOp op);
  void convertNormGrad(NormGradOp op);
  void convertDropout(DropoutOp op);
  SpaceAttr groupSpace(const SymbolicShape &shape, int64_t groups);
  void convertLinear(LinearOp op);
  void convertRope(RopeOp op);
  void convertAttention(mblm::AttentionOp op);
  void convertAttentionGrad(mblm::AttentionGradOp op);
  struct AttentionReads {
    mlir::Value query, key, value, table;
    llvm::SmallVector<int64_t, 3> offsets;
  };
  AttentionReads attentionReads(mlir::Location loc, mlir::Value query, mlir::Value key, mlir::Value value, int64_t heads);
  void convertConv(CausalConvOp op);
  void convertConvWeightGrad(CausalConvWeightGradOp op);
  void convertScan(SelectiveScanOp op);
  void convertScanGrad(SelectiveScanGradOp op);
  void convertScan(mblm::ScanOp op);
  void convertScanGrad(mblm::ScanGradOp op);
  void convertSsd(mblm::SsdOp op);
  void convertSsdGrad(mblm::SsdGradOp op);
  void convertSpread(SpreadOp op);
  void convertEntropy(EntropyOp op);
  void convertCrossEntropy(mblm::CrossEntropyOp op);
  void convertCrossEntropyGrad(mblm::CrossEntropyGradOp op);
  // Sends the gradient of the parameters to the gradient buffer, through the op that made `value`.
  llvm::LogicalResult convertGradient(mlir::Value value, mlir::ArrayAttr parameters);

  // Several ops that have one kernel together. These run first, so that what only served them is dead by its turn.
  void joinKernels();
  bool joinLoss(mblm::CrossEntropyOp op);
  bool joinLossGrad(mblm::CrossEntropyGradOp op);
  void eraseDead();
  void erase(mlir::Operation *op);

  // Shapes of the model's values, and of the kernels' that took their place.
  llvm::LogicalResult inferShapes();
  SymbolicShape shapeOf(mlir::Value value);
  SymbolicShape resultShape(mlir::Operation *op, unsigned result = 0) { return shapeOf(op->getResult(result)); }
  SpaceAttr spaceOf(const SymbolicShape &shape) { return SpaceAttr::get(builder.getContext(), shape[0], shape[1]); }
  SpaceAttr spaceOf(SymbolicDim sequences, SymbolicDim positions) {
    return SpaceAttr::get(builder.getContext(), sequences, positions);
  }
  int64_t offsetOf(mlir::ArrayAttr parameters);
  mlir::Value pack(mlir::Location loc, mlir::Value weight, bool transposed);
  // The `kernel.dropout_key` of an op with dropout; null without a key.
  mlir::Value dropoutKey(mlir::Location loc, mlir::Value key, mlir::FloatAttr rate, mlir::IntegerAttr site);
  mlir::Value ropeTable(mlir::Location loc, SymbolicDim positions, int64_t width, double base, Pairing pairing,
                        mlir::IntegerAttr origin = {});
  // A rows op in place of `op`.
  void replaceWithRows(mlir::Operation *op, Columns columns, mlir::ValueRange inputs, const RowProgram &program);
  void replace(mlir::Operation *op, mlir::ValueRange values);

  mlir::func::FuncOp function;
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  bool fuse;
  const StepWeights &stepWeights;
  llvm::SmallVector<mlir::Operation *> converted; // erased at the end, users first

  // Gradients of parameters that come as parts, still to be summed by a `kernel.reduce` over `space`.
  struct Parts {
    mlir::Value tensor;
    SpaceAttr space;
    bool blocks;
    int64_t first = 0, stride = 1; // where the sums go among the parameter's gradients
  };
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Parts, 1>> gradientSums;
  // Takes the place of `grad`, a parameter's gradient, until its gradient op's turn comes.
  void standIn(mlir::Value grad, llvm::ArrayRef<Parts> parts);
  llvm::SmallVector<mlir::Operation *> standIns;
  llvm::DenseMap<mlir::Value, SymbolicShape> shapes;
};

inline int64_t widthOf(mlir::Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape().back(); }

} // namespace mblm::kernel

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Fusion/RowSite.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::fusion;

MutableOperandRange RowSite::inputs() const {
  return llvm::TypeSwitch<Operation *, MutableOperandRange>(op)
      .Case([&](kernel::GemmOp gemm) {
        return part == Epilogue ? gemm.getEpilogueInputsMutable() : gemm.getInputsMutable();
      })
      .Case<kernel::RowsOp, kernel::PackRowsOp, kernel::RememberOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>(
          [](auto anchored) { return anchored.getInputsMutable(); });
}

SmallVector<RowSite> fusion::rowSites(Operation *op) {
  SmallVector<RowSite> sites;
  auto number = [](auto n) { return static_cast<int64_t>(n); };
  llvm::TypeSwitch<Operation *>(op)
      .Case<kernel::RowsOp, kernel::PackRowsOp, kernel::RememberOp>([&](auto rows) {
        sites.push_back({op, &rows.getBody().front(), 0, 0, static_cast<unsigned>(rows.getInputs().size()),
                         number(rows.getColumns()), number(rows.getSegments()), number(rows.getWidth()), RowSite::Body});
      })
      .Case<kernel::GemmOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>([&](auto product) {
        sites.push_back({op, &product.getPrologue().front(), 0, 0, static_cast<unsigned>(product.getInputs().size()),
                         number(product.getDepth()), number(product.getPrologueSegments()),
                         number(product.getPrologueWidth()), RowSite::Prologue});
      });
  if (auto gemm = dyn_cast<kernel::GemmOp>(op)) {
    sites.push_back({op, &gemm.getEpilogue().front(), static_cast<unsigned>(gemm.getInputs().size() + 1), 1,
                     static_cast<unsigned>(gemm.getEpilogueInputs().size()), number(gemm.getColumns()),
                     number(gemm.getSegments()), number(gemm.getWidth()), RowSite::Epilogue});
  }
  return sites;
}

BlockArgument RowSite::argumentFor(Value tensor) {
  for (unsigned n = 0; n < operands; ++n) {
    if (op->getOperand(firstOperand + n) == tensor) {
      return body->getArgument(firstArgument + n);
    }
  }
  inputs().append(tensor);
  ++operands;
  return body->insertArgument(firstArgument + operands - 1, tensor.getType(), op->getLoc());
}

void RowSite::dropOperand(unsigned index) {
  inputs().erase(index);
  body->eraseArgument(firstArgument + index);
  --operands;
}

void RowSite::setSegments(int64_t newSegments, int64_t newWidth) {
  segments = newSegments;
  width = newWidth;
  Builder builder(op->getContext());
  op->setAttr(part == Prologue ? "prologue_segments" : "segments", builder.getI64IntegerAttr(segments));
  op->setAttr(part == Prologue ? "prologue_width" : "width", builder.getI64IntegerAttr(width));
}

bool fusion::dependsOnColumn(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    kernel::RowIndices at = kernel::rowIndices(*argument.getOwner());
    return argument == at.segment || argument == at.offset || argument == at.column;
  }
  Operation *op = value.getDefiningOp();
  return !isa<kernel::RowSumOp, kernel::RowMaxOp>(op) && llvm::any_of(op->getOperands(), dependsOnColumn);
}

bool fusion::hasReductions(Block &body) {
  return llvm::any_of(body, [](Operation &op) { return isa<kernel::RowSumOp, kernel::RowMaxOp>(op); });
}

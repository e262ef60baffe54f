// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors between kernels in bf16. Kernels compute in f32 whatever their tensors hold, so that only types change.
#include "passes/Fusion/RowSite.h"
#include "passes/Passes.h"

#include "dialects/MBLM/IR/MBLMOps.h"

#include "llvm/ADT/TypeSwitch.h"

namespace mblm {
#define GEN_PASS_DEF_NARROWSTORAGEPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;

// Results with a number for each feature of each row; those of a row or a head, and sums over rows, are few and stay f32.
static SmallVector<OpResult> wideResults(Operation *op) {
  SmallVector<OpResult> results;
  auto rows = [&](ArrayRef<int64_t> sums) {
    for (OpResult result : op->getResults()) {
      if (cast<RankedTensorType>(result.getType()).getRank() == 3 && !llvm::is_contained(sums, result.getResultNumber())) {
        results.push_back(result);
      }
    }
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case<kernel::RowsOp, kernel::GemmOp>([&](auto op) { rows(op.getBlockSums()); })
      .Case<kernel::PackRowsOp, kernel::AttentionGradOp, kernel::CachedAttentionOp, kernel::ScanOp, kernel::SsdOp,
            kernel::ScanStepOp, kernel::SsdStepOp>([&](auto op) { results.push_back(op->getResult(0)); })
      .Case<kernel::AttentionOp, kernel::RangedAttentionOp, kernel::CrossEntropyGradOp, kernel::SsdGradOp>(
          [&](auto op) { results.push_back(op->getResult(0)); })
      .Case<kernel::RangedAttentionGradOp, kernel::PoolGradOp>([&](auto op) { llvm::append_range(results, op->getResults()); })
      .Case([&](kernel::PoolOp op) { // gradients look for its numbers among those of the input
        if (cast<RankedTensorType>(op.getInput().getType()).getElementType().isBF16()) {
          results.push_back(cast<OpResult>(op.getResult()));
        }
      })
      .Case([&](kernel::ScanGradOp op) {
        results.append({cast<OpResult>(op.getInputGrad()), cast<OpResult>(op.getDeltaGrad())});
        if (op.getGateGrad()) {
          results.push_back(cast<OpResult>(op.getGateGrad()));
        }
      });
  return results;
}

// What leaves the function, or goes to one that runs by pieces, and what goes through scans with regions of their own, is f32.
static bool staysWide(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    if (auto view = dyn_cast<kernel::ViewOp>(user)) {
      return staysWide(view.getResult());
    }
    return user->hasTrait<OpTrait::IsTerminator>() || isa<kernel::PrefixOp, kernel::PrefixGradOp, PiecesOp>(user);
  });
}

static void narrow(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  value.setType(type.clone(BFloat16Type::get(type.getContext())));
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (auto view = dyn_cast<kernel::ViewOp>(user)) {
      narrow(view.getResult());
      continue;
    }
    for (fusion::RowSite &site : fusion::rowSites(user)) {
      unsigned number = use.getOperandNumber();
      if (number >= site.firstOperand && number < site.firstOperand + site.operands) {
        site.body->getArgument(site.firstArgument + number - site.firstOperand).setType(value.getType());
      }
    }
  }
}

// Packs in bf16 hold whole groups of depth.
static void narrowPack(kernel::PackOp pack) {
  narrow(pack.getResult());
  RankedTensorType type = pack.getType();
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = kernel::narrowDepth(shape[1]);
  pack.getResult().setType(type.clone(shape));
}

namespace {
struct NarrowStoragePass : mblm::impl::NarrowStoragePassBase<NarrowStoragePass> {
  using NarrowStoragePassBase::NarrowStoragePassBase;

  void runOnOperation() override {
    for (Operation &op : getOperation().getBody().front().without_terminator()) {
      if (auto pack = dyn_cast<kernel::PackOp>(op)) {
        narrowPack(pack);
      }
      for (OpResult result : wideResults(&op)) {
        if ((!packsOnly || isa<kernel::PackRowsOp>(op)) && !staysWide(result)) {
          narrow(result);
        }
      }
    }
  }
};
} // namespace

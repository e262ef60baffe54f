// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites the inside of a simulated kernel; SimulatedUnits.cpp has the operations of the GPU's units, SimulatedOps.cpp
// all else.
#pragma once

#include "compiler/Target/SimulatedOps.h"
#include "runtime/Sim/ABI.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

namespace mblm::target {

// Places in the simulator's table.
enum class Entry : int64_t {
#define MBLM_SIM_OPERATION(result, name, ...) name,
#include "runtime/Sim/Operations.def"
};

class SimulationRewriter {
public:
  SimulationRewriter(mlir::LLVM::LLVMFuncOp function, const SharedLayout &shared, Sites &sites)
      : function(function), shared(shared), sites(sites), layout(function->getParentOfType<mlir::ModuleOp>()),
        b(function.getLoc(), function.getContext()) {}

  bool run();

private:
  // Types and constants.
  mlir::Type pointer() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::Type word() { return b.getI32Type(); }
  mlir::Value constant(int64_t value) { return mlir::LLVM::ConstantOp::create(b, word(), int32_t(value)); }
  mlir::Value field(mlir::Value base, int64_t bytes) {
    return mlir::LLVM::GEPOp::create(b, pointer(), b.getI8Type(), base,
                                     llvm::ArrayRef<mlir::LLVM::GEPArg>{int32_t(bytes)});
  }
  mlir::Value generic(mlir::Value address) {
    return address.getType() == pointer() ? address
                                          : mlir::LLVM::AddrSpaceCastOp::create(b, pointer(), address).getResult();
  }
  mlir::Value asWord(mlir::Value value);

  // Calls.
  mlir::Value call(Entry operation, mlir::Type result, mlir::ValueRange arguments);
  mlir::Value waiting(Entry operation, mlir::Type result, mlir::ValueRange arguments) {
    synchronises = true;
    return call(operation, result, arguments);
  }
  mlir::Value site(mlir::Operation *op, uint32_t bytes = 0, uint32_t alignment = 1);
  mlir::Value slot(mlir::Type type);
  mlir::Value resultSlot(mlir::Type type);
  mlir::Value spill(mlir::ValueRange values);
  void replace(mlir::Operation *op, mlir::Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }
  [[noreturn]] void refuse(mlir::Operation *op, const llvm::Twine &why);

  // Kinds of operations.
  void rewrite(mlir::Operation *op);
  bool rewriteThread(mlir::Operation *op);
  bool rewriteWarp(mlir::Operation *op);
  bool rewriteMatrix(mlir::Operation *op);
  bool rewriteCopy(mlir::Operation *op);
  bool rewriteMBarrier(mlir::Operation *op);
  bool rewriteTensor(mlir::Operation *op);
  bool rewriteWgmma(mlir::Operation *op);
  bool rewriteWgmmaOfRegisters(mlir::LLVM::InlineAsmOp op);
  bool rewriteApproximation(mlir::Operation *op);
  void rewriteLLVM(mlir::Operation *op);
  void checkAccess(mlir::Operation *op, mlir::Value address, mlir::Type type, std::optional<uint64_t> alignment,
                   bool isWrite);
  void readSum(mlir::LLVM::ExtractValueOp op);
  void truncateToBrain(mlir::LLVM::FPTruncOp op);
  void extendBrain(mlir::LLVM::FPExtOp op);
  bool roundToTf32(mlir::Operation *op);

  mlir::LLVM::LLVMFuncOp function;
  const SharedLayout &shared;
  Sites &sites;
  mlir::DataLayout layout;
  mlir::ImplicitLocOpBuilder b;
  mlir::Value self;      // the thread
  mlir::Value siteTable; // its sites
  llvm::DenseMap<mlir::Type, mlir::Value> slots[2];
  llvm::SmallDenseSet<mlir::Type> sums; // types of what wgmma adds to
  bool synchronises = false;
};

} // namespace mblm::target

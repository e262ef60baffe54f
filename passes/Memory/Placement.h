// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the tensors of a function in `kernel` ops lie: in one of the caller's buffers or in the arena; weights and states too.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"
#include "passes/Memory/ArenaPlan.h"
#include "runtime/ABI.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>

namespace mblm {

// `offset` floats from the start of a buffer. A function that runs by pieces has its arguments and results in buffers of its
// own, behind MBLM_SLOTS.
struct Place {
  int slot = MBLM_ARENA;
  SymbolicDim offset;
};

// What a target says of the steps of a function: each op is one.
struct Steps {
  llvm::ArrayRef<mlir::Operation *> ops;
  std::function<llvm::SmallVector<mlir::Value>(mlir::Operation *)> reads;
  std::function<llvm::SmallVector<mlir::OpResult>(mlir::Operation *)> makes; // not set: an op's results
  std::function<SymbolicDim(mlir::Operation *)> temporary; // floats that it needs for itself; none: zero
  // The value whose memory a value is; itself where it has its own.
  std::function<mlir::Value(mlir::Value)> root;
};

struct Placement {
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<mlir::Operation *, Place> temporaries;
  SymbolicDim arena;
  std::vector<ArenaBuffer> buffers;
  std::vector<mlir::Operation *> makers; // of the first buffers' first values; the rest are temporaries
};

// Fails with an error at an op that has sizes which a function by pieces cannot have.
mlir::FailureOr<Placement> placeTensors(mlir::func::FuncOp function, const Steps &steps);

// The functions of a module; those that run by pieces go before those who run them.
llvm::SmallVector<mlir::func::FuncOp> calleesFirst(mlir::ModuleOp module);
// Of a function that runs by pieces: its memory beside its arguments and results, as a form of the caller.
SymbolicDim ofPiece(const SymbolicDim &form);
// Floats (or ids) of an argument or result of such a function in one outermost slot.
int64_t elementsOfSlot(mlir::Value value);

// Whether what an op makes of a weight is, on a CPU, a copy beside the parameters, which the entry "prepare" makes once for all calls: in
// int8, or turned for functions that keep states, which run again and again with the same weights.
bool isPrepared(mlir::Operation *op);

// What a view shows.
mlir::Value rootOfViews(mlir::Value value);

// The form as the attribute [1, M, B, B*M, G], or [1, M, B, B*M, G, P, B*P] where there is a term in P.
mlir::Attribute formAttribute(mlir::MLIRContext *context, const SymbolicDim &dim);

// A name from a place in the model: stage1_attention_qkv_grad_ from "/stages/1/layers/0/attention/qkv/grad"; equal layers have
// equal ones.
std::string modelName(mlir::Location loc);
// The place in the model that holds those of all these ops.
mlir::Location commonLocation(llvm::ArrayRef<mlir::Operation *> ops);

// Text that is equal for ops that may share code: everything but where in the model they stand.
std::string codeKey(mlir::Operation *op);

// The sizes of what is alive behind a step, by the stage that it comes from (or "head", "loss").
mlir::DictionaryAttr aliveBehind(mlir::MLIRContext *context, const Placement &placement, int64_t step);

// What a step asks its caller for beside a slot's ids, as the metadata lists it.
void describeStepInputs(mlir::func::FuncOp function, mlir::NamedAttrList &into);

// Takes away what was lowered, parameters and states; `mblm.states` keeps the attributes of these for the metadata.
void finishLowering(mlir::ModuleOp module, llvm::ArrayRef<mlir::func::FuncOp> lowered);

} // namespace mblm

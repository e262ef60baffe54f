// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which stage each value of @forward belongs to. A stage's clock ticks once a slot; it begins where bytes are embedded, and
// a patch's border is a regrouping of one stage's outputs into the slots of the stage below.
#pragma once

#include "dialects/MBLM/IR/MBLMOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

#include <deque>

namespace mblm::decode {

struct Clock {
  EmbedOp embed;            // where it begins
  Clock *parent = nullptr;  // the stage above, once its context is added
  RegroupOp context;        // this stage's outputs as what is added to the slots of the stage below; null: the local stage
  bool starts = false;      // a start vector is position 0, slot s is position s + 1
};

// What one position of a value is.
struct Tick {
  Clock *clock = nullptr;
  bool slot = false;    // a slot, where the stage starts with a vector that it does not have
  bool context = false; // in `clock`'s patches, but a slot of the stage below
};

class Clocks {
public:
  // Emits an error at the op that belongs to no stage, or to two.
  llvm::LogicalResult analyse(mlir::func::FuncOp forward);

  Tick lookup(mlir::Value value) const { return ticks.lookup(value); }
  llvm::ArrayRef<Clock *> stages() const { return order; } // outermost first
  const SymbolicShape &shapeOf(mlir::Value value) const { return shapes.find(value)->second; }

private:
  llvm::LogicalResult visit(mlir::Operation *op);
  llvm::LogicalResult visitRegroup(RegroupOp regroup);
  llvm::LogicalResult orderStages(mlir::func::FuncOp forward);

  std::deque<Clock> clocks;
  llvm::SmallVector<Clock *> order;
  llvm::DenseMap<mlir::Value, Tick> ticks;
  llvm::DenseMap<mlir::Value, SymbolicShape> shapes;
};

} // namespace mblm::decode

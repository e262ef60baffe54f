// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function once, in order, asking each op through its interface.
#include "dialects/MBLM/IR/ShapeInference.h"

#include "dialects/MBLM/IR/MBLMOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mblm;

// Absent for a type that is no tensor, or has a dynamic size.
static std::optional<SymbolicShape> staticShape(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape()) {
    return std::nullopt;
  }
  return SymbolicShape(llvm::map_range(tensor.getShape(), SymbolicDim::constant));
}

SymbolicShape mblm::slotShape(RankedTensorType type, int64_t perSlot) {
  return {{0, 0, 0, perSlot}, SymbolicDim::constant(type.getDimSize(1)), SymbolicDim::constant(type.getDimSize(2))};
}

std::optional<SymbolicShape> mblm::argumentShape(func::FuncOp func, unsigned argument) {
  Type type = func.getArgumentTypes()[argument];
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (auto perSlot = func.getArgAttrOfType<IntegerAttr>(argument, perSlotAttrName); tensor && perSlot) {
    return slotShape(tensor, perSlot.getInt());
  }
  if (!tensor || tensor.hasStaticShape() || tensor.getRank() != 2) {
    return staticShape(type);
  }
  auto module = func->getParentOfType<ModuleOp>();
  auto attribute = module ? module->getAttrOfType<IntegerAttr>(innerAttrName) : nullptr;
  int64_t inner = attribute ? attribute.getInt() : 1;
  auto size = [&](unsigned dim, SymbolicDim form) {
    return tensor.isDynamicDim(dim) ? form : SymbolicDim::constant(tensor.getDimSize(dim));
  };
  bool perPatch = static_cast<bool>(func.getArgAttr(argument, perPatchAttrName));
  return SymbolicShape{size(0, SymbolicDim::batch()),
                       size(1, perPatch ? SymbolicDim::patches() : SymbolicDim::slots().scaled(inner))};
}

std::string mblm::describe(const SymbolicShape &shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(shape, os);
  os << "]";
  return text;
}

// Compares an inferred shape with the static sizes of the result's type.
static LogicalResult checkAgainstType(Operation *op, unsigned number, const SymbolicShape &shape) {
  auto type = cast<RankedTensorType>(op->getResult(number).getType());
  if (static_cast<int64_t>(shape.size()) != type.getRank()) {
    return op->emitOpError("expects result ") << number << " to have shape " << describe(shape) << ", but got " << type;
  }
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (ShapedType::isStatic(size) && shape[dim] != SymbolicDim::constant(size)) {
      return op->emitOpError("expects result ")
             << number << " to have shape " << describe(shape) << ", but got " << type;
    }
  }
  return success();
}

static LogicalResult inferOp(Operation *op, DenseMap<Value, SymbolicShape> &shapes) {
  SmallVector<SymbolicShape> results;
  if (auto symbolic = dyn_cast<SymbolicShapeOpInterface>(op)) {
    SmallVector<SymbolicShape> operands;
    for (Value operand : op->getOperands()) {
      operands.push_back(shapes.lookup(operand));
    }
    if (failed(symbolic.inferSymbolicShapes(operands, results))) {
      std::string list;
      llvm::raw_string_ostream os(list);
      llvm::interleaveComma(operands, os, [&](const SymbolicShape &shape) { os << describe(shape); });
      return op->emitOpError("expects sizes that are forms of B, M and P, but got operands ") << list;
    }
  } else {
    for (Type type : op->getResultTypes()) {
      auto shape = staticShape(type);
      if (!shape) {
        return op->emitOpError("expects an op that knows its symbolic shape, or static results, but got ") << type;
      }
      results.push_back(*shape);
    }
  }
  for (auto [number, shape] : llvm::enumerate(results)) {
    if (failed(checkAgainstType(op, number, shape))) {
      return failure();
    }
    shapes[op->getResult(number)] = shape;
  }
  return success();
}

FailureOr<DenseMap<Value, SymbolicShape>> mblm::inferShapes(func::FuncOp func) {
  DenseMap<Value, SymbolicShape> shapes;
  if (func.isExternal()) {
    return shapes;
  }
  for (BlockArgument argument : func.getArguments()) {
    auto shape = argumentShape(func, argument.getArgNumber());
    if (!shape) {
      return func.emitOpError("expects argument ")
             << argument.getArgNumber() << " to be static or per byte (rank 2), but got " << argument.getType();
    }
    shapes[argument] = *shape;
  }
  for (Operation &op : func.getBody().front()) {
    if (failed(inferOp(&op, shapes))) {
      return failure();
    }
  }
  return shapes;
}

//===- MBLMInterfaces.td - What passes rely on ---------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_INTERFACES
#define MBLM_INTERFACES

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::mblm";
  let description = "An op that can build its vector-Jacobian product out of ops of the same dialect.";
  let methods = [InterfaceMethod<[{
      Builds the gradients of the operands from those of the results. `resultGrads` holds one value per result, null where
      nothing depends on it. Fills `operandGrads` with one value per operand, null where none is due (ids, parameters'
      complements). A parameter's gradient is an operand gradient like any other.
    }],
    "::llvm::LogicalResult", "buildVjp",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGrads,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGrads)>,
    InterfaceMethod<[{
      Whether the backward pass should compute the results again rather than keep them: true for ops that cost a few flops
      per byte (norms, shifts, activations, views).
    }],
    "bool", "isCheapToRecompute", (ins), [{}], [{ return false; }]>];
}

def StatefulOpInterface : OpInterface<"StatefulOpInterface"> {
  let cppNamespace = "::mblm";
  let description = [{
    An op whose result at a position takes more than its operands there: earlier positions, or the position's number. Ops that
    depend on their operands' own positions alone need no such interface.
  }];
  let methods = [InterfaceMethod<[{
      Builds the op on the positions of one call (dialects/MBLM/IR/StepStates.h): `operands` hold these positions only, and
      what they need of earlier ones is in states. Fills `results` with one value per result, null where a step has none. Fails
      with a diagnostic where later positions are needed.
    }],
    "::llvm::LogicalResult", "buildStep",
    (ins "::mlir::OpBuilder &":$builder, "::mblm::StepStates &":$states, "::mlir::ValueRange":$operands,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>];
}

def SymbolicShapeOpInterface : OpInterface<"SymbolicShapeOpInterface"> {
  let cppNamespace = "::mblm";
  let description = "An op that knows its results' sizes as linear forms of B, M and P (dialects/MBLM/IR/SymbolicShape.h).";
  let methods = [InterfaceMethod<
    "Appends one shape per result. Fails, without a diagnostic, where a size is no such form.",
    "::llvm::LogicalResult", "inferSymbolicShapes",
    (ins "::llvm::ArrayRef<::mblm::SymbolicShape>":$operands,
         "::llvm::SmallVectorImpl<::mblm::SymbolicShape> &":$results)>];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::mblm";
  let description = "An op that knows its work.";
  let methods = [InterfaceMethod<
    "Floating point operations (a multiply-add is two) for concrete operand and result shapes.",
    "double", "getFlops",
    (ins "::llvm::ArrayRef<::llvm::SmallVector<int64_t>>":$operands,
         "::llvm::ArrayRef<::llvm::SmallVector<int64_t>>":$results)>];
}

def CausalityOpInterface : OpInterface<"CausalityOpInterface"> {
  let cppNamespace = "::mblm";
  let description = "An op that says which positions of its operands a position of its results depends on.";
  let methods = [InterfaceMethod<
    "The dependence of the results' position t on the given operand.",
    "::mblm::TimeDependence", "getTimeDependence", (ins "unsigned":$operand), [{}],
    [{ return ::mblm::TimeDependence::Pointwise; }]>];
}

#endif

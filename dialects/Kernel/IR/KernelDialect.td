//===- KernelDialect.td - The kernel-level dialect -----------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_DIALECT
#define KERNEL_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::mblm::kernel";
  let summary = "One op is one kernel: an anchor, and what was fused into it.";
  let description = [{
    Values are tensors without a place yet; memory planning gives each an offset in one arena. Most kernels run over a
    *space* of K sequences with T positions each, both linear forms of B, M and P.

    What is fused stands in regions called *row programs*: scalar code for one column of one row, run for all columns. Their
    arguments are the op's tensor operands, then five indices: the row's sequence `k` and position `t`, and the column as
    segment `j`, offset in the segment `d`, and plain column `c = j*width + d`. Only `kernel.row_sum` and `kernel.row_max` look across columns.
    A column index of a load is a uniform value plus 0, `d` or `c`, so that neighbouring columns are neighbours in memory.
  }];
  let dependentDialects = [
    "::mblm::MBLMDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

def Kernel_SpaceAttr : AttrDef<Kernel_Dialect, "Space"> {
  let mnemonic = "space";
  let summary = "K sequences of T positions, as linear forms of B, M and P.";
  let description = "Prints as `#kernel.space<4*B*M x 9>`.";
  let parameters = (ins "::mblm::SymbolicDim":$sequences, "::mblm::SymbolicDim":$positions);
  let hasCustomAssemblyFormat = 1;
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

#endif

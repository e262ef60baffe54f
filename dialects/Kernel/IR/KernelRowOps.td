//===- KernelRowOps.td - What row programs are made of -------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_ROW_OPS
#define KERNEL_ROW_OPS

include "dialects/Kernel/IR/KernelDialect.td"

// Stands in the body, prologue or epilogue of a kernel.
def Kernel_InRowProgram : ParentOneOf<["RowsOp", "PackRowsOp", "RememberOp", "GemmOp", "CrossEntropyOp", "CrossEntropyGradOp"]>;

def Kernel_LoadOp : Kernel_Op<"load", [Pure, Kernel_InRowProgram]> {
  let summary = "Reads an element of a tensor argument of the row program.";
  let description = [{
    With `or_zero`, an index of dimension 1 outside the tensor gives zero instead of an element; all other indices are in
    range. i32 elements are read as `i32`, bf16 elements as `f32`.

    Constraints:
    * (C1) one index per dimension of `tensor`.
    * (C2) the result has the element type of `tensor`, f32 for bf16.
    * (C3) it stands in a row program.
    * (C4) with `or_zero`, `tensor` has a dimension 1.
  }];
  let arguments = (ins AnyRankedTensor:$tensor, Variadic<Index>:$indices, UnitAttr:$or_zero);
  let results = (outs AnyTypeOf<[F32, I32]>:$result);
  let assemblyFormat = "$tensor `[` $indices `]` (`or_zero` $or_zero^)? attr-dict `:` type($tensor) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_RowSumOp : Kernel_Op<"row_sum", [Pure, Kernel_InRowProgram]> {
  let summary = "Sum of a value over all columns of the row; the same number in every column.";
  let description = "`result = sum over columns of value`, in a fixed order. Constraints: (C1) it stands in a row program.";
  let arguments = (ins F32:$value);
  let results = (outs F32:$result);
  let assemblyFormat = "$value attr-dict";
}

def Kernel_RowMaxOp : Kernel_Op<"row_max", [Pure, Kernel_InRowProgram]> {
  let summary = "Largest value over all columns of the row; the same number in every column.";
  let description = "`result = max over columns of value`. Constraints: (C1) it stands in a row program.";
  let arguments = (ins F32:$value);
  let results = (outs F32:$result);
  let assemblyFormat = "$value attr-dict";
}

def Kernel_SwapPairsOp : Kernel_Op<"swap_pairs", [Pure, Kernel_InRowProgram]> {
  let summary = "The value of the neighbouring column: 2i gets 2i + 1 and the other way round.";
  let description = "Constraints: (C1) it stands in a row program; (C2) the width of the row program's segments is even.";
  let arguments = (ins F32:$value);
  let results = (outs F32:$result);
  let assemblyFormat = "$value attr-dict";
  let hasVerifier = 1;
}

def Kernel_SlotsOp : Kernel_Op<"slots", [Pure, Kernel_InRowProgram]> {
  let summary = "M, the outermost number of slots.";
  let description = "Constraints: (C1) it stands in a row program.";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Kernel_KeepOp : Kernel_Op<"keep", [Pure, Kernel_InRowProgram]> {
  let summary = "What a dropout multiplies an element by.";
  let description = [{
    `result` is what `mblm.dropout` multiplies column `column` of row `row` of `columns` columns by: 0 where it is dropped. The
    column is a uniform value plus 0, `d` or `c`, as in `kernel.load`.

    Constraints:
    * (C1) it stands in a row program.
    * (C2) `key` is a tensor<6xi32>, as `kernel.dropout_key` makes it.
    * (C3) `columns` is at least 1.
  }];
  let arguments = (ins AnyRankedTensor:$key, Index:$row, Index:$column, I64Attr:$columns);
  let results = (outs F32:$result);
  let assemblyFormat = "$key `[` $row `,` $column `]` `of` $columns attr-dict `:` type($key)";
  let hasVerifier = 1;
}

def Kernel_CallPositionOp : Kernel_Op<"call_position", [Pure, Kernel_InRowProgram]> {
  let summary = "P, the first position of the call in its stage's sequence.";
  let description = "Constraints: (C1) it stands in a row program.";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Kernel_YieldOp : Kernel_Op<"yield", [
    Pure, Terminator, ParentOneOf<["RowsOp", "PackRowsOp", "RememberOp", "GemmOp", "CrossEntropyOp", "CrossEntropyGradOp", "PrefixOp", "PrefixGradOp"]>]> {
  let summary = "Ends a row program with one value per result, and the scalar code of a scan.";
  let description = "How many values there are, the enclosing op says. Constraints: (C1) it stands in a row program or a scan.";
  let arguments = (ins Variadic<F32>:$values);
  let assemblyFormat = "($values^)? attr-dict (`:` type($values)^)?";
}

#endif

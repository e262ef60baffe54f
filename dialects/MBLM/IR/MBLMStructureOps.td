//===- MBLMStructureOps.td - Parameters, patches, positions --*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_STRUCTURE_OPS
#define MBLM_STRUCTURE_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"
include "mlir/IR/SymbolInterfaces.td"

def MBLM_ParameterOp : MBLM_Op<"parameter", [Symbol]> {
  let summary = "Declares a trained tensor under the reference's name.";
  let description = [{
    The module's parameters stand in one flat f32 buffer; this one's elements begin at `offset` (in floats), row-major.
    Gradients and the optimizer's moments have buffers of the same layout.

    Constraints:
    * (C1) `type` is a static ranked f32 tensor of rank 1 or 2.
    * (C2) `offset >= 0`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, I64Attr:$offset);
  let assemblyFormat = "$sym_name `at` $offset `:` $type attr-dict";
  let hasVerifier = 1;
}

def MBLM_LoadOp : MBLM_PureOp<"load", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Reads one parameter, or several that follow each other as one.";
  let description = [{
    `result = concatenate(parameters, dimension 0)`. The parameters stand next to each other in the buffer, so the
    concatenation is a view.

    Constraints:
    * (C1) every name is an `mblm.parameter` of the module.
    * (C2) the shape of `result` is that of the concatenation.
    * (C3) each parameter begins where the one before it ends.
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$parameters);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$parameters attr-dict `:` type($result)";
}

def MBLM_GradientOp : MBLM_Op<"gradient", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Adds to the gradients of the parameters that a load reads.";
  let description = [{
    `gradients(parameters) += value`, with `parameters` as in `mblm.load`.

    Constraints: (C1) to (C3) of `mblm.load`, with `value` for `result`.
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$parameters, AnyStaticShapeTensor:$value);
  let assemblyFormat = "$parameters `,` $value attr-dict `:` type($value)";
}

def MBLM_RegroupOp : MBLM_PureOp<"regroup", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Deals the rows out anew: the same elements in the same order, as other sequences.";
  let description = [{
    Row-major reinterpretation `[K, T, C] -> [K', T', C']` (or `[K, T] -> [K', T']` of ids), `K*T*C = K'*T'*C'`. Used to open
    patches (`[K, T, n*D] -> [K*T, n, D]`) and to close them. Where K' and T' are both dynamic, K' = B.

    Constraints:
    * (C1) operand and result have the same rank (2 or 3) and element type.
    * (C2) the last dimension of the result is static for rank 3.
    * (C3) where all sizes are static, the numbers of elements agree.
  }];
  let arguments = (ins AnyTypeOf<[MBLM_Sequences, MBLM_Ids]>:$input);
  let results = (outs AnyTypeOf<[MBLM_Sequences, MBLM_Ids]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_StartTokenOp : MBLM_PureOp<"start_token", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Puts a learned vector before each sequence.";
  let description = [{
    `result[k, 0, c] = start[c]`, `result[k, t + 1, c] = input[k, t, c]`. The start position receives nothing of a parent's
    context: that was added to `input` before.

    Constraints:
    * (C1) `dim(start, 0) = dim(input, 2)`.
    * (C2) `shape(result) = [K, T + 1, C]`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Vector:$start);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input `,` $start attr-dict `:` type($input) `,` type($start) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_StartOp : MBLM_PureOp<"start", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "The start vector alone, as sequences of one position.";
  let description = [{
    `result[k, 0, c] = start[c]`, for one sequence or, where K is dynamic, for all of the batch. What a stage sees when there are no
    bytes yet.

    Constraints: (C1) `shape(result) = [K, 1, dim(start, 0)]` with K = 1 or dynamic.
  }];
  let arguments = (ins MBLM_Vector:$start);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$start attr-dict `:` type($start) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_SliceOp : MBLM_PureOp<"slice", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Drops positions at both ends of each sequence.";
  let description = [{
    `result[k, t, c] = input[k, t + before, c]`, `T' = T - before - after`.

    Constraints:
    * (C1) `before >= 0`, `after >= 0`.
    * (C2) `shape(result) = [K, T - before - after, C]`, `T' >= 1` where static.
  }];
  let arguments = (ins MBLM_Sequences:$input, DefaultValuedAttr<I64Attr, "0">:$before, DefaultValuedAttr<I64Attr, "0">:$after);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_PadOp : MBLM_PureOp<"pad"> {
  let summary = "Adds positions of zeros at both ends of each sequence.";
  let description = [{
    `result[k, t + before, c] = input[k, t, c]`, zero elsewhere; `T' = T + before + after`. The adjoint of `mblm.slice`.

    Constraints:
    * (C1) `before >= 0`, `after >= 0`.
    * (C2) `shape(result) = [K, T + before + after, C]`.
  }];
  let arguments = (ins MBLM_Sequences:$input, DefaultValuedAttr<I64Attr, "0">:$before, DefaultValuedAttr<I64Attr, "0">:$after);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_NextByteOp : MBLM_PureOp<"next_byte", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Lines the local stage's outputs up with the bytes that they predict.";
  let description = [{
    `input` holds the local stage's outputs, `[B*m, P + 1, C]`, start position first. Row t of the result predicts byte t:

    `result[b, 0] = input[b*m, 0]`; for t >= 1 `result[b, t] = input[b*m + (t-1) div P, (t-1) mod P + 1]`.

    The start rows of all patches but each sequence's first are dropped, and so is the last row.

    Constraints:
    * (C1) `dim(input, 1) = P + 1` is static, P >= 1.
    * (C2) `shape(result) = [B, m*P, C]`.
  }];
  let arguments = (ins MBLM_Sequences:$input);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_NextByteGradOp : MBLM_PureOp<"next_byte_grad"> {
  let summary = "The adjoint of `mblm.next_byte`: rows go back where they came from, all others are zero.";
  let description = [{
    `result[n, s, c]` is `grad[b, t, c]` where `mblm.next_byte` reads `[n, s]` for row `[b, t]`, and zero elsewhere.

    Constraints:
    * (C1) `dim(result, 1) = P + 1` is static, P >= 1.
    * (C2) `shape(grad) = [B, m*P, C]` for `shape(result) = [B*m, P + 1, C]`.
  }];
  let arguments = (ins MBLM_Sequences:$grad);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$grad attr-dict `:` type($grad) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_SplitOp : MBLM_PureOp<"split", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Takes the features, or the positions, apart into consecutive groups.";
  let description = [{
    `results[n][k, t, c] = input[k, t, o_n + c]`, `o_n` the sum of the widths before. With `positions` the groups are of positions:
    `results[n][k, t, c] = input[k, o_n + t, c]`, `o_n` the sum of the lengths before.

    Constraints:
    * (C1) the widths of the results are static and add up to `dim(input, 2)`; with `positions` each is `dim(input, 2)`.
    * (C2) K and T are those of the input; with `positions` K alone.
    * (C3) with `positions` all lengths but the last one are static, and together they are T.
  }];
  let arguments = (ins MBLM_Sequences:$input, UnitAttr:$positions);
  let results = (outs Variadic<MBLM_Sequences>:$results);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_ConcatOp : MBLM_PureOp<"concat", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Puts groups of features, or of positions, side by side: the inverse of `mblm.split`.";
  let description = [{
    `result[k, t, o_n + c] = inputs[n][k, t, c]`, `o_n` the sum of the widths before. With `positions` the groups follow each other:
    `result[k, o_n + t, c] = inputs[n][k, t, c]`, `o_n` the sum of the lengths before.

    Constraints:
    * (C1) at least one input; their widths are static and add up to `dim(result, 2)`; with `positions` each is `dim(result, 2)`.
    * (C2) K and T are those of the result; with `positions` K alone.
    * (C3) with `positions` all lengths but the last one are static, and together they are T.
  }];
  let arguments = (ins Variadic<MBLM_Sequences>:$inputs, UnitAttr:$positions);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_PiecesOp : MBLM_Op<"pieces", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>, DeclareOpInterfaceMethods<SymbolicShapeOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Runs a function on some outermost slots at a time, so that its values take the memory of those alone.";
  let description = [{
    The B*M outermost slots are cut into pieces of G slots that follow each other, the last one maybe shorter, and
    `callee` runs on one piece after the other as if it were the whole: with batch 1 and as many slots as the piece has.
    Rows `[p*n*G, (p+1)*n*G)` of dimension 0 of an argument or result with n sequences a slot are its part in piece p; the
    function attribute `mblm.per_slot` of each argument and result says n. Ids have one sequence of M slots a batch row; of
    them a piece gets the bytes of its slots. Gradients that the callee adds are added piece by piece.

    G is chosen when the program runs, by the memory there is. Results do not depend on it, sums over all slots
    (gradients of parameters) only by the order of their terms.

    The gradient of `@f` is `mblm.pieces @f_grad`: @f's arguments and its results' gradients to gradients of @f's arguments.

    Constraints:
    * (C1) `callee` is a function of the module with the types of the operands and results.
    * (C2) operands are ids, or have a dynamic first size, two static ones, and `mblm.per_slot >= 1` at the argument.
    * (C3) results have a dynamic first size, two static ones, and `mblm.per_slot >= 1` at the function's result.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyTypeOf<[MBLM_Sequences, MBLM_Ids]>>:$inputs);
  let results = (outs Variadic<MBLM_Sequences>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, results)";
  let extraClassDeclaration = [{
    ::mlir::func::FuncOp getFunction();
  }];
}

#endif

//===- KernelPatchOps.td - Patches that the data decides -----*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_PATCH_OPS
#define KERNEL_PATCH_OPS

include "dialects/Kernel/IR/KernelDialect.td"

//===----------------------------------------------------------------------===//
// Integer code
//===----------------------------------------------------------------------===//

def Kernel_IntegersOp : Kernel_Op<"integers", [Pure, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "Scalar code that fills a tensor of ids: rows of tables, ranges.";
  let description = [{
    Runs `body` for every row (k, t) of `space`, in any order. Its arguments are the inputs, the result and the indices k and t; it
    reads elements of inputs with `kernel.get_id` and `kernel.get_element`, and sets those of the result, each in one run, with
    `kernel.set_id`. Loops are `scf.for` and arithmetic `arith`.

    Constraints:
    * (C1) inputs are i32 or f32 and the result is i32, of rank 2; the result is [K', T'] over `result_space`.
    * (C2) the body's arguments are the inputs, the result and two indices.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Kernel_SpaceAttr:$space, Kernel_SpaceAttr:$result_space);
  let results = (outs AnyRankedTensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $space `(` $inputs `)` `into` $result_space attr-dict-with-keyword `:` functional-type($inputs, $result) $body
  }];
  let hasVerifier = 1;
}

class Kernel_IntegerCodeOp<string mnemonic, list<Trait> traits = []> : Kernel_Op<mnemonic, traits> {
  let hasVerifier = 1;
}

def Kernel_GetIdOp : Kernel_IntegerCodeOp<"get_id", [MemoryEffects<[MemRead]>]> {
  let summary = "Reads an element of an input of ids.";
  let description = [{
    `result = ids[row, column]`.

    Constraints: (C1) it stands in `kernel.integers`; (C2) `ids` is an input among the arguments of its body; (C3) `ids` is i32.
  }];
  let arguments = (ins AnyRankedTensor:$ids, Index:$row, Index:$column);
  let results = (outs Index:$result);
  let assemblyFormat = "$ids `[` $row `,` $column `]` attr-dict `:` type($ids)";
}

def Kernel_GetElementOp : Kernel_IntegerCodeOp<"get_element", [MemoryEffects<[MemRead]>]> {
  let summary = "Reads an element of an input of floats.";
  let description = [{
    `result = input[row, column]`.

    Constraints: (C1) and (C2) of `kernel.get_id`; (C3) `input` is f32.
  }];
  let arguments = (ins AnyRankedTensor:$input, Index:$row, Index:$column);
  let results = (outs F32:$result);
  let assemblyFormat = "$input `[` $row `,` $column `]` attr-dict `:` type($input)";
}

def Kernel_SetIdOp : Kernel_IntegerCodeOp<"set_id", [MemoryEffects<[MemWrite]>]> {
  let summary = "Sets an element of the result.";
  let description = [{
    `ids[row, column] = value`.

    Constraints: (C1) it stands in `kernel.integers`; (C2) `ids` is the result among the arguments of its body.
  }];
  let arguments = (ins Index:$value, AnyRankedTensor:$ids, Index:$row, Index:$column);
  let assemblyFormat = "$value `,` $ids `[` $row `,` $column `]` attr-dict `:` type($ids)";
}

def Kernel_ExtentOp : Kernel_IntegerCodeOp<"extent", [Pure]> {
  let summary = "How many elements a row has.";
  let description = [{
    `result = dim(input, 1)`.

    Constraints: (C1) it stands in `kernel.integers`; (C2) `input` is an input or the result among the arguments of its body.
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs Index:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Kernel_FindOp : Kernel_IntegerCodeOp<"find", [Pure]> {
  let summary = "Looks a number up in a list.";
  let description = [{
    Numbers may be longer than 64 bits: `key` are the words of one, the most significant first, and `keys` those of all numbers of the
    list, one number behind the other. `result = places[i] + 4` for the first number i of the list that `key` is; 0 where there is none.

    Constraints: (C1) it stands in `kernel.integers`; (C2) `key` has a word at least, and `keys` as many for each element of
    `places`; numbers are in increasing order, compared without sign.
  }];
  let arguments = (ins Variadic<I64>:$key, DenseI64ArrayAttr:$keys, DenseI64ArrayAttr:$places);
  let results = (outs Index:$result);
  let assemblyFormat = "$key `in` $keys `at` $places attr-dict";
}

//===----------------------------------------------------------------------===//
// Along ranges
//===----------------------------------------------------------------------===//

def Kernel_PoolOp : Kernel_Op<"pool", [Pure]> {
  let summary = "One row for each range of rows (see `mblm.pool`).";
  let description = [{
    As `mblm.pool`, over the ranges' `space` [K, P]; rows of the input are those of `input_space` [K, T].

    Constraints:
    * (C1) `result` is [K, P, C] over `space`, and `input` [K, T, C] over `input_space`.
    * (C2) `spans` are i32, of rank 2.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$spans, Kernel_SpaceAttr:$space, Kernel_SpaceAttr:$input_space,
                       MBLM_PoolKindAttr:$kind);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $kind $input `over` $spans `of` $input_space attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_PoolGradOp : Kernel_Op<"pool_grad", [Pure]> {
  let summary = "Gradient of the largest and the least of ranges (see `mblm.pool_grad`).";
  let description = [{
    As `mblm.pool_grad`.

    Constraints:
    * (C1) `grad` and `pooled` are [K, P, C] over `space`, and `input` and `result` [K, T, C] over `input_space`.
    * (C2) `spans` are i32, of rank 2.
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$input, AnyRankedTensor:$pooled, AnyRankedTensor:$spans,
                       Kernel_SpaceAttr:$space, Kernel_SpaceAttr:$input_space);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $grad `,` $input `,` $pooled `over` $spans `of` $input_space attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_RangedAttentionOp : Kernel_Op<"ranged_attention", [Pure]> {
  let summary = "Attention of every head to a range of keys, with an online softmax.";
  let description = [{
    As `mblm.ranged_attention`, queries over `space` and keys over `key_space`.

    Constraints:
    * (C1) `query` and `result` are [K, T, heads * head_dim] over `space`, `lse` is [K, T, heads].
    * (C2) `key` and `value` are [K, S, kv_heads * head_dim] over `key_space`; `kv_heads` divides `heads`.
    * (C3) `ranges` are i32, of rank 2.
    * (C4) `heads`, `kv_heads` and `head_dim` are at least 1.
  }];
  let arguments = (ins AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value, AnyRankedTensor:$ranges,
                       Kernel_SpaceAttr:$space, Kernel_SpaceAttr:$key_space, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$head_dim,
                       F64Attr:$scale);
  let results = (outs AnyRankedTensor:$result, AnyRankedTensor:$lse);
  let assemblyFormat = [{
    $space $query `,` $key `,` $value `of` $key_space `in` $ranges attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_RangedAttentionGradOp : Kernel_Op<"ranged_attention_grad", [Pure]> {
  let summary = "Gradients of `kernel.ranged_attention`, probabilities computed again from `lse`.";
  let description = [{
    As `mblm.ranged_attention_grad`.

    Constraints: (C1) to (C4) of `kernel.ranged_attention`, with `output` for its result; `grad` and `query_grad` are as `query`, and
    `key_grad` and `value_grad` as `key`.
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value,
                       AnyRankedTensor:$output, AnyRankedTensor:$lse, AnyRankedTensor:$ranges, Kernel_SpaceAttr:$space,
                       Kernel_SpaceAttr:$key_space, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$head_dim, F64Attr:$scale);
  let results = (outs AnyRankedTensor:$query_grad, AnyRankedTensor:$key_grad, AnyRankedTensor:$value_grad);
  let assemblyFormat = [{
    $space $grad `,` $query `,` $key `,` $value `,` $output `,` $lse `of` $key_space `in` $ranges attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif

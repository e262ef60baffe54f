//===- KernelOps.td - Anchors --------------------------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_OPS
#define KERNEL_OPS

include "mlir/IR/OpBase.td"
include "dialects/Kernel/IR/KernelDialect.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "dialects/Kernel/IR/KernelRowOps.td"
include "dialects/MBLM/IR/MBLMAttrs.td"

//===----------------------------------------------------------------------===//
// With row programs
//===----------------------------------------------------------------------===//

def Kernel_RowsOp : Kernel_Op<"rows", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "A row program on its own: point-wise work, gathers, and reductions within rows.";
  let description = [{
    Runs `body` for every row and column of `space` with `columns` columns. Result n of shape [K, T, C] holds the n-th
    yielded value; one of shape [K, T] holds it once per row. A result listed in `block_sums` has shape [blocks, C] instead and
    holds sums over blocks of 48 consecutive rows.

    Constraints:
    * (C1) the body's arguments are the inputs and five indices.
    * (C2) one yielded value per result.
    * (C3) `segments * width >= columns > (segments - 1) * width`.
    * (C4) results have the shapes above.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Kernel_SpaceAttr:$space, I64Attr:$columns, I64Attr:$segments,
                       I64Attr:$width, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$block_sums);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $space `columns` $columns `in` $segments `x` $width (`block_sums` $block_sums^)? `(` $inputs `)` attr-dict-with-keyword `:`
    functional-type($inputs, $results) $body
  }];
  let hasVerifier = 1;
}

def Kernel_GemmOp : Kernel_Op<"gemm", [Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock]> {
  let summary = "Rows times packed weights, with a row program before and one after.";
  let description = [{
    For every row of `space`: `a[c] = prologue`, c < `depth`; `p[n] = sum_c a[c] * weight[c, n]`, n < `columns`, in increasing c;
    results = `epilogue` over the columns n, its first tensor argument being p with shape [K, T, N]. Results as in
    `kernel.rows`.

    A *streamed* gemm reads the weight itself in the place of its pack, once for all rows: what few rows, such as a step's, are
    made for. Its columns are dealt out in pieces, so the epilogue of one looks at single columns only. The weight may be the numbers
    of a `kernel.quantize`, which are widened to f32; their scales are then the epilogue's to multiply by.

    Constraints:
    * (C1) the prologue's arguments are `inputs` and five indices; it yields one value.
    * (C2) the epilogue's arguments are p, `epilogue_inputs` and five indices; it yields one value per result.
    * (C3) `packed` is a `kernel.pack` of a [N, C] weight: [ceil(N/32), C, 32]; streamed, the weight [N, C], in f32 or i8.
    * (C4) both row programs' segments and widths as (C3) of `kernel.rows`, for `depth` and `columns`.
    * (C5) results have the shapes of `kernel.rows`.
    * (C6) streamed, the epilogue has one segment, no block sums, and neither reductions nor `kernel.swap_pairs`.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, AnyRankedTensor:$packed, Variadic<AnyRankedTensor>:$epilogue_inputs,
                       Kernel_SpaceAttr:$space, I64Attr:$depth, I64Attr:$prologue_segments, I64Attr:$prologue_width,
                       I64Attr:$columns, I64Attr:$segments, I64Attr:$width, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$block_sums);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$prologue, SizedRegion<1>:$epilogue);
  let extraClassDeclaration = [{
    bool isStreamed() { return ::llvm::cast<::mlir::RankedTensorType>(getPacked().getType()).getRank() == 2; }
    // Whether its epilogue looks at single columns only (C6), so that columns may be dealt out in pieces.
    bool columnsStandAlone();
  }];
  let assemblyFormat = [{
    $space `depth` $depth `in` $prologue_segments `x` $prologue_width `columns` $columns `in` $segments `x` $width
    (`block_sums` $block_sums^)? `(` $inputs `)` `packed` $packed `epilogue` `(` $epilogue_inputs `)` attr-dict-with-keyword `:`
    functional-type(operands, results) $prologue `,` $epilogue
  }];
  let hasVerifier = 1;
}

def Kernel_PackRowsOp : Kernel_Op<"pack_rows", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "A row program whose result is laid out for `kernel.weight_gemm`.";
  let description = [{
    As `kernel.rows` with one result, stored as [ceil(R/256), ceil(C/32), 256, 32] over the rows in order; columns beyond C are
    zero. In bf16 on a CPU neighbouring rows lie side by side, as [.., 128, 32, 2], with zeros up to a multiple of 32 rows.

    Constraints: (C1) to (C3) of `kernel.rows`, with one yielded value.
    * (C4) `shape(result) = [blocks, ceil(C/32), 256, 32]`.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Kernel_SpaceAttr:$space, I64Attr:$columns, I64Attr:$segments,
                       I64Attr:$width);
  let results = (outs AnyRankedTensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $space `columns` $columns `in` $segments `x` $width `(` $inputs `)` attr-dict-with-keyword `:`
    functional-type($inputs, $result) $body
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

def Kernel_StateOp : Kernel_Op<"state", [Pure]> {
  let summary = "What a stage remembers from call to call, in place (see `mblm.state`).";
  let description = [{
    `offset` is where it begins in the states, a form [1, M, B, B*M] in floats. Row programs read a state as it was when the call
    began; only `kernel.cached_attention` sees what the call has put in.

    Constraints:
    * (C1) `offset` has four coefficients, none negative.
    * (C2) `result` is [K, T, C] over `space`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$state, DenseI64ArrayAttr:$offset, Kernel_SpaceAttr:$space);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$state `at` $offset $space attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_RememberOp : Kernel_Op<"remember", [IsolatedFromAbove, SingleBlock]> {
  let summary = "A row program whose rows go into a state.";
  let description = [{
    As `kernel.rows` with one result, whose row (k, t) goes to row (k, q mod n) of a state of n positions, q = P + `origin` + t, or
    t without `origin`. Of more than n positions only the last n go there.

    Constraints: (C1) to (C3) of `kernel.rows`, with one yielded value.
    * (C4) `state` is a `kernel.state` with the sequences of `space` and `columns` columns.
    * (C5) the positions of `space` are a constant.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, AnyRankedTensor:$state, Kernel_SpaceAttr:$space, I64Attr:$columns,
                       I64Attr:$segments, I64Attr:$width, OptionalAttr<SI64Attr>:$origin);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $space `columns` $columns `in` $segments `x` $width `(` $inputs `)` `into` $state (`from` $origin^)? attr-dict-with-keyword `:`
    functional-type(operands, results) $body
  }];
  let hasVerifier = 1;
}

def Kernel_CachedAttentionOp : Kernel_Op<"cached_attention", [MemoryEffects<[MemRead]>]> {
  let summary = "Attention of a call's positions to all that a state holds up to them.";
  let description = [{
    As `mblm.cached_attention`: the query of row (k, t) is that of position P + t.

    Constraints:
    * (C1) `query` and `result` are [K, T, heads * head_dim] over `space`, T a constant.
    * (C2) `key` and `value` are `kernel.state`s with the sequences of `space` and heads * head_dim columns.
    * (C3) `heads` and `head_dim` are at least 1.
    * (C4) `mask` is not `full`; `block` is there for `block_causal` and only there, and at least 1.
  }];
  let arguments = (ins AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value, Kernel_SpaceAttr:$space, I64Attr:$heads,
                       I64Attr:$head_dim, F64Attr:$scale, MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $query `,` $key `,` $value `mask` `(` custom<Mask>($mask, $block) `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Weights and gradients
//===----------------------------------------------------------------------===//

def Kernel_WeightOp : Kernel_Op<"weight", [Pure]> {
  let summary = "Parameters that follow each other, as one tensor (see `mblm.load`).";
  let description = [{
    `offset` is where the first one begins in the parameters, in floats.

    Constraints: (C1) `offset` is at least 0 and `parameters` not empty.
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$parameters, I64Attr:$offset);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$parameters `at` $offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_PackOp : Kernel_Op<"pack", [Pure]> {
  let summary = "Lays a weight out in panels of 32 columns for `kernel.gemm`.";
  let description = [{
    `result[p, c, n] = weight[32p + n, c]`, with `transposed` `weight[c, 32p + n]`; zero beyond the weight. In bf16 C is rounded up
    to a multiple of 32, and on a CPU neighbouring c lie side by side: (p, c, n) stands at [p, c div 2, n, c mod 2].

    Constraints: (C1) `shape(result) = [ceil(N/32), C, 32]`, C rounded up in bf16; (C2) `weight` is a matrix.
  }];
  let arguments = (ins AnyStaticShapeTensor:$weight, UnitAttr:$transposed);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_QuantizeOp : Kernel_Op<"quantize", [Pure]> {
  let summary = "A weight in int8, with one scale for each output channel.";
  let description = [{
    `scales[n] = max over c of |weight[n, c]| / 127`; `numbers[n, c] = weight[n, c] / scales[n]`, rounded to the nearest integer,
    ties to even, and kept within [-127, 127]; 0 where the scale is. So `scales[n] * numbers[n, c]` is off by half a scale at most.
    A channel with a number that is not finite has such a scale.

    No entry makes it anew: copies stand beside the parameters (`MBLM_PREPARED`, runtime/ABI.h) until these change.

    Constraints:
    * (C1) `weight` is a matrix [N, C], made by `kernel.weight`.
    * (C2) `numbers` are [N, C] in i8, and `scales` [N] in f32.
  }];
  let arguments = (ins AnyStaticShapeTensor:$weight);
  let results = (outs AnyStaticShapeTensor:$numbers, AnyStaticShapeTensor:$scales);
  let assemblyFormat = "$weight attr-dict `:` type($weight) `->` type($numbers) `,` type($scales)";
  let hasVerifier = 1;
}

def Kernel_TransposeOp : Kernel_Op<"transpose", [Pure]> {
  let summary = "A weight with its two dimensions exchanged, so that row programs read along its columns.";
  let description = "`result[i, c] = weight[c, i]`. Constraints: (C1) `weight` is a matrix; (C2) `shape(result)` is its shape exchanged.";
  let arguments = (ins AnyStaticShapeTensor:$weight);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_WeightGemmOp : Kernel_Op<"weight_gemm"> {
  let summary = "Adds a weight's gradient, a sum over rows of outer products, to the gradients.";
  let description = [{
    `gradients[offset + n*C + c] += sum over rows r of grad[r, n] * packed[r, c]`, in increasing r, `packed` by
    `kernel.pack_rows`.

    Constraints:
    * (C1) `packed` is a `kernel.pack_rows` of `depth` columns: [blocks, ceil(C/32), 256, 32].
    * (C2) `grad` is [K, T, `columns`] over `space`.
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$packed, Kernel_SpaceAttr:$space, I64Attr:$columns,
                       I64Attr:$depth, FlatSymbolRefArrayAttr:$parameters, I64Attr:$offset);
  let assemblyFormat = [{
    $space $grad `,` $packed `columns` $columns `depth` $depth `into` $parameters `at` $offset attr-dict `:` type($grad) `,`
    type($packed)
  }];
  let hasVerifier = 1;
}

def Kernel_ReduceOp : Kernel_Op<"reduce"> {
  let summary = "Adds sums over rows to the gradients.";
  let description = [{
    With `sums` = <first x slots>: `gradients[offset + s*C + c] += sum over k of input[k, first + s, c]` for s < slots, k over the
    sequences of `space`, in increasing k. With `blocks`, the input holds `kernel.rows` block sums for `space` instead, and the
    sum runs over these. With `stride`, the gradients are that far apart: `gradients[offset + (s*C + c)*stride]`.

    Constraints:
    * (C1) `input` is [K, T, C] with the rows of `space`; with `blocks` [blocks, C].
    * (C2) `sums` are positions of `space`; with `blocks` they are <0 x 1>.
    * (C3) `stride` is at least 1.
  }];
  let arguments = (ins AnyRankedTensor:$input, Kernel_SpaceAttr:$space, Kernel_SpaceAttr:$sums, UnitAttr:$blocks,
                       FlatSymbolRefArrayAttr:$parameters, I64Attr:$offset, DefaultValuedAttr<I64Attr, "1">:$stride);
  let assemblyFormat = "$space $input `sums` $sums `into` $parameters `at` $offset attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Kernel_EmbedGradOp : Kernel_Op<"embed_grad"> {
  let summary = "Adds gradients of looked-up rows to their table rows in the gradients.";
  let description = [{
    `gradients[offset + v*D + d] += sum over ids i with ids[i] = v of grad[i div bag, d]`, in increasing i; row `skip` is left alone.
    `space` counts the ids.

    Constraints: (C1) the last dimension of `grad` is D or a multiple of it: that of several bytes; (C2) `ids` are i32, [B, L]; (C3)
    `bag` is at least 1.
  }];
  let arguments = (ins AnyRankedTensor:$ids, AnyRankedTensor:$grad, Kernel_SpaceAttr:$space, I64Attr:$depth,
                       OptionalAttr<I64Attr>:$skip, FlatSymbolRefArrayAttr:$parameters, I64Attr:$offset,
                       DefaultValuedAttr<I64Attr, "1">:$bag);
  let assemblyFormat = [{
    $space $ids `,` $grad `depth` $depth (`skip` $skip^)? `into` $parameters `at` $offset attr-dict `:` type($ids) `,` type($grad)
  }];
  let hasVerifier = 1;
}

def Kernel_UpdateOp : Kernel_Op<"update"> {
  let summary = "Global-norm clipping and one optimizer step over all parameters (see `mblm.update`).";
  let description = [{
    `hyper` as in `mblm.update`; `decay` has a 1 or 0 for each parameter of the module.

    Constraints: (C1) `hyper` has 8 elements; (C2) `decay` has rank 1 and `norm` rank 0.
  }];
  let arguments = (ins AnyRankedTensor:$hyper, AnyRankedTensor:$decay);
  let results = (outs AnyRankedTensor:$norm);
  let assemblyFormat = "$hyper `,` $decay attr-dict `:` type($hyper) `,` type($decay) `->` type($norm)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention, loss, tables, views
//===----------------------------------------------------------------------===//

def Kernel_AttentionOp : Kernel_Op<"attention", [Pure, AttrSizedOperandSegments]> {
  let summary = "Softmax attention with an online softmax: no T x T matrix in memory.";
  let description = [{
    As `mblm.attention`. Query, key and value are read at feature offsets of their sources; with `table` (a
    `kernel.rope_table` of the head width) queries and keys are rotated as they are read, with `hidden` keys are not
    seen, and with `dropout_key` probabilities are dropped.

    Constraints:
    * (C1) three offsets, and at each `heads * head_dim` features.
    * (C2) `heads` and `head_dim` are at least 1.
    * (C3) `result` is [K, T, heads * head_dim] and `lse` [K, T, heads] over `space`.
    * (C4) `table` is [T, head_dim], with an even `head_dim`.
    * (C5) `block` is there for mask `block_causal` and only there, and at least 1.
    * (C6) `dropout_key`, where given, is a tensor<6xi32>, as `kernel.dropout_key` makes it.
    * (C7) `hidden` is there with mask `full` only, as ids [K, T] over `space`.
  }];
  let arguments = (ins AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value, Optional<AnyRankedTensor>:$table,
                       Optional<AnyRankedTensor>:$hidden, Optional<AnyRankedTensor>:$dropout_key,
                       Kernel_SpaceAttr:$space, DenseI64ArrayAttr:$offsets,
                       I64Attr:$heads, I64Attr:$head_dim, F64Attr:$scale, MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block);
  let results = (outs AnyRankedTensor:$result, AnyRankedTensor:$lse);
  let assemblyFormat = [{
    $space $query `,` $key `,` $value `at` $offsets (`rotated` $table^)? `mask` `(` custom<Mask>($mask, $block) `)`
    (`hides` $hidden^)? (`dropout` $dropout_key^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_AttentionGradOp : Kernel_Op<"attention_grad", [Pure, AttrSizedOperandSegments]> {
  let summary = "Gradients of `kernel.attention`, probabilities computed again from `lse`.";
  let description = [{
    As `mblm.attention_grad`; with `table`, the gradients of query and key are rotated back. The result holds the gradients of
    query, key and value side by side, [K, T, 3*heads*head_dim].

    Constraints: (C1) to (C7) of `kernel.attention`, with `result` [K, T, 3 * heads * head_dim] and with `grad` and `output` as
    its result there.
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value,
                       AnyRankedTensor:$output, AnyRankedTensor:$lse, Optional<AnyRankedTensor>:$table,
                       Optional<AnyRankedTensor>:$hidden, Optional<AnyRankedTensor>:$dropout_key,
                       Kernel_SpaceAttr:$space, DenseI64ArrayAttr:$offsets,
                       I64Attr:$heads, I64Attr:$head_dim, F64Attr:$scale, MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $grad `,` $query `,` $key `,` $value `,` $output `,` $lse `at` $offsets (`rotated` $table^)?
    `mask` `(` custom<Mask>($mask, $block) `)` (`hides` $hidden^)? (`dropout` $dropout_key^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_CrossEntropyOp : Kernel_Op<"cross_entropy", [Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock]> {
  let summary = "Logits and their cross entropy in one kernel; the logits never reach memory.";
  let description = [{
    For every row: a = `prologue`, `logits[v] = sum_c a[c] * weight[c, v] + bias[v]`; `loss` and `lse` as `mblm.cross_entropy`.

    Constraints:
    * (C1) the prologue's arguments are `inputs` and five indices; it yields one value, over `depth` columns.
    * (C2) `packed` is a `kernel.pack` of a [V, C] weight, and `bias` is [V].
    * (C3) `ids` are i32, [B, L].
    * (C4) `loss` and `lse` are [K, T] over `space`.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, AnyRankedTensor:$packed, Optional<AnyRankedTensor>:$bias,
                       AnyRankedTensor:$ids, Kernel_SpaceAttr:$space, I64Attr:$depth, I64Attr:$prologue_segments,
                       I64Attr:$prologue_width, I64Attr:$columns, I64Attr:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs AnyRankedTensor:$loss, AnyRankedTensor:$lse);
  let regions = (region SizedRegion<1>:$prologue);
  let assemblyFormat = [{
    $space `depth` $depth `in` $prologue_segments `x` $prologue_width `columns` $columns `targets` $ids `at` $offset
    (`ignore` $ignore^)? `(` $inputs `)` `packed` $packed (`bias` $bias^)? attr-dict-with-keyword `:`
    functional-type(operands, results) $prologue
  }];
  let hasVerifier = 1;
}

def Kernel_CrossEntropyGradOp : Kernel_Op<"cross_entropy_grad", [AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock]> {
  let summary = "Backward of `kernel.cross_entropy`: gradients of the rows, the weight and the bias.";
  let description = [{
    Computes the logits of a block of rows again, turns them into `dl = grad * (softmax - onehot)`, and from these
    `result = dl * weight`, and the sums over rows `dl^T a` (weight) and `dl` (bias), each in 16 parts for `kernel.reduce`: so
    they do not depend on the number of threads.

    Constraints: (C1) to (C3) of `kernel.cross_entropy`.
    * (C4) `packed_transposed` is the `kernel.pack` of the transposed weight.
    * (C5) `grad` and `lse` are [K, T] and `result` [K, T, C] over `space`.
    * (C6) `weight_sums` is [16, 1, V*C] and `bias_sums` [16, 1, V].
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, AnyRankedTensor:$packed, AnyRankedTensor:$packed_transposed,
                       Optional<AnyRankedTensor>:$bias, AnyRankedTensor:$ids, AnyRankedTensor:$grad, AnyRankedTensor:$lse,
                       Kernel_SpaceAttr:$space, I64Attr:$depth, I64Attr:$prologue_segments, I64Attr:$prologue_width,
                       I64Attr:$columns, I64Attr:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs AnyRankedTensor:$result, AnyRankedTensor:$weight_sums, AnyRankedTensor:$bias_sums);
  let regions = (region SizedRegion<1>:$prologue);
  let assemblyFormat = [{
    $space `depth` $depth `in` $prologue_segments `x` $prologue_width `columns` $columns `targets` $ids `at` $offset
    (`ignore` $ignore^)? `(` $inputs `)` `packed` $packed `,` $packed_transposed (`bias` $bias^)? `grad` $grad `lse` $lse
    attr-dict-with-keyword `:` functional-type(operands, results) $prologue
  }];
  let hasVerifier = 1;
}

def Kernel_MeanLossOp : Kernel_Op<"mean_loss", [Pure]> {
  let summary = "Sum, divisor and mean of the token losses (see `mblm.mean_loss`).";
  let description = [{
    As `mblm.mean_loss`, over the rows of `space`.

    Constraints: (C1) `token_loss` is [K, T] over `space`; (C2) `ids` are i32, [B, L], and `mask` f32; (C3) results have rank 0.
  }];
  let arguments = (ins AnyRankedTensor:$token_loss, AnyRankedTensor:$mask, AnyRankedTensor:$ids, Kernel_SpaceAttr:$space,
                       MBLM_LossKindAttr:$kind, I64Attr:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs AnyRankedTensor:$loss, AnyRankedTensor:$sum, AnyRankedTensor:$count);
  let assemblyFormat = [{
    $space $kind $token_loss `,` $mask `,` $ids `at` $offset (`ignore` $ignore^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_RopeTableOp : Kernel_Op<"rope_table", [Pure]> {
  let summary = "Cosines and sines of a rotation, one row per position.";
  let description = [{
    For `half_split` and head width d, row t holds cos(t f_i), i < d/2, then sin(t f_i); f_i = base^(-2i/d) in f32. For
    `interleaved`, row t holds d cosines, each twice, then d sines, each twice, the first with a minus sign. With `origin`, the
    angles are those of position P + origin + t.

    Constraints: (C1) d is even; (C2) `result` is [T, d], interleaved [T, 2*d]; (C3) `base` is positive and finite.
  }];
  let arguments = (ins Kernel_SpaceAttr:$space, I64Attr:$width, F64Attr:$base, MBLM_PairingAttr:$pairing, OptionalAttr<SI64Attr>:$origin);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$space $pairing $width `base` $base (`from` $origin^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_DropoutKeyOp : Kernel_Op<"dropout_key", [Pure]> {
  let summary = "What dropouts at one site read: key, site and rate in one tensor, so that equal kernels share their code.";
  let description = [{
    With `key` as in `mblm.dropout`: `result = [seed low, seed high, draw, site + 4 * 2^24, threshold, factor]`, where
    words below `threshold = round(rate * 2^32)` are dropped and `factor`, the bits of an f32, is 1 / (1 - rate). Where the key
    says to drop nothing, these are 0 and 1.

    Constraints: (C1) `key` is a tensor<4xi32> and `result` a tensor<6xi32>; (C2) `0 <= rate < 1`; (C3) `0 <= site < 2^24`.
  }];
  let arguments = (ins AnyRankedTensor:$key, F64Attr:$rate, I64Attr:$site);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$key `rate` $rate `site` $site attr-dict `:` type($key) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_ViewOp : Kernel_Op<"view", [Pure]> {
  let summary = "The same elements with another space (see `mblm.regroup`).";
  let description = "Constraints: (C1) `input` and `result`, which is over `space`, hold as many elements.";
  let arguments = (ins AnyRankedTensor:$input, Kernel_SpaceAttr:$space);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$space $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

include "dialects/Kernel/IR/KernelScanOps.td"
include "dialects/Kernel/IR/KernelSsdOps.td"
include "dialects/Kernel/IR/KernelPrefixOps.td"
include "dialects/Kernel/IR/KernelPatchOps.td"

#endif

//===- MBLMDecodingOps.td - What steps keep between calls ----*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_DECODING_OPS
#define MBLM_DECODING_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"
include "mlir/IR/SymbolInterfaces.td"

// A call of a step covers the positions P, P + 1, ... of its stage's sequence; P is the caller's. An attribute `origin` ties
// position t of a value to position P + origin + t of the sequence; without it, t is that position itself.

class MBLM_OnStateOp<string mnemonic, list<Trait> traits = []>
    : MBLM_Op<mnemonic, !listconcat(traits, [
        DeclareOpInterfaceMethods<SymbolicShapeOpInterface>, DeclareOpInterfaceMethods<CostOpInterface>,
        DeclareOpInterfaceMethods<CausalityOpInterface, ["getTimeDependence"]>])>;

def MBLM_StateOp : MBLM_Op<"state", [Symbol]> {
  let summary = "Declares what a stage remembers of its last positions from one call to the next.";
  let description = [{
    A ring of n positions with C features for each sequence of the batch: position q of the sequence stands in row `q mod n`. The
    type is [B, n, C]; n is static, or M + `more` with M the most outermost slots that a sequence may have. The module's states
    stand in one flat f32 buffer; this one's elements begin at `offset`, a form [1, M, B, B*M] in floats. Nothing has to be
    cleared between sequences: what reads a state knows the position, and positions before 0 are zeros. With `per_patch`, positions are
    patches that the data decides; what uses them of M + `more` is known to the caller alone.

    Constraints:
    * (C1) `type` is an f32 tensor [B, n, C] with dynamic B and static C.
    * (C2) `offset` has four coefficients, none negative.
    * (C3) `more >= 0`, and 0 where n is static.
    * (C4) n is not static with `per_patch`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, DenseI64ArrayAttr:$offset, DefaultValuedAttr<I64Attr, "0">:$more,
                       UnitAttr:$per_patch);
  let assemblyFormat = "$sym_name `at` $offset `:` $type attr-dict";
  let hasVerifier = 1;
}

def MBLM_GetStateOp : MBLM_PureOp<"get_state", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A state, for the ops that read and write it in place.";
  let description = [{
    `result` is the state itself, not a copy.

    Constraints:
    * (C1) `state` is an `mblm.state` of the module.
    * (C2) the type of `result` is the state's.
  }];
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$state attr-dict `:` type($result)";
}

def MBLM_ReadOp : MBLM_OnStateOp<"read", [MemoryEffects<[MemRead]>]> {
  let summary = "Positions out of a state.";
  let description = [{
    `result[k, t, c] = state[k, q mod n, c]`, q the sequence's position that t stands for.

    Constraints:
    * (C1) `state` is an `mblm.get_state`.
    * (C2) `shape(result) = [B, T, C]`, T static, for a state [B, n, C].
    * the state holds position q: the caller's duty.
  }];
  let arguments = (ins MBLM_Sequences:$state, OptionalAttr<SI64Attr>:$origin);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$state (`from` $origin^)? attr-dict `:` type($state) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_WriteOp : MBLM_OnStateOp<"write", [MemoryEffects<[MemWrite]>]> {
  let summary = "Positions into a state.";
  let description = [{
    `state[k, q mod n, c] = value[k, t, c]`, q the sequence's position that t stands for, for the last n positions t.

    Constraints:
    * (C1) `state` is an `mblm.get_state`.
    * (C2) `shape(value) = [B, T, C]`, T static, for a state [B, n, C].
  }];
  let arguments = (ins MBLM_Sequences:$state, MBLM_Sequences:$value, OptionalAttr<SI64Attr>:$origin);
  let assemblyFormat = "$state `,` $value (`from` $origin^)? attr-dict `:` type($state) `,` type($value)";
  let hasVerifier = 1;
}

def MBLM_RecallOp : MBLM_OnStateOp<"recall", [MemoryEffects<[MemRead]>]> {
  let summary = "Puts the positions that a state remembers before those of a call.";
  let description = [{
    With n the state's positions and q = P + j - n: for j < n `result[k, j, c] = state[k, q mod n, c]`, zero where q < 0; for
    the others `result[k, j, c] = input[k, j - n, c]`. What looks back at most n positions gives the same on the last T
    positions of the result as it does on the whole sequence.

    Constraints:
    * (C1) `state` is an `mblm.get_state`.
    * (C2) `shape(result) = [B, n + T, C]`, n static, for a state [B, n, C] and an input [B, T, C].
  }];
  let arguments = (ins MBLM_Sequences:$state, MBLM_Sequences:$input);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$state `,` $input attr-dict `:` type($state) `,` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_CachedAttentionOp : MBLM_OnStateOp<"cached_attention", [
    MemoryEffects<[MemRead]>, AllTypesMatch<["query", "result"]>, AllTypesMatch<["key", "value"]>]> {
  let summary = "Attention of a call's positions to all positions up to their own.";
  let description = [{
    `result` as that of `mblm.attention`, for the queries of positions i = P + t; the keys and values of all positions up to i
    stand in two states.

    Constraints:
    * (C1) `key` and `value` are `mblm.get_state`s.
    * (C2) query and result have one type, [B, T, C], T static; the states are [B, n, C].
    * (C3) `heads >= 1` divides C.
    * (C4) `mask` is `causal` or `block_causal`: a step cannot see what comes later.
    * (C5) `block >= 1` is there for `block_causal` and only there.
    * (C6) `scale` is finite.
    * n > i, or n >= block: the caller's duty.
  }];
  let arguments = (ins MBLM_Sequences:$query, MBLM_Sequences:$key, MBLM_Sequences:$value, I64Attr:$heads, F64Attr:$scale,
                       MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `mask` `(` custom<Mask>($mask, $block) `)` attr-dict `:` type($query) `,` type($key)
  }];
  let hasVerifier = 1;
}

def MBLM_SelectiveScanStepOp : MBLM_OnStateOp<"selective_scan_step", [
    MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["input", "delta", "result"]>, AllTypesMatch<["b", "c"]>]> {
  let summary = "A Mamba-1 block's recurrence on a call's positions, its state in an `mblm.state`.";
  let description = [{
    As `mblm.selective_scan` on the positions P, P + 1, ... of the sequence: `h[P - 1, e, n] = state[k, n, e]`, zero where P = 0, and
    afterwards the state holds h of the last position.

    Constraints: (C1) to (C4) of `mblm.selective_scan`;
    * (C5) `state` is an `mblm.get_state` of shape [B, N, E], for input, delta and result [B, T, E], T static.
  }];
  let arguments = (ins MBLM_Sequences:$state, MBLM_Sequences:$input, MBLM_Sequences:$delta, MBLM_Matrix:$a_log, MBLM_Sequences:$b,
                       MBLM_Sequences:$c, MBLM_Vector:$skip, Optional<MBLM_Sequences>:$gate);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $state `,` $input `,` $delta `a` $a_log `b` $b `c` $c `skip` $skip (`gate` $gate^)? attr-dict `:` type($state) `,` type($input) `,`
    type($a_log) `,` type($b) `,` type($skip) (`,` type($gate)^)?
  }];
  let hasVerifier = 1;
}

def MBLM_SsdStepOp : MBLM_OnStateOp<"ssd_step", [
    MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["input", "result"]>, AllTypesMatch<["b", "c"]>,
    AllTypesMatch<["a_log", "dt_bias"]>]> {
  let summary = "A Mamba-2 block's recurrence on a call's positions, its state in an `mblm.state`.";
  let description = [{
    As `mblm.ssd` on the positions P, P + 1, ... of the sequence: `S[P - 1][p, n]` of head h is `state[k, n, h*P' + p]`, P' the width of
    a head, zero where P = 0, and afterwards the state holds S of the last position. One position after the other: no chunks.

    Constraints: (C1) to (C4) and (C6) of `mblm.ssd`;
    * (C5) `state` is an `mblm.get_state` of shape [B, N, H*P'], for input and result [B, T, H*P'], T static.
  }];
  let arguments = (ins MBLM_Sequences:$state, MBLM_Sequences:$input, MBLM_Sequences:$dt, MBLM_Vector:$a_log, MBLM_Sequences:$b,
                       MBLM_Sequences:$c, MBLM_Vector:$skip, MBLM_Vector:$dt_bias, DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<F64Attr, "0.0">:$dt_min,
                       DefaultValuedAttr<F64Attr, "std::numeric_limits<double>::infinity()">:$dt_max);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $state `,` $input `,` $dt `bias` $dt_bias `a` $a_log `b` $b `c` $c `skip` $skip attr-dict `:` type($state) `,` type($input) `,` type($dt)
    `,` type($a_log) `,` type($b) `,` type($skip)
  }];
  let hasVerifier = 1;
}

#endif

//===- MBLMSequenceOps.td - Ops that mix positions -----------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_SEQUENCE_OPS
#define MBLM_SEQUENCE_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"

def MBLM_TokenShiftOp : MBLM_PureOp<"token_shift", [SameOperandsAndResultType,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>, DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "Takes the second half of the features from the position before.";
  let description = [{
    With a = ceil(C/2): `result[k, t, c] = input[k, t, c]` for c < a, else `input[k, t - 1, c]`, zero at t = 0. With `reverse`
    the second half comes from t + 1 (zero at t = T - 1): the adjoint.

    Constraints: (C1) `type(result) = type(input)`.
  }];
  let arguments = (ins MBLM_Sequences:$input, UnitAttr:$reverse);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def MBLM_RopeOp : MBLM_PureOp<"rope", [SameOperandsAndResultType,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>, DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "Rotates pairs of features by an angle that grows with the position.";
  let description = [{
    The features are `heads` groups of width d = C/heads. Pair i < d/2 of a group is (i, i + d/2) for `half_split`, (2i, 2i + 1)
    for `interleaved`. At position t its angle is a = t * base^(-2i/d), computed in f32 (frequency rounded to f32 first); with
    (x, y) the pair, `result = (x cos a - y sin a, y cos a + x sin a)`; with `inverse`, -a for a. With `origin`, P + origin + t
    stands for t, P the call's position, which is 0 but in steps. With `rotated` = r, that stands for d in all of this: the first r
    features of each group are rotated, and the others stay as they are.

    Constraints:
    * (C1) `heads >= 1` divides C, and C/heads is even.
    * (C2) `base > 0` and finite.
    * (C3) `rotated` is even and from 0 (all) to C/heads; above 0 the pairing is `half_split`.
  }];
  let arguments = (ins MBLM_Sequences:$input, DefaultValuedAttr<I64Attr, "1">:$heads, MBLM_PairingAttr:$pairing,
                       DefaultValuedAttr<F64Attr, "10000.0">:$base, UnitAttr:$inverse, OptionalAttr<SI64Attr>:$origin,
                       DefaultValuedAttr<I64Attr, "0">:$rotated);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "`` $pairing $input (`from` $origin^)? attr-dict `:` type($input)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def MBLM_HiddenKeysOp : MBLM_PureOp<"hidden_keys"> {
  let summary = "The positions that attention does not see, by the bytes that it may.";
  let description = [{
    Position t stands for the bytes `t*bytes + j`, j < `bytes`: `result[k, t] = 0` where any of their `visible[k, t*bytes + j]` is not 0,
    with `all` where none of them is, and 1 elsewhere.

    Constraints: (C1) `bytes >= 1`; (C2) `shape(visible) = [K, T*bytes]`, `shape(result) = [K, T]`.
  }];
  let arguments = (ins MBLM_Ids:$visible, DefaultValuedAttr<I64Attr, "1">:$bytes, UnitAttr:$all);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$visible attr-dict `:` type($visible) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_AttentionOp : MBLM_PureOp<"attention", [
    AttrSizedOperandSegments, AllTypesMatch<["query", "key", "value", "result"]> /*attention_c1*/,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>, DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "Softmax attention of every head within its sequence.";
  let description = [{
    Head h of query, key, value and result are the features `[h*d, (h+1)*d)`, d = C/heads. With V(i) the interval of keys that
    position i sees (`causal`: [0, i]; `block_causal`: [i - i mod block, i]; `full`: [0, T-1]) and
    `s[j] = scale * sum_c q[i, c] k[j, c]`:

    `lse[k, i, h] = log sum over j in V(i) of exp s[j]`,  `result[i] = sum over j in V(i) of m[i, j] exp(s[j] - lse) v[j]`.

    m is 1 without `dropout_key`; with it, m is what `mblm.dropout` with `rate` and `site` multiplies column j of row
    (k*heads + h)*T + i of T columns by. `lse` is that of all scores, dropped or not.

    With `hidden`, no position sees a key j with `hidden[k, j]` other than 0: V(i) are the others. A sequence whose keys are all
    hidden sees all of them, with scores of 0 (references that set hidden scores to the least number come to the same weights).

    Constraints:
    * (C1) query, key, value and result have one type.
    * (C2) `heads >= 1` divides C.
    * (C3) `shape(lse) = [K, T, heads]`.
    * (C4) `block >= 1` is there for `block_causal` and only there.
    * (C5) `scale` is finite.
    * (C6) `dropout_key`, `rate` and `site` are there together or not at all, as in (C2) to (C4) of `mblm.dropout`.
    * (C7) `hidden` is there with mask `full` only; `shape(hidden) = [K, T]`.
  }];
  let arguments = (ins MBLM_Sequences:$query, MBLM_Sequences:$key, MBLM_Sequences:$value, Optional<MBLM_Ids>:$hidden,
                       Optional<MBLM_DropoutKey>:$dropout_key,
                       I64Attr:$heads, F64Attr:$scale, MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block,
                       OptionalAttr<F64Attr>:$rate, OptionalAttr<I64Attr>:$site);
  let results = (outs MBLM_Sequences:$result, MBLM_Sequences:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value `mask` `(` custom<Mask>($mask, $block) `)` (`hides` $hidden^)? (`dropout` $dropout_key^)? attr-dict `:`
    type($query) `,` type($lse) (`,` type($hidden)^)?
  }];
  let hasVerifier = 1;
}

def MBLM_AttentionGradOp : MBLM_PureOp<"attention_grad", [
    AttrSizedOperandSegments, AllTypesMatch<["grad", "query", "key", "value", "result", "queryGrad", "keyGrad", "valueGrad"]> /*attention_grad_c1*/]> {
  let summary = "Gradients of `mblm.attention`.";
  let description = [{
    With p[i, j] = exp(s[i, j] - lse[i]) for j in V(i), g the row of `grad` and D[i] = sum_c g[i, c] result[i, c]:

    `valueGrad[j] = sum_i m[i, j] p[i, j] g[i]`, `ds[i, j] = p[i, j] (m[i, j] g[i]·v[j] - D[i]) * scale`,
    `queryGrad[i] = sum_j ds[i, j] k[j]`, `keyGrad[j] = sum_i ds[i, j] q[i]`.

    (The softmax' gradient subtracts sum_j p[i, j] m[i, j] g[i]·v[j]. That is D[i] with dropout too: `result` is the dropped one.)
    Where all keys are hidden, p[i, j] = exp(-lse[i]) and ds = 0.

    Constraints: (C1) to (C7) of `mblm.attention`; `grad` and the results have the type of `query`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$query, MBLM_Sequences:$key, MBLM_Sequences:$value,
                       MBLM_Sequences:$result, MBLM_Sequences:$lse, Optional<MBLM_Ids>:$hidden, Optional<MBLM_DropoutKey>:$dropout_key,
                       I64Attr:$heads, F64Attr:$scale, MBLM_MaskKindAttr:$mask, OptionalAttr<I64Attr>:$block,
                       OptionalAttr<F64Attr>:$rate, OptionalAttr<I64Attr>:$site);
  let results = (outs MBLM_Sequences:$queryGrad, MBLM_Sequences:$keyGrad, MBLM_Sequences:$valueGrad);
  let assemblyFormat = [{
    $grad `,` $query `,` $key `,` $value `,` $result `,` $lse `mask` `(` custom<Mask>($mask, $block) `)`
    (`hides` $hidden^)? (`dropout` $dropout_key^)? attr-dict `:` type($query) `,` type($lse) (`,` type($hidden)^)?
  }];
  let hasVerifier = 1;
}

#endif

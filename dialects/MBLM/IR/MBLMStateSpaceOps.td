//===- MBLMStateSpaceOps.td - Convolutions, scans, SSD -------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_STATE_SPACE_OPS
#define MBLM_STATE_SPACE_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"

def MBLM_CausalConvOp : MBLM_PureOp<"causal_conv", [
    AllTypesMatch<["input", "result"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>,
    DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "Convolves every feature with its own taps over the positions before.";
  let description = [{
    With W taps and zeros outside the sequence: `result[k, t, c] = bias[c] + sum_{i < W} weight[c, i] * input[k, t - W + 1 + i, c]`;
    tap W - 1 is the current position's. With `reverse` `input[k, t + W - 1 - i, c]` instead: the adjoint.

    Constraints:
    * (C1) `shape(weight) = [C, W]`, `W >= 1`.
    * (C2) `shape(bias) = [C]` where given.
    * (C3) `type(result) = type(input)`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Matrix:$weight, Optional<MBLM_Vector>:$bias, UnitAttr:$reverse);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input `,` $weight (`,` $bias^)? attr-dict `:` type($input) `,` type($weight) (`,` type($bias)^)?";
  let hasVerifier = 1;
}

def MBLM_CausalConvWeightGradOp : MBLM_PureOp<"causal_conv_weight_grad"> {
  let summary = "Gradient of the taps of `mblm.causal_conv`.";
  let description = [{
    `result[c, i] = sum over k, t of grad[k, t, c] * input[k, t - W + 1 + i, c]`, in increasing (k, t).

    Constraints:
    * (C1) `shape(input) = shape(grad)`.
    * (C2) `shape(result) = [C, W]`, `W >= 1`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input);
  let results = (outs MBLM_Matrix:$result);
  let assemblyFormat = "$grad `,` $input attr-dict `:` type($grad) `,` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_SelectiveScanOp : MBLM_PureOp<"selective_scan", [
    AllTypesMatch<["input", "delta", "result"]>, AllTypesMatch<["b", "c"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "The recurrence of a Mamba-1 block: a diagonal state per feature, with its skip and its gate.";
  let description = [{
    Each of the E features has a state of N numbers, zero before the first position. With `d = softplus(delta[k, t, e])`, x the
    input and `A[e, n] = -exp(a_log[e, n])`:

    `h[t, e, n] = exp(d A[e, n]) h[t-1, e, n] + d x[k, t, e] b[k, t, n]`,
    `result[k, t, e] = sum_n h[t, e, n] c[k, t, n] + skip[e] x[k, t, e]`, times `silu(gate[k, t, e])` where a gate is given.

    A is discretised by zero-order hold, B by Euler's rule, as in Mamba's reference.

    Constraints:
    * (C1) input, delta and result have one type, [K, T, E]; so has `gate` where given.
    * (C2) `shape(a_log) = [E, N]`, N static.
    * (C3) b and c have one type, [K, T, N].
    * (C4) `shape(skip) = [E]`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Sequences:$delta, MBLM_Matrix:$a_log, MBLM_Sequences:$b, MBLM_Sequences:$c,
                       MBLM_Vector:$skip, Optional<MBLM_Sequences>:$gate);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $input `,` $delta `a` $a_log `b` $b `c` $c `skip` $skip (`gate` $gate^)? attr-dict `:` type($input) `,` type($a_log) `,` type($b)
    `,` type($skip) (`,` type($gate)^)?
  }];
  let hasVerifier = 1;
}

def MBLM_SelectiveScanGradOp : MBLM_PureOp<"selective_scan_grad", [
    AllTypesMatch<["grad", "input", "delta", "inputGrad", "deltaGrad"]>, AllTypesMatch<["b", "c", "bGrad", "cGrad"]>,
    AllTypesMatch<["a_log", "aLogGrad"]>, AllTypesMatch<["skip", "skipGrad"]>]> {
  let summary = "Gradients of `mblm.selective_scan`.";
  let description = [{
    With the names of `mblm.selective_scan`, `s = silu(gate)` (1 without a gate), `g = grad * s` and `w[t] = exp(d[t] A)`, from the
    last position to the first: `l[t, e, n] = g[t, e] c[t, n] + w[t+1, e, n] l[t+1, e, n]`, and

    `inputGrad = skip g + d sum_n l b`, `bGrad[n] = sum_e l d x`, `cGrad[n] = sum_e g h`, `skipGrad = sum over k, t of g x`,
    `deltaGrad = sigmoid(delta) sum_n l (A w h[t-1] + b x)`, `aLogGrad = A sum over k, t of l d w h[t-1]`,
    `gateGrad = grad (sum_n h c + skip x) sigmoid(gate) (1 + gate (1 - sigmoid(gate)))`.

    States are computed again from the inputs; none is kept.

    Constraints: (C1) to (C4) of `mblm.selective_scan`, each gradient of the type of what it belongs to;
    * (C5) `gateGrad` is there where `gate` is.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input, MBLM_Sequences:$delta, MBLM_Matrix:$a_log, MBLM_Sequences:$b,
                       MBLM_Sequences:$c, MBLM_Vector:$skip, Optional<MBLM_Sequences>:$gate);
  let results = (outs MBLM_Sequences:$inputGrad, MBLM_Sequences:$deltaGrad, MBLM_Matrix:$aLogGrad, MBLM_Sequences:$bGrad,
                      MBLM_Sequences:$cGrad, MBLM_Vector:$skipGrad, Optional<MBLM_Sequences>:$gateGrad);
  let assemblyFormat = [{
    $grad `,` $input `,` $delta `a` $a_log `b` $b `c` $c `skip` $skip (`gate` $gate^)? attr-dict `:` type($input) `,` type($a_log) `,`
    type($b) `,` type($skip) (`,` type($gate)^)? (`->` type($gateGrad)^)?
  }];
  let hasVerifier = 1;
}

def MBLM_SsdOp : MBLM_PureOp<"ssd", [
    AllTypesMatch<["input", "result"]>, AllTypesMatch<["b", "c"]>, AllTypesMatch<["a_log", "dt_bias"]>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>, DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "The recurrence of a Mamba-2 block: one decay per head and position, a matrix as state.";
  let description = [{
    The features are H heads of width P, the columns of b and c are `groups` groups of N; head h uses group `h div (H/groups)`.
    With `d = clamp(softplus(dt[k, t, h] + dt_bias[h]), dt_min, dt_max)`, x the head's input and `A[h] = -exp(a_log[h])`, from a zero
    state:

    `S[t] = exp(d A) S[t-1] + d x[t] b[t]^T` (P x N),  `result[t] = S[t] c[t] + skip x[t]`.

    `skip` has a number for each head, or one for each feature. `chunk` is how many positions are computed at once, as products
    of matrices; it does not change the result.

    Constraints:
    * (C1) input and result have one type, [K, T, H*P]; H is the width of `dt`, which is [K, T, H].
    * (C2) b and c have one type, [K, T, groups*N]; `groups >= 1` divides H and their width.
    * (C3) `shape(a_log) = shape(dt_bias) = [H]`.
    * (C4) `shape(skip)` is [H] or [H*P].
    * (C5) `chunk >= 1`.
    * (C6) `0 <= dt_min <= dt_max`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Sequences:$dt, MBLM_Vector:$a_log, MBLM_Sequences:$b, MBLM_Sequences:$c,
                       MBLM_Vector:$skip, MBLM_Vector:$dt_bias, DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "64">:$chunk, DefaultValuedAttr<F64Attr, "0.0">:$dt_min,
                       DefaultValuedAttr<F64Attr, "std::numeric_limits<double>::infinity()">:$dt_max);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $input `,` $dt `bias` $dt_bias `a` $a_log `b` $b `c` $c `skip` $skip attr-dict `:` type($input) `,` type($dt) `,` type($a_log) `,`
    type($b) `,` type($skip)
  }];
  let hasVerifier = 1;
}

def MBLM_SsdGradOp : MBLM_PureOp<"ssd_grad", [
    AllTypesMatch<["grad", "input", "inputGrad"]>, AllTypesMatch<["dt", "dtGrad"]>, AllTypesMatch<["b", "c", "bGrad", "cGrad"]>,
    AllTypesMatch<["a_log", "dt_bias", "aLogGrad", "dtBiasGrad"]>, AllTypesMatch<["skip", "skipGrad"]>]> {
  let summary = "Gradients of `mblm.ssd`.";
  let description = [{
    With the names of `mblm.ssd` and `w[t] = exp(d[t] A)`, from the last position to the first:
    `L[t] = grad[t] c[t]^T + w[t+1] L[t+1]` (P x N), and

    `inputGrad = d L b + skip grad`, `bGrad = sum over the group's heads of d L^T x`, `cGrad = sum over the group's heads of S^T grad`,
    `dtGrad = u (x·(L b) + A w <L, S[t-1]>)` with `u = sigmoid(dt + dt_bias)`, zero where d is clamped,
    `dtBiasGrad = sum over k, t of dtGrad`, `aLogGrad = A sum over k, t of d w <L, S[t-1]>`,
    `skipGrad = sum over k, t of grad x` (and over the head's features where skip has one number a head).

    States are computed again from the inputs; none is kept.

    Constraints: (C1) to (C6) of `mblm.ssd`, each gradient of the type of what it belongs to.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input, MBLM_Sequences:$dt, MBLM_Vector:$a_log, MBLM_Sequences:$b,
                       MBLM_Sequences:$c, MBLM_Vector:$skip, MBLM_Vector:$dt_bias, DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "64">:$chunk, DefaultValuedAttr<F64Attr, "0.0">:$dt_min,
                       DefaultValuedAttr<F64Attr, "std::numeric_limits<double>::infinity()">:$dt_max);
  let results = (outs MBLM_Sequences:$inputGrad, MBLM_Sequences:$dtGrad, MBLM_Vector:$aLogGrad, MBLM_Sequences:$bGrad,
                      MBLM_Sequences:$cGrad, MBLM_Vector:$skipGrad, MBLM_Vector:$dtBiasGrad);
  let assemblyFormat = [{
    $grad `,` $input `,` $dt `bias` $dt_bias `a` $a_log `b` $b `c` $c `skip` $skip attr-dict `:` type($input) `,` type($dt) `,`
    type($a_log) `,` type($b) `,` type($skip)
  }];
  let hasVerifier = 1;
}

#endif

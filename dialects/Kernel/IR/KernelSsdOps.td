//===- KernelSsdOps.td - Mamba-2's recurrence ----------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_SSD_OPS
#define KERNEL_SSD_OPS

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_SsdOp : Kernel_Op<"ssd", [Pure]> {
  let summary = "Mamba-2's recurrence in chunks of positions, as products of matrices.";
  let description = [{
    As `mblm.ssd`. Input, dt, b and c are read at feature offsets of their sources. In a chunk with entry state S (N x P), with
    `s[i] = A * (d[0] + ... + d[i])`, `M[i, j] = c[i]·b[j] exp(s[i] - s[j]) d[j]` for j <= i and X the chunk's input:
    `result = M X + exp(s) (c S) + skip X`, and the next chunk's state is `exp(s[last]) S + b^T (exp(s[last] - s) d X)`. No
    exponent is positive. `chunk` says how many positions a chunk should have; an emitter rounds it to its tile and to what
    its caches hold.

    Constraints:
    * (C1) four offsets; `input` has `heads * head_dim` features at its own, `dt` `heads`, `b` and `c` `groups * states`.
    * (C2) `heads`, `head_dim`, `states`, `groups` and `chunk` are at least 1, and `groups` divides `heads`.
    * (C3) `dt_bias` and `a_log` are [heads], `skip` is [heads] or [heads * head_dim].
    * (C4) `result` is [K, T, heads * head_dim] over `space`.
    * (C5) `0 <= dt_min <= dt_max`.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$dt, AnyRankedTensor:$b, AnyRankedTensor:$c,
                       AnyRankedTensor:$dt_bias, AnyRankedTensor:$a_log, AnyRankedTensor:$skip, Kernel_SpaceAttr:$space,
                       DenseI64ArrayAttr:$offsets, I64Attr:$heads, I64Attr:$head_dim, I64Attr:$groups, I64Attr:$states,
                       I64Attr:$chunk, F64Attr:$dt_min, F64Attr:$dt_max);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $input `,` $dt `,` $b `,` $c `at` $offsets `bias` $dt_bias `a` $a_log `skip` $skip attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_SsdGradOp : Kernel_Op<"ssd_grad", [Pure]> {
  let summary = "Gradients of `kernel.ssd`, states computed again chunk by chunk.";
  let description = [{
    As `mblm.ssd_grad`. The states at the chunks' borders come from a sweep forward; then the chunks go from last to first. With
    L (N x P) the gradient of a chunk's last state, `G[i, j] = c[i]·b[j] exp(s[i] - s[j])` and `W[i, j] = grad[i]·X[j] d[j]
    exp(s[i] - s[j])`, both for j <= i:

    `V = G^T grad + exp(s[last] - s) (b L)`,  `input_grad = d V + skip grad`,
    gradient of c: `W b + exp(s) (grad S^T)`,  gradient of b: `W^T c + exp(s[last] - s) d (X L^T)`.

    With q[i] the product of c[i] and its gradient, r[i] that of X[i] and V[i], and
    `a[t] = <L, next S> + sum_{i >= t} q[i] - d[i] r[i]`, where what a position gives to itself is left out on both sides, the
    gradient of d is `r + A a`. The gradients of b and c are sums over at most 4 heads each: a group of more has them in
    parts, side by side. Sums over positions for the parameters are one row a sequence, for `kernel.reduce`.

    Constraints: (C1) to (C5) of `kernel.ssd`, `grad` and `input_grad` as its result there;
    * (C6) `dt_grad` is [K, T, heads], `b_grad` and `c_grad` are [K, T, groups * parts * states].
    * (C7) `a_log_sums` and `dt_bias_sums` are [K, 1, heads], `skip_sums` is [K, 1, the size of skip].
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$input, AnyRankedTensor:$dt, AnyRankedTensor:$b,
                       AnyRankedTensor:$c, AnyRankedTensor:$dt_bias, AnyRankedTensor:$a_log, AnyRankedTensor:$skip,
                       Kernel_SpaceAttr:$space, DenseI64ArrayAttr:$offsets, I64Attr:$heads, I64Attr:$head_dim,
                       I64Attr:$groups, I64Attr:$states, I64Attr:$chunk, F64Attr:$dt_min, F64Attr:$dt_max);
  let results = (outs AnyRankedTensor:$input_grad, AnyRankedTensor:$dt_grad, AnyRankedTensor:$b_grad,
                      AnyRankedTensor:$c_grad, AnyRankedTensor:$a_log_sums, AnyRankedTensor:$dt_bias_sums,
                      AnyRankedTensor:$skip_sums);
  let assemblyFormat = [{
    $space $grad `,` $input `,` $dt `,` $b `,` $c `at` $offsets `bias` $dt_bias `a` $a_log `skip` $skip attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif

//===- KernelScanOps.td - Recurrences ------------------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_SCAN_OPS
#define KERNEL_SCAN_OPS

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_ScanOp : Kernel_Op<"scan", [Pure]> {
  let summary = "The recurrence of a Mamba-1 block in one pass: its states never reach memory.";
  let description = [{
    As `mblm.selective_scan` with E `channels` and N states each. Input, delta, b, c and gate are read at feature offsets of
    their sources.

    Constraints:
    * (C1) an offset each for input, delta, b, c and, where there is one, gate.
    * (C2) `a_log` is [`channels`, N], and N and `channels` are at least 1.
    * (C3) the sources are [K, T, features] over `space` and have `channels` features, b and c N, at their offsets.
    * (C4) `skip` is [`channels`].
    * (C5) `result` is [K, T, `channels`] over `space`.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$delta, AnyRankedTensor:$b, AnyRankedTensor:$c,
                       AnyRankedTensor:$a_log, AnyRankedTensor:$skip, Optional<AnyRankedTensor>:$gate, Kernel_SpaceAttr:$space,
                       DenseI64ArrayAttr:$offsets, I64Attr:$channels);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space `channels` $channels $input `,` $delta `,` $b `,` $c `a` $a_log `skip` $skip (`gate` $gate^)? `at` $offsets attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_ScanGradOp : Kernel_Op<"scan_grad", [Pure]> {
  let summary = "Gradients of `kernel.scan`, states computed again by chunks.";
  let description = [{
    As `mblm.selective_scan_grad`. Sums over rows (`a_log_sums`, `skip_sums`) come in 16 parts for `kernel.reduce`, each of
    consecutive sequences; sums over channels are made of P parts of `scanChannels` channels, which stand in `parts` until they
    are added up: so no gradient depends on the number of threads.

    Constraints: (C1) to (C4) of `kernel.scan`.
    * (C5) `grad`, `input_grad`, `delta_grad` and `gate_grad` are [K, T, `channels`], `b_grad` and `c_grad` [K, T, N] over `space`.
    * (C6) `a_log_sums` is [16, 1, `channels` * N] and `skip_sums` [16, 1, `channels`].
    * (C7) `parts` is [K, T, P * 2 * N].
    * (C8) `gate_grad` is there where `gate` is.
  }];
  let arguments = (ins AnyRankedTensor:$grad, AnyRankedTensor:$input, AnyRankedTensor:$delta, AnyRankedTensor:$b,
                       AnyRankedTensor:$c, AnyRankedTensor:$a_log, AnyRankedTensor:$skip, Optional<AnyRankedTensor>:$gate,
                       Kernel_SpaceAttr:$space, DenseI64ArrayAttr:$offsets, I64Attr:$channels);
  let results = (outs AnyRankedTensor:$input_grad, AnyRankedTensor:$delta_grad, AnyRankedTensor:$b_grad, AnyRankedTensor:$c_grad,
                      AnyRankedTensor:$a_log_sums, AnyRankedTensor:$skip_sums, AnyRankedTensor:$parts,
                      Optional<AnyRankedTensor>:$gate_grad);
  let assemblyFormat = [{
    $space `channels` $channels $grad `,` $input `,` $delta `,` $b `,` $c `a` $a_log `skip` $skip (`gate` $gate^)? `at` $offsets
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_ScanStepOp : Kernel_Op<"scan_step", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "A Mamba-1 block's recurrence on a call's positions, its state kept (see `mblm.selective_scan_step`).";
  let description = [{
    As `mblm.selective_scan_step` with E `channels` and N states each; `a_log` is transposed, [N, E], so that channels are lanes.

    Constraints:
    * (C1) input, delta, gate and result are [K, T, E] and b and c [K, T, N] over `space`, T a constant.
    * (C2) `a_log` is [N, E] and `skip` [E].
    * (C3) `state` is a `kernel.state` [K, N, E] with the sequences of `space`.
  }];
  let arguments = (ins AnyRankedTensor:$state, AnyRankedTensor:$input, AnyRankedTensor:$delta, AnyRankedTensor:$b, AnyRankedTensor:$c,
                       AnyRankedTensor:$a_log, AnyRankedTensor:$skip, Optional<AnyRankedTensor>:$gate, Kernel_SpaceAttr:$space);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $state `,` $input `,` $delta `,` $b `,` $c `a` $a_log `skip` $skip (`gate` $gate^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Kernel_SsdStepOp : Kernel_Op<"ssd_step", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "A Mamba-2 block's recurrence on a call's positions, its state kept (see `mblm.ssd_step`).";
  let description = [{
    As `mblm.ssd_step` with H `heads`, one position after the other.

    Constraints:
    * (C1) input and result are [K, T, E], `dt` [K, T, H], b and c [K, T, G*N] over `space`, T a constant; H divides E, `groups` (G) H.
    * (C2) `a_log` and `dt_bias` are [H], and `skip` [H] or [E].
    * (C3) `state` is a `kernel.state` [K, N, E] with the sequences of `space`.
  }];
  let arguments = (ins AnyRankedTensor:$state, AnyRankedTensor:$input, AnyRankedTensor:$dt, AnyRankedTensor:$b, AnyRankedTensor:$c,
                       AnyRankedTensor:$a_log, AnyRankedTensor:$skip, AnyRankedTensor:$dt_bias, Kernel_SpaceAttr:$space,
                       I64Attr:$heads, I64Attr:$groups, F64Attr:$dt_min, F64Attr:$dt_max);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $space $state `,` $input `,` $dt `,` $b `,` $c `a` $a_log `skip` $skip `bias` $dt_bias `heads` $heads `groups` $groups attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif

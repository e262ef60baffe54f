//===- KernelPrefixOps.td - Scans with any combination -------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_PREFIX_OPS
#define KERNEL_PREFIX_OPS

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_PrefixOp : Kernel_Op<"prefix", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "Combines every position with all before it.";
  let description = [{
    As `mblm.scan`, over `space`, in increasing t.

    Constraints:
    * (C1) there is at least one input, and as many results, all [K, T, C] over `space`.
    * (C2) the region has two arguments an input, and yields a value an input.
    * (C3) it holds what the region of `mblm.scan` may.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Kernel_SpaceAttr:$space);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$combine);
  let assemblyFormat = "$space `(` $inputs `)` attr-dict-with-keyword `:` functional-type($inputs, $results) $combine";
  let hasVerifier = 1;
}

def Kernel_PrefixGradOp : Kernel_Op<"prefix_grad", [Pure, IsolatedFromAbove, SingleBlock, SameVariadicOperandSize]> {
  let summary = "Gradients of `kernel.prefix`.";
  let description = [{
    As `mblm.scan_grad`, over `space`, in decreasing t.

    Constraints:
    * (C1) there is at least one input, and as many grads, states and results, all [K, T, C] over `space`.
    * (C2) the region has three arguments an input, and yields two values an input.
    * (C3) it holds what the region of `mblm.scan` may.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$grads, Variadic<AnyRankedTensor>:$states,
                       Variadic<AnyRankedTensor>:$inputs, Kernel_SpaceAttr:$space);
  let results = (outs Variadic<AnyRankedTensor>:$input_grads);
  let regions = (region SizedRegion<1>:$vjp);
  let assemblyFormat = [{
    $space `(` $grads `)` `states` `(` $states `)` `inputs` `(` $inputs `)` attr-dict-with-keyword `:`
    functional-type(operands, results) $vjp
  }];
  let hasVerifier = 1;
}

#endif

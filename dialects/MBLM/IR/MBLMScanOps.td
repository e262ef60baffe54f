//===- MBLMScanOps.td - Scans with any combination -----------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_SCAN_OPS
#define MBLM_SCAN_OPS

include "dialects/MBLM/IR/MBLMDialect.td"

def MBLM_YieldOp : MBLM_Op<"yield", [Pure, Terminator, ParentOneOf<["ScanOp", "ScanGradOp"]>]> {
  let summary = "Ends the scalar code of a scan.";
  let description = "How many values there are, the enclosing op says. Constraints: (C1) it stands in a scan or its gradient.";
  let arguments = (ins Variadic<F32>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def MBLM_ScanOp : MBLM_PureOp<"scan", [
    SingleBlock, IsolatedFromAbove, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Combines every position with all before it, by scalar code of the user's.";
  let description = [{
    With n inputs, elements are n numbers each, one of each input at the same sequence, position and feature:
    `result[0] = input[0]`, `result[t] = combine(result[t-1], input[t])`.

    `combine` gets the left element's n numbers and the right one's, and yields n. It is associative, which is the user's promise:
    sums, products, maxima, and with (a, b) the recurrence `h[t] = a[t] h[t-1] + b[t]`, whose combination is
    `(a_left a_right, a_right b_left + b_right)`. One pass over the positions does it; features and sequences are independent.

    Constraints:
    * (C1) there is at least one input; inputs and results are as many and of one type.
    * (C2) the region has 2n arguments of type f32.
    * (C3) it yields n values.
    * (C4) it holds constants, comparisons, selections, sums, differences, products, quotients, negations, maxima, minima, exponentials,
      logarithms, hyperbolic tangents and square roots alone.
  }];
  let arguments = (ins Variadic<MBLM_Sequences>:$inputs);
  let results = (outs Variadic<MBLM_Sequences>:$results);
  let regions = (region SizedRegion<1>:$combine);
  let assemblyFormat = "`(` $inputs `)` attr-dict-with-keyword `:` functional-type($inputs, $results) $combine";
  let hasVerifier = 1;
}

def MBLM_ScanGradOp : MBLM_PureOp<"scan_grad", [SingleBlock, IsolatedFromAbove, SameVariadicOperandSize]> {
  let summary = "Gradients of `mblm.scan`.";
  let description = [{
    From the last position to the first, `states` being the scan's results: `l[t] = grad[t] + left(t+1)` and, but for the first
    position, `inputGrad[t] = right(t)`, where `vjp(states[t-1], inputs[t], l[t]) = (left(t), right(t))`; `inputGrad[0] = l[0]`.

    `vjp` is the vector-Jacobian product of `combine`: it gets the left element, the right one and the gradient of their
    combination, n numbers each, and yields the gradients of left and right.

    Constraints:
    * (C1) there is at least one input; grads, states, inputs and results are as many and of one type.
    * (C2) the region has 3n arguments of type f32.
    * (C3) it yields 2n values.
    * (C4) it holds what (C4) of `mblm.scan` allows.
  }];
  let arguments = (ins Variadic<MBLM_Sequences>:$grads, Variadic<MBLM_Sequences>:$states, Variadic<MBLM_Sequences>:$inputs);
  let results = (outs Variadic<MBLM_Sequences>:$inputGrads);
  let regions = (region SizedRegion<1>:$vjp);
  let assemblyFormat = [{
    `(` $grads `)` `states` `(` $states `)` `inputs` `(` $inputs `)` attr-dict-with-keyword `:` functional-type(operands, results) $vjp
  }];
  let hasVerifier = 1;
}

#endif

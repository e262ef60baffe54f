//===- MBLMPositionwiseOps.td - Ops on single positions ------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_POSITIONWISE_OPS
#define MBLM_POSITIONWISE_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"

def MBLM_EmbedOp : MBLM_PureOp<"embed", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Looks bytes up in a table and lays each group of `bytes` side by side.";
  let description = [{
    `result[k, t, j*D + d] = table[ids[k, t*bytes + j], d]` for j < `bytes`. With `bytes = 1` a plain lookup; a stage above the
    local one embeds all bytes of a patch at once. Pad ids are looked up like any other. `skip` names the id whose row
    receives no gradient.

    Constraints:
    * (C1) `bytes >= 1`.
    * (C2) `shape(ids) = [K, T*bytes]`, `shape(table) = [V, D]`, `shape(result) = [K, T, bytes*D]`.
    * (C3) `0 <= skip < V` where given.
    * every id is in `[0, V)`: the caller's duty.
  }];
  let arguments = (ins MBLM_Ids:$ids, MBLM_Matrix:$table, DefaultValuedAttr<I64Attr, "1">:$bytes, OptionalAttr<I64Attr>:$skip);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_EmbedGradOp : MBLM_PureOp<"embed_grad"> {
  let summary = "Sums gradients of looked-up rows into their table rows.";
  let description = [{
    `result[v, d] = sum over k, t, j with ids[k, t*bytes + j] = v of grad[k, t, j*D + d]`, in increasing (k, t, j); row `skip`
    is zero where given.

    Constraints: (C1) to (C3) of `mblm.embed`, with `grad` for its result and `result` for its table.
  }];
  let arguments = (ins MBLM_Ids:$ids, MBLM_Sequences:$grad, DefaultValuedAttr<I64Attr, "1">:$bytes, OptionalAttr<I64Attr>:$skip);
  let results = (outs MBLM_Matrix:$result);
  let assemblyFormat = "$ids `,` $grad attr-dict `:` type($ids) `,` type($grad) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_EmbedBagOp : MBLM_PureOp<"embed_bag", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Looks several rows up for each position and adds them.";
  let description = [{
    `result[k, t, d] = sum over j < bag of table[ids[k, t*bag + j], d]`, in increasing j.

    Constraints:
    * (C1) `bag >= 1`.
    * (C2) `shape(ids) = [K, T*bag]`, `shape(table) = [V, D]`, `shape(result) = [K, T, D]`.
    * every id is in `[0, V)`: the caller's duty.
  }];
  let arguments = (ins MBLM_Ids:$ids, MBLM_Matrix:$table, I64Attr:$bag);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$ids `,` $table `bag` $bag attr-dict `:` type($ids) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_EmbedBagGradOp : MBLM_PureOp<"embed_bag_grad"> {
  let summary = "Sums gradients of bags into their table rows.";
  let description = [{
    `result[v, d] = sum over k, t, j with ids[k, t*bag + j] = v of grad[k, t, d]`, in increasing (k, t, j).

    Constraints: (C1) and (C2) of `mblm.embed_bag`, with `grad` for its result and `result` for its table.
  }];
  let arguments = (ins MBLM_Ids:$ids, MBLM_Sequences:$grad, I64Attr:$bag);
  let results = (outs MBLM_Matrix:$result);
  let assemblyFormat = "$ids `,` $grad `bag` $bag attr-dict `:` type($ids) `,` type($grad) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_PositionOp : MBLM_PureOp<"position", [
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>, DeclareOpInterfaceMethods<StatefulOpInterface>]> {
  let summary = "Adds a learned vector per position.";
  let description = [{
    `result[k, t, c] = input[k, t, c] + table[t, c]`; in a step with `origin`, row P + origin + t of the table, P the call's position.

    Constraints:
    * (C1) `shape(table) = [N, C]` with `N >= T` where T is static.
    * (C2) `shape(result) = shape(input)`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Matrix:$table, OptionalAttr<SI64Attr>:$origin);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input `,` $table (`from` $origin^)? attr-dict `:` type($input) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_LinearOp : MBLM_PureOp<"linear", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Affine map of every position.";
  let description = [{
    `result[k, t, n] = sum_c input[k, t, c] * weight[n, c] + bias[n]`; with `transposed`, `weight[c, n]` instead.

    Constraints:
    * (C1) the reduced dimension of `weight` (1, with `transposed` 0) equals `dim(input, 2)`.
    * (C2) `shape(result) = [K, T, N]`, N the other dimension of `weight`.
    * (C3) `shape(bias) = [N]` where given.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Matrix:$weight, Optional<MBLM_Vector>:$bias, UnitAttr:$transposed);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict `:` type($input) `,` type($weight) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def MBLM_WeightGradOp : MBLM_PureOp<"weight_grad"> {
  let summary = "Gradient of a linear map's weight.";
  let description = [{
    `result[n, c] = sum over k, t of grad[k, t, n] * input[k, t, c]`, in increasing (k, t).

    Constraints:
    * (C1) `grad` and `input` agree in K and T.
    * (C2) `shape(result) = [N, C]`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input);
  let results = (outs MBLM_Matrix:$result);
  let assemblyFormat = "$grad `,` $input attr-dict `:` type($grad) `,` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_NormOp : MBLM_PureOp<"norm", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Normalises every position over its features.";
  let description = [{
    With x one position and C its width:
    * `rms_clamp`: `x / max(sqrt(sum x^2) * C^-1/2, eps) * gain` (MEGABYTE, MBLM: eps 1e-8);
    * `rms`: `x / sqrt(mean x^2 + eps) * gain`;
    * `layer`: `(x - mean x) / sqrt(var x + eps) * gain + bias`, var the biased variance.
    With `groups` each of that many equal parts of the features is such an x; gain and bias go over all C.

    Constraints:
    * (C1) `shape(gain) = [C]`.
    * (C2) `bias` of shape [C] is there for `layer` and only for `layer`.
    * (C3) `eps >= 0` and finite.
    * (C4) `shape(result) = shape(input)`.
    * (C5) `groups >= 1` divides C.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Vector:$gain, Optional<MBLM_Vector>:$bias, MBLM_NormKindAttr:$kind, F64Attr:$eps,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    `` $kind $input `,` $gain (`,` $bias^)? attr-dict `:` type($input) `,` type($gain) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def MBLM_NormGradOp : MBLM_PureOp<"norm_grad"> {
  let summary = "Gradients of `mblm.norm`.";
  let description = [{
    With xh the normalised row (before the gain), r the factor that made it, g the row of `grad` and gg = g*gain:
    * `rms_clamp`, `rms`: `inputGrad = r * (gg - xh * mean(gg * xh))`; where `rms_clamp` clamps, `inputGrad = r * gg`;
    * `layer`: `inputGrad = r * (gg - mean gg - xh * mean(gg * xh))`.
    `gainGrad = sum over k, t of g * xh`, `biasGrad = sum over k, t of g` (`layer` only). Means are over a group's features.

    Constraints:
    * (C1) `shape(gain) = shape(gainGrad) = [C]`.
    * (C2) `biasGrad` is there for `layer` and only for `layer`.
    * (C3) `shape(grad) = shape(input) = shape(inputGrad)`.
    * (C4) `groups >= 1` divides C.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input, MBLM_Vector:$gain, MBLM_NormKindAttr:$kind, F64Attr:$eps,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs MBLM_Sequences:$inputGrad, MBLM_Vector:$gainGrad, Optional<MBLM_Vector>:$biasGrad);
  let assemblyFormat = [{
    `` $kind $grad `,` $input `,` $gain attr-dict `:` type($grad) `,` type($input) `,` type($gain) `->`
    type($inputGrad) `,` type($gainGrad) (`,` type($biasGrad)^)?
  }];
  let hasVerifier = 1;
}

def MBLM_ActivationOp : MBLM_PureOp<"activation", [SameOperandsAndResultType, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Applies a nonlinearity to every element.";
  let description = [{
    * `gelu`: `x/2 * (1 + erf(x / sqrt 2))`;
    * `gelu_tanh`: `x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))`;
    * `silu`: `x / (1 + exp(-x))`.

    Constraints: (C1) `type(result) = type(input)`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_ActivationKindAttr:$kind);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "`` $kind $input attr-dict `:` type($input)";
}

def MBLM_ActivationGradOp : MBLM_PureOp<"activation_grad", [SameOperandsAndResultType]> {
  let summary = "Gradient of `mblm.activation`.";
  let description = [{
    `result = grad * f'(input)`, f the nonlinearity of `kind`.

    Constraints: (C1) `type(result) = type(grad) = type(input)`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input, MBLM_ActivationKindAttr:$kind);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "`` $kind $grad `,` $input attr-dict `:` type($input)";
}

def MBLM_DropoutOp : MBLM_PureOp<"dropout", [
    AllTypesMatch<["input", "result"]> /*dropout_c1*/, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Sets random elements to zero and scales the others up.";
  let description = [{
    `result[k, t, c] = input[k, t, c] * keep / (1 - rate)` where `key` says to drop, else `input[k, t, c]`. With
    [seed low, seed high, draw, on] the elements of `key` and row = k*T + t, keep is 1 where

    `philox4x32_10(counter, seed)[c mod 4] >= round(rate * 2^32)`, `counter = [n low, n high, draw, site + 4 * 2^24]` with the
    64-bit number `n = row * ceil(C/4) + c div 4`,

    and 0 elsewhere. So an element's fate depends on nothing but the key, the site and its place, and the gradient is another
    dropout at the same site. Every op has a `site` of its own, or it drops what another one drops.

    Constraints:
    * (C1) `type(result) = type(input)`.
    * (C2) `key` is a tensor<4xi32>.
    * (C3) `0 <= rate < 1`.
    * (C4) `0 <= site < 2^24`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_DropoutKey:$key, F64Attr:$rate, I64Attr:$site);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$input `key` $key attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def MBLM_AddOp : MBLM_PureOp<"add", [SameOperandsAndResultType, Commutative, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Adds element by element.";
  let description = [{
    `result = lhs + rhs`.

    Constraints: (C1) the three types are equal.
  }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def MBLM_MultiplyOp : MBLM_PureOp<"multiply", [SameOperandsAndResultType, Commutative, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "Multiplies element by element.";
  let description = [{
    `result = lhs * rhs`.

    Constraints: (C1) the three types are equal.
  }];
  let arguments = (ins MBLM_Sequences:$lhs, MBLM_Sequences:$rhs);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def MBLM_ReduceOp : MBLM_PureOp<"reduce"> {
  let summary = "Sums over positions, over the batch, or over the start positions.";
  let description = [{
    * `rows`: `result[c] = sum over k, t of input[k, t, c]`;
    * `batch`: `result[t, c] = sum over k of input[k, t, c]` for t < T, zero for T <= t < P;
    * `starts`: `result[c] = sum over k of input[k, 0, c]`.
    Sums run in increasing (k, t).

    Constraints:
    * (C1) `shape(result)` is [C], for `batch` [P, C] with `P >= T` where T is static.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_ReduceOverAttr:$over);
  let results = (outs AnyTypeOf<[MBLM_Vector, MBLM_Matrix]>:$result);
  let assemblyFormat = "`` $over $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

#endif

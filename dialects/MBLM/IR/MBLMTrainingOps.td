//===- MBLMTrainingOps.td - Loss and update ------------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_TRAINING_OPS
#define MBLM_TRAINING_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"

def MBLM_CrossEntropyOp : MBLM_PureOp<"cross_entropy", [AllTypesMatch<["loss", "lse"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Negative log-likelihood of the byte that each position predicts, in nats.";
  let description = [{
    The target of row [b, t] is `y = ids[b, t + offset]`. `lse[b, t] = log sum_v exp logits[b, t, v]`;
    `loss[b, t] = lse[b, t] - logits[b, t, y]`, and zero where `y = ignore`.

    Constraints:
    * (C1) `offset >= 0`; `shape(ids) = [B, T + offset]`, `shape(logits) = [B, T, V]`.
    * (C2) `shape(loss) = shape(lse) = [B, T]`.
    * (C3) `0 <= ignore < V` where given.
  }];
  let arguments = (ins MBLM_Sequences:$logits, MBLM_Ids:$ids, DefaultValuedAttr<I64Attr, "0">:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs MBLM_PerPosition:$loss, MBLM_PerPosition:$lse);
  let assemblyFormat = "$logits `,` $ids attr-dict `:` type($logits) `,` type($ids) `->` type($loss)";
  let hasVerifier = 1;
}

def MBLM_CrossEntropyGradOp : MBLM_PureOp<"cross_entropy_grad", [AllTypesMatch<["grad", "lse"]>, AllTypesMatch<["logits", "result"]>]> {
  let summary = "Gradient of `mblm.cross_entropy`.";
  let description = [{
    `result[b, t, v] = grad[b, t] * (exp(logits[b, t, v] - lse[b, t]) - [v = y])`, and zero where `y = ignore`.

    Constraints: (C1) to (C3) of `mblm.cross_entropy`; `type(result) = type(logits)`, `shape(grad) = [B, T]`.
  }];
  let arguments = (ins MBLM_PerPosition:$grad, MBLM_Sequences:$logits, MBLM_PerPosition:$lse, MBLM_Ids:$ids,
                       DefaultValuedAttr<I64Attr, "0">:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $grad `,` $logits `,` $lse `,` $ids attr-dict `:` type($grad) `,` type($logits) `,` type($ids)
  }];
  let hasVerifier = 1;
}

def MBLM_MeanLossOp : MBLM_PureOp<"mean_loss", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "The reference's mean of token losses.";
  let description = [{
    With w[b, t] = mask[b, t + offset] and l = token_loss * w:  `sum = sum over b, t of l`; `count` is
    * `nonzero`: the number of (b, t) with l != 0 (MBLM: weights scale the loss but not the divisor);
    * `targets`: the number of (b, t) with w != 0 and `ids[b, t + offset] != ignore` (MEGABYTE, GPT-2);
    * `weighted`: sum over b, t of w, plus 1e-6 (BLT).
    `loss = sum / count`; where count is zero, `nonzero` gives 0 and `targets` gives NaN, as the references do.

    Constraints:
    * (C1) `shape(ids) = shape(mask) = [B, T + offset]`, `shape(token_loss) = [B, T]`, `offset >= 0`.
  }];
  let arguments = (ins MBLM_PerPosition:$token_loss, MBLM_PerPosition:$mask, MBLM_Ids:$ids, MBLM_LossKindAttr:$kind,
                       DefaultValuedAttr<I64Attr, "0">:$offset, OptionalAttr<I64Attr>:$ignore);
  let results = (outs MBLM_Scalar:$loss, MBLM_Scalar:$sum, MBLM_Scalar:$count);
  let assemblyFormat = [{
    `` $kind $token_loss `,` $mask `,` $ids attr-dict `:` type($token_loss) `,` type($mask) `,` type($ids)
  }];
  let hasVerifier = 1;
}

def MBLM_MeanLossGradOp : MBLM_PureOp<"mean_loss_grad"> {
  let summary = "Gradient of `mblm.mean_loss` with respect to the token losses.";
  let description = [{
    `result[b, t] = grad * mask[b, t + offset] / count`; zero where count is zero.

    Constraints: (C1) `shape(mask) = [B, T + offset]`, `shape(result) = [B, T]`, `offset >= 0`.
  }];
  let arguments = (ins MBLM_Scalar:$grad, MBLM_Scalar:$count, MBLM_PerPosition:$mask, DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs MBLM_PerPosition:$result);
  let assemblyFormat = "$grad `,` $count `,` $mask attr-dict `:` type($mask) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_UpdateOp : MBLM_Op<"update"> {
  let summary = "Clips all gradients by their global norm and steps the optimizer.";
  let description = [{
    Over all parameters of the module, with hyper = [lr, beta1, beta2, eps, weight_decay, clip, step, decoupled]:

    `norm = sqrt(sum g^2)`; `g *= min(1, clip / (norm + 1e-6))` where clip > 0; with d the parameter's entry of `decay`:
    * Adam (decoupled = 0): `g += weight_decay * d * p`; AdamW: `p -= lr * weight_decay * d * p`;
    * `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
      `p -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + eps)`.
    The gradients are zero afterwards. `norm` is the one before clipping.

    Constraints:
    * (C1) `shape(hyper) = [8]`.
    * (C2) `shape(decay) = [number of parameters in the module]`.
  }];
  let arguments = (ins MBLM_Vector:$hyper, MBLM_Vector:$decay);
  let results = (outs MBLM_Scalar:$norm);
  let assemblyFormat = "$hyper `,` $decay attr-dict `:` type($hyper) `,` type($decay)";
  let hasVerifier = 1;
}

#endif

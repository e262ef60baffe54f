//===- MBLMAttrs.td - Kinds of norm, activation, mask --------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_ATTRS
#define MBLM_ATTRS

include "dialects/MBLM/IR/MBLMDialect.td"

class MBLM_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mblm";
  let genSpecializedAttr = 0;
}
class MBLM_EnumAttr<EnumAttrInfo info, string mnemonic> : EnumAttr<MBLM_Dialect, info, mnemonic>;

def MBLM_NormKind : MBLM_Enum<"NormKind", "how a row is normalised", [
  I32EnumAttrCase<"RmsClamp", 0, "rms_clamp">,
  I32EnumAttrCase<"Rms", 1, "rms">,
  I32EnumAttrCase<"Layer", 2, "layer">]>;
def MBLM_NormKindAttr : MBLM_EnumAttr<MBLM_NormKind, "norm_kind">;

def MBLM_ActivationKind : MBLM_Enum<"ActivationKind", "point-wise nonlinearity", [
  I32EnumAttrCase<"Gelu", 0, "gelu">,
  I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,
  I32EnumAttrCase<"Silu", 2, "silu">]>;
def MBLM_ActivationKindAttr : MBLM_EnumAttr<MBLM_ActivationKind, "activation_kind">;

def MBLM_Pairing : MBLM_Enum<"Pairing", "which features a rotation couples", [
  I32EnumAttrCase<"HalfSplit", 0, "half_split">,
  I32EnumAttrCase<"Interleaved", 1, "interleaved">]>;
def MBLM_PairingAttr : MBLM_EnumAttr<MBLM_Pairing, "pairing">;

// A query at position i sees the keys of one interval of positions:
//   causal: [0, i];  block_causal: [i - i mod block, i];  full: [0, T-1].
def MBLM_MaskKind : MBLM_Enum<"MaskKind", "which keys a query sees", [
  I32EnumAttrCase<"Causal", 0, "causal">,
  I32EnumAttrCase<"BlockCausal", 1, "block_causal">,
  I32EnumAttrCase<"Full", 2, "full">]>;
def MBLM_MaskKindAttr : MBLM_EnumAttr<MBLM_MaskKind, "mask_kind">;

def MBLM_ReduceOver : MBLM_Enum<"ReduceOver", "which positions a sum covers", [
  I32EnumAttrCase<"Rows", 0, "rows">,
  I32EnumAttrCase<"Batch", 1, "batch">,
  I32EnumAttrCase<"Starts", 2, "starts">]>;
def MBLM_ReduceOverAttr : MBLM_EnumAttr<MBLM_ReduceOver, "reduce_over">;

def MBLM_PoolKind : MBLM_Enum<"PoolKind", "what stands for a range", [
  I32EnumAttrCase<"Max", 0, "max">,
  I32EnumAttrCase<"Min", 1, "min">,
  I32EnumAttrCase<"Mean", 2, "mean">,
  I32EnumAttrCase<"Sum", 3, "sum">]>;
def MBLM_PoolKindAttr : MBLM_EnumAttr<MBLM_PoolKind, "pool_kind">;

def MBLM_PatchMode : MBLM_Enum<"PatchMode", "what begins a patch", [
  I32EnumAttrCase<"Static", 0, "static">,
  I32EnumAttrCase<"Byte", 1, "byte">,
  I32EnumAttrCase<"Space", 2, "space">,
  I32EnumAttrCase<"Entropy", 3, "entropy">,
  I32EnumAttrCase<"Bpe", 4, "bpe">]>;
def MBLM_PatchModeAttr : MBLM_EnumAttr<MBLM_PatchMode, "patch_mode">;

def MBLM_LossKind : MBLM_Enum<"LossKind", "divisor of the mean loss", [
  I32EnumAttrCase<"Nonzero", 0, "nonzero">,
  I32EnumAttrCase<"Targets", 1, "targets">,
  I32EnumAttrCase<"Weighted", 2, "weighted">]>;
def MBLM_LossKindAttr : MBLM_EnumAttr<MBLM_LossKind, "loss_kind">;

#endif

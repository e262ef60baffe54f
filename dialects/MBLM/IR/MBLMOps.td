//===- MBLMOps.td - All ops, in one generated file -----------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_OPS
#define MBLM_OPS

include "dialects/MBLM/IR/MBLMStructureOps.td"
include "dialects/MBLM/IR/MBLMPositionwiseOps.td"
include "dialects/MBLM/IR/MBLMSequenceOps.td"
include "dialects/MBLM/IR/MBLMPatchOps.td"
include "dialects/MBLM/IR/MBLMStateSpaceOps.td"
include "dialects/MBLM/IR/MBLMDecodingOps.td"
include "dialects/MBLM/IR/MBLMScanOps.td"
include "dialects/MBLM/IR/MBLMTrainingOps.td"

#endif

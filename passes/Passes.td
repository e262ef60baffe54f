//===- Passes.td - All passes of the compiler ----------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One record a pass, grouped by folder. Each says what it does, what it needs, what it leaves, with an example.
//===----------------------------------------------------------------------===//
#ifndef MBLM_PASSES
#define MBLM_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

def CheckCausalityPass : Pass<"mblm-check-causality", "::mlir::ModuleOp"> {
  let summary = "Proves that no row of the logits sees the byte it predicts, or a later one.";
  let description = [{
    Row t of @forward's result stands for the prediction of byte t, so it may depend on bytes before t only. The pass follows
    every value from the ids to the result and keeps the newest byte that each position may depend on, from the ops'
    CausalityOpInterface and, where patches are opened, closed or shifted, from their sizes. An error names the op at which a
    position first sees more than its consumer may use.

    Needs: an `mblm` module with @forward. Leaves: the module as it is.

    Example: attention with `mask(full)` over the patches of a sequence is an error at the attention.
  }];
  let dependentDialects = ["::mblm::MBLMDialect"];
}

def PrintShapesPass : Pass<"mblm-print-shapes", "::mlir::ModuleOp"> {
  let summary = "Shows the size of every value as a form of B and M.";
  let description = [{
    A remark at each op of each function with its results' sizes, such as `[B*M, 8, 128]`: B is the batch, M the number of
    outermost slots.

    Needs: an `mblm` module; its attribute `mblm.inner` is the number of bytes in an outermost slot. Leaves: the module as it is.

    Example: `mblm-opt model.mlir --mblm-print-shapes` prints `remark: [B, 4*M]` at an op on ids with `mblm.inner = 4`.
  }];
  let dependentDialects = ["::mblm::MBLMDialect"];
}

#endif

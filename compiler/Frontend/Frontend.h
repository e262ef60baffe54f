// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A spec as a module of the `mblm` dialect: attributes `mblm.name` and `mblm.inner` (bytes per outermost slot), one
// `mblm.parameter` per entry of spec::listParameters, and the functions
//   @forward(ids: [B, M*inner]) -> logits [B, M*inner, V], row t predicts byte t + 1
//   @hidden(ids) -> the same rows before the head
//   @loss(ids, mask) -> loss, sum, count
//   @train_loss(ids, mask, key) -> the same with dropout (only where the spec has some); `key` as in `mblm.dropout`
//   @empty() -> logits [1, 1, V] for no bytes at all (only with start tokens)
// Every op's location is a name: the JSON pointer of what it stems from, and its role there.
#pragma once

#include "compiler/Spec/Spec.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mblm {

mlir::OwningOpRef<mlir::ModuleOp> buildModule(const spec::Spec &spec, mlir::MLIRContext &context);

} // namespace mblm

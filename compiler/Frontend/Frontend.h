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
//   @entropies(ids) -> the entropy of each row's distribution [B, M], nats (only of BLT's entropy model)
// Where the data decides the patches, all of them but @empty take lengths: [B, P], and @loss what each byte predicts: @loss(ids, mask,
// lengths, targets).
// With `pieces`, the stages behind the first stand in a private function @inner(context, ids) -> states of the local stage,
// which the others run with `mblm.pieces`. Every op's location is a name: the JSON pointer of what it stems from, and its role there.
#pragma once

#include "compiler/Spec/Spec.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mblm {

// BLT's: one stage, whose distributions' entropies tell where patches end.
bool isEntropyModel(const spec::Spec &spec);

// Whether there are stages behind the first, none with dropout: its masks are drawn for all slots at once.
bool canRunByPieces(const spec::Spec &spec);

// `pieces` where the spec cannot run so changes nothing.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const spec::Spec &spec, mlir::MLIRContext &context, bool pieces = false);

} // namespace mblm

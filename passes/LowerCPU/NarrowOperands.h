// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands of products with bf16 factors, laid out as BlockProduct wants them: A as rows along the depth, B as pairs along it.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::cpu {
using namespace emit;

// Rows of numbers in memory: f32, or bf16 where `narrow`.
struct NarrowSource {
  mlir::Value pointer, stride;
  bool narrow = false;
};

// What strides and offsets of a product's factors count; bf16 are integers to loads and stores.
inline mlir::Type factorType(Emitter &e, bool narrow) { return narrow ? mlir::Type(e.b.getI16Type()) : e.f32(); }
// From a row of B to the next, or in bf16 from a pair of rows to the next, in the panels of packs.
inline int64_t panelPitch(bool narrow) { return (narrow ? 2 : 1) * kernel::panelWidth; }
// The depth up to which factors have numbers, zeros behind `count`.
inline mlir::Value wholeGroups(Emitter &e, mlir::Value count) {
  return e.mul(e.ceilDiv(count, kernel::depthGroup), kernel::depthGroup);
}

// Stores a vector or a number as bf16 at element `index` of `base`. A null mask stores everything.
void storeNarrow(Emitter &e, mlir::Value value, mlir::Value base, mlir::Value index, mlir::Value mask = {});
// Vectors x and y of f32 as pairs (x0, y0), (x1, y1), ..
void storePairs(Emitter &e, mlir::Value x, mlir::Value y, mlir::Value base, mlir::Value index);
void zeroNarrow(Emitter &e, mlir::Value base, mlir::Value index, mlir::Value count);

// In the following `width` is a multiple of the machine's lanes, and where the rows are the depth, zeros follow them up to a
// whole group.

// A: rows as they are. target[r * targetStride + c] = from[r, c].
void roundRows(Emitter &e, NarrowSource from, mlir::Value count, int64_t width, mlir::Value target, mlir::Value targetStride);
// A: columns become rows. target[c * targetStride + r] = from[r, c].
void turnRows(Emitter &e, NarrowSource from, mlir::Value count, int64_t width, mlir::Value target, mlir::Value targetStride);
// B: depth along the rows. target[(r / 2) * pairStride + 2 * c + r % 2] = from[r, c].
void pairRows(Emitter &e, NarrowSource from, mlir::Value count, int64_t width, mlir::Value target, mlir::Value pairStride);
// B: depth along the columns, a square of it: lanes rows, 2 * lanes columns. target[(c / 2) * pairStride + 2 * r + c % 2] =
// from[r, c].
void pairColumns(Emitter &e, NarrowSource from, mlir::Value target, mlir::Value pairStride);

} // namespace mblm::cpu

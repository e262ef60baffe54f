// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the rows of attention's heads lie, and copies of them: rotated, packed head by head, fetched into shared
// memory.
#pragma once

#include "passes/Emit/AttentionShape.h"
#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

// A tensor with the features of all heads: those of a row begin at `offset` of its `stride` elements. Or, packed, the
// rows of each sequence and head one behind the other, from `begin` elements on.
struct HeadTensor {
  unsigned pointer = 0; // its number among the kernel's
  mlir::Type element;
  int64_t stride = 0, offset = 0;
  bool packed = false;
  SymbolicDim begin;
};

// The rows of one head in one sequence: element (t, c) at base[first + t * stride + c].
struct HeadRows {
  mlir::Value base;
  mlir::Type element;
  mlir::Value first;
  int64_t stride;
  mlir::Value offset(ThreadEmitter &e, mlir::Value t) const { return e.add(first, e.mul(t, stride)); }
  Memory memory() const { return {base, {}, element, true}; }
};
HeadRows headRows(KernelWriter::Step &s, const AttentionShape &shape, const HeadTensor &tensor, mlir::Value sequence,
                  mlir::Value head);

// Lines of a head's width, copied by all threads of a block.
struct LineCopy {
  struct End {
    Memory memory;
    std::function<mlir::Value(mlir::Value line)> offset;
  };
  int64_t lines = 0, width = 0;
  End from, to;
  std::function<mlir::Value(mlir::Value line)> active; // null: all of them
  // Rotated by the angles that the table has for a line's position, with `inverse` back. Null: as they are.
  mlir::Value table;
  std::function<mlir::Value(mlir::Value line)> position;
  bool inverse = false;
};
void copyLines(ThreadEmitter &e, const LineCopy &copy);

// Brings rows [from, from + lines) into lines of shared memory of `depth` elements, `stride` apart, by cp.async where
// that can; zeros stand for rows from `end` on and behind a row's `width` elements. The shared lines have the rows'
// element type.
struct Fetch {
  int64_t lines, width, depth, stride;
};
void fetchRows(ThreadEmitter &e, const HeadRows &rows, mlir::Value from, mlir::Value end, mlir::Value target,
               const Fetch &fetch);

} // namespace mblm::cuda

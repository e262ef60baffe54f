// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What dropout multiplies elements by (see mblm.dropout), for neighbouring columns at a time: the same bits as
// runtime/Support/Dropout.h at every vector width.
#pragma once

#include "passes/Emit/Emitter.h"

namespace mblm::emit {

class DropoutEmitter {
public:
  // Reads the `kernel.dropout_key` at `key`; where this stands, so long is it known.
  DropoutEmitter(Emitter &e, mlir::Value key);

  static constexpr int64_t perBlock = 4; // columns that share a block of random words

  // The number of a row's first block; `columns` is their number in a row.
  mlir::Value rowBlock(mlir::Value row, mlir::Value columns) const;

  // Factors of the elements of blocks [block, block + count): `count * perBlock` of them, in order.
  mlir::Value blocks(mlir::Value block, int64_t count) const;
  // Factors of one vector of columns from `column` on, in the row that begins at block `rowBlock`. With `aligned`, columns
  // are known to begin at a block.
  mlir::Value columns(mlir::Value rowBlock, mlir::Value column, bool aligned) const;

private:
  using Words = std::array<mlir::Value, 4>;
  Words philox(mlir::Value block) const;
  mlir::Value factors(mlir::Value words) const;

  Emitter &e;
  mlir::Value seed[2], draw, site; // i64, of 32 bits each
  mlir::Value threshold, factor;   // i32, f32
};

// Writes what a `kernel.dropout_key` holds, from the key at `from`.
void writeDropoutKey(Emitter &e, kernel::DropoutKeyOp op, mlir::Value from, mlir::Value to);

} // namespace mblm::emit

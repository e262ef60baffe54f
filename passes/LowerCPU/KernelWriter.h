// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel as machine code will see it: functions over work items, and how they are launched.
//   void name(void **args, int64_t begin, int64_t end, float *scratch)
// `args` holds pointers to the op's tensors, operands first, then B, M, the launch's part, the call's position
// and P.
#pragma once

#include "passes/Emit/Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mblm::cpu {
using namespace emit;

// Work items: ceil(count / divisor) * pieces.
struct Items {
  SymbolicDim count;
  int64_t divisor = 1, pieces = 1;
};

// One parallel step of a kernel; the steps of an op run one after another and share their arguments.
struct Launch {
  std::string function;
  Items items;
  int64_t part = 0; // where a step is launched once a part of its rows
};

struct CompiledKernel {
  llvm::SmallVector<Launch> launches;
  SymbolicDim scratch; // floats per thread, as a bound in every coefficient
};

// A block of rows times packed or plain columns: C[i, n] (+)= sum_k A[i, k] * B[k, n].
struct BlockProduct {
  mlir::Value a, lda;        // A[i * lda + k]; with columnMajor A[k * lda + i]
  bool columnMajor = false;
  mlir::Value rows;          // A is readable up to the next multiple of the tile's rows
  // Column panel p begins at b + p * panelStride, in it the columns of its tile t at + t * groupStride (side by side, where it is not
  // given), and of these row k at + k * ldb.
  mlir::Value b, panelStride, groupStride, ldb;
  mlir::Value columns;
  mlir::Value c, ldc;        // padded: room for whole tiles; otherwise exactly rows x columns
  bool padded = true;
  mlir::Value depth;
  mlir::Value accumulate;    // i1
  mlir::Value tile;          // scratch for one tile, where not padded
  // Work that goes along with the multiplication, such as prefetches: called with the number of each tile among ceil(rows / its rows) *
  // ceil(columns / its columns).
  std::function<void(Emitter &, mlir::Value)> alongside;
  // Factors are bf16, strides count them, and depth comes in pairs side by side: A[i * lda + k], B(k, n) at b + p * panelStride +
  // (k / 2) * ldb + 2 * n + k % 2. The depth is a multiple of kernel::depthGroup; A has rows up to a multiple of 16.
  bool narrow = false;
};

// A panel that was packed in f32, of so many rows: the columns of a register tile lie together, row after row, so that a tile reads
// memory in order and what it reads fills whole cache lines of the nearest cache's every set.
struct PanelLayout {
  int64_t depth, columns; // rows, and columns of a tile
  // Where the panel's column `v` begins, and how far it is from there to its next row.
  int64_t begin(int64_t v) const { return v / columns * depth * columns + v % columns; }
  mlir::Value begin(Emitter &e, mlir::Value v) const;
  int64_t pitch() const { return columns; }
  // Says so of a product's B, whose panels lie one behind the other.
  void describe(Emitter &e, BlockProduct &product) const;
};

// Dot products of rows of A with rows of B, both as they lie in memory: C[i, j] = sum_k A[i, k] * B[j, k]. The order of a sum
// depends on the depth alone, so that a product does not depend on the rows and columns beside it.
struct DotBlock {
  mlir::Value a, lda, rows;
  mlir::Value b, ldb, columns;
  mlir::Type element; // of B: f32 or i8
  mlir::Value c, ldc;
  int64_t depth = 0;
};

class KernelWriter {
public:
  KernelWriter(mlir::ModuleOp module, const Machine &machine, std::string name)
      : module(module), machine(machine), name(std::move(name)) {}

  // What the body of a step may use.
  struct Step {
    Emitter e;
    mlir::Value begin, end;                  // items, as index
    mlir::Value part;                        // as index
    llvm::SmallVector<mlir::Value> pointers; // of the op's tensors
    // A piece of the thread's scratch.
    mlir::Value allocate(SymbolicDim floats);
    mlir::Value allocate(int64_t floats) { return allocate(SymbolicDim::constant(floats)); }
    // The same in numbers of two bytes.
    mlir::Value allocateNarrow(SymbolicDim numbers);
    mlir::Value allocateNarrow(int64_t numbers) { return allocateNarrow(SymbolicDim::constant(numbers)); }
    mlir::Value scratch;
    SymbolicDim used;
  };
  void step(mlir::Location loc, unsigned tensors, Items items, const std::function<void(Step &)> &body);

  void product(Emitter &e, const BlockProduct &product);
  int64_t rowsOfTile(bool narrow) const;
  int64_t columnsOfTile(bool narrow) const;
  int64_t floatsOfTile(bool narrow) const { return rowsOfTile(narrow) * columnsOfTile(narrow); }
  PanelLayout panelOf(int64_t depth) const { return {depth, machine.tileColumns()}; }
  void dots(Emitter &e, const DotBlock &block);

  mlir::ModuleOp module;
  const Machine machine;
  CompiledKernel kernel;
  std::string name; // of the next step's function

private:
  // The shared tile, made when first asked for.
  mlir::func::FuncOp tileFunction(bool columnMajor);
  mlir::func::FuncOp narrowTileFunction();
  void writePairs(Emitter &e, mlir::Block *entry);
  void writeTiles(Emitter &e, mlir::Block *entry);
  void configureTiles(Emitter &e, mlir::Block *entry);
  mlir::func::FuncOp dotFunction(int64_t rows, int64_t columns, int64_t depth, mlir::Type element);

  bool usesTiles = false; // the step at hand
};

} // namespace mblm::cpu

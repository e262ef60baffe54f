// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over long sequences: a block has some rows of one sequence and head, and goes through tiles of what these
// see (or are seen by). Short sequences have blocks of several whole ones.
#pragma once

#include "passes/Emit/DropoutEmitter.h"
#include "passes/LowerGPU/AttentionTiles.h"
#include "passes/LowerGPU/HeadRows.h"

namespace mblm::cuda {

// Sequences up to this length are short.
constexpr int64_t shortSequence = 32;
inline bool isShort(kernel::SpaceAttr space) {
  return space.getPositions().isConstant() && space.getPositions().one <= shortSequence;
}

// Whether ranged attention is a step's: queries are few, and their keys lie in states.
inline bool isStep(kernel::SpaceAttr space) { return space.getPositions().isConstant(); }

// Stands for minus infinity where differences are taken.
constexpr double lowestScore = -1e30;

// What a block's rows see of the rows that it goes through in tiles.
struct Sight {
  mlir::Value first, end; // of what any of them sees
  // First and end of what row `row` of the block sees; null: no bound within the tiles.
  std::function<std::pair<mlir::Value, mlir::Value>(mlir::Value row)> ofRow;
  // The tiles from the first on that end here are seen by all rows. Null: perhaps none.
  mlir::Value whole;
  // Whether some row may not see all of the tile at `at`. Null: one cannot say.
  std::function<mlir::Value(mlir::Value at)> partly;
  bool mayBeNone = false; // a row may see nothing
};

class AttentionBlock {
public:
  // `dropoutKey` is null where no probability is dropped. With `lastFirst` the last rows of a sequence start first.
  AttentionBlock(KernelWriter::Step &s, const AttentionShape &shape, AttentionTiles &tiles, mlir::Value dropoutKey,
                 bool lastFirst);
  static Grid grid(const AttentionShape &shape, const TileSizes &sizes);

  KernelWriter::Step &s;
  ThreadEmitter &e;
  const AttentionShape &shape;
  AttentionTiles &tiles;
  mlir::Value positions, sequence, head, first; // `first`: row
  mlir::Value present;                          // whether there are such rows

  HeadRows rowsOf(const HeadTensor &tensor) { return headRows(s, shape, tensor, sequence, head); }
  // Rows [from, from + lines) of a tensor into shared memory, those from `end` on as zeros.
  void fetch(const HeadRows &rows, mlir::Value from, mlir::Value end, int64_t lines, mlir::Value target) {
    fetchRows(e, rows, from, end, target, {lines, shape.width, tiles.depth, tiles.stride()});
  }
  void commit();
  // What was committed is there for all, and all are done with what came before.
  void arrive();

  // What dropout multiplies probabilities by: rows for queries [query, query + queries) of factors for `keys` keys,
  // there for all threads. The shared memory is null without dropout.
  mlir::Value allocateFactors(int64_t queries, int64_t keys);
  void writeFactors(mlir::Value target, mlir::Value query, int64_t queries, mlir::Value key, int64_t keys);
  // The factor of a place in this memory; `probability` times it, or itself without dropout.
  mlir::Value drop(mlir::Value probability, mlir::Value factors, mlir::Value query, mlir::Value key, int64_t keys);

  // Which columns of a row in the tile at `at` count: those of [first, end), as i32 from the thread's first column on.
  // Null: no bound.
  struct Window {
    mlir::Value first, end;
  };
  Window window(mlir::Value at, mlir::Value first, mlir::Value end);
  // The score, or minus infinity outside of the window.
  mlir::Value masked(mlir::Value score, const Window &window, int64_t offset);

  // What the mask lets the block's queries see, and by whom its keys are seen.
  Sight keysSeen();
  Sight queriesSeeing();
  // The thread's scores with the tile at `at`, scaled; minus infinity where a row does not see a column.
  AttentionTiles::Sums seen(mlir::ValueRange scores, mlir::Value at, const Sight &sight);

  mlir::Value larger(mlir::Value x, mlir::Value y) { return mlir::arith::MaximumFOp::create(e.b, x, y); }
  // A score as `exponential` of the tiles takes it.
  mlir::Value scaled(mlir::Value score) { return e.mulf(score, e.number(shape.scale * tiles.unit())); }

private:
  mlir::Value lastRow(); // of the block

  std::optional<DropoutEmitter> dropout;
};

} // namespace mblm::cuda

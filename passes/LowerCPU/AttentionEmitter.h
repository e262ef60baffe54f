// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What forward and backward attention share: where heads lie, who sees whom, rotated copies of rows. Work items are pairs of
// sequence and head. Short sequences (a patch's) are computed pair by pair of positions with vectors along the head; long
// ones in blocks on the gemm tile with an online softmax.
#pragma once

#include "passes/Emit/AttentionShape.h"
#include "passes/Emit/DropoutEmitter.h"
#include "passes/LowerCPU/Kernels.h"

#include <optional>

namespace mblm::cpu {

// Sequences up to this length take the short form.
constexpr int64_t shortSequence = 64;
// Rows and keys of a block of the long form.
constexpr int64_t queryBlock = kernel::blockRows;
constexpr int64_t keyBlock = 64;
// Floats from a row of a block's scores to the next: the tile reads past the keys.
constexpr int64_t scoreStride = keyBlock + 16;

// One work item for each sequence and head.
inline Items attentionItems(const AttentionShape &shape) {
  return {shape.pairs()};
}

// Scores of `rows` positions from `firstRow` on with `keyBlock` keys from `firstKey` on, and what the softmax over all keys keeps of
// the blocks before: maxima, sums and mixed values, a row a position.
struct ScoreBlock {
  mlir::Value scores, firstRow, rows, firstKey, maxima, sums, mixed;
};

class AttentionEmitter {
public:
  // `dropoutKey` is null where no probability is dropped, `hidden` where every key may be seen.
  AttentionEmitter(KernelWriter &writer, KernelWriter::Step &step, const AttentionShape &shape, mlir::Value dropoutKey,
                   mlir::Value hidden = {})
      : writer(writer), s(step), e(step.e), shape(shape), hidden(hidden), factor(e.number(shape.scale)) {
    if (dropoutKey) {
      dropout.emplace(e, dropoutKey);
    }
    if (hidden) {
      penalties = s.allocate(shape.space.getPositions() + SymbolicDim::constant(2 * keyBlock));
    }
  }

  KernelWriter &writer;
  KernelWriter::Step &s;
  Emitter &e;
  const AttentionShape shape;
  std::optional<DropoutEmitter> dropout;

  static bool isShort(kernel::SpaceAttr space) {
    return space.getPositions().isConstant() && space.getPositions().one <= shortSequence;
  }

  int64_t padded() const { return kernel::ceilDiv(shape.width, e.machine.lanes) * e.machine.lanes; }
  int64_t vectors() const { return padded() / e.machine.lanes; }
  int64_t paddedPanels() const { return kernel::ceilDiv(shape.width, kernel::panelWidth) * kernel::panelWidth; }
  mlir::Value positions() { return e.form(shape.space.getPositions()); }
  // Keys [first, end) that position i sees.
  mlir::Value firstKey(mlir::Value i) { return shape.firstKey(e, i); }
  mlir::Value endKey(mlir::Value i) { return shape.endKey(e, i); }

  // Takes up which keys of the sequence are hidden: before its scores. A penalty takes these out of the softmax; where all are hidden
  // the scores are 0 instead.
  void enterSequence(mlir::Value sequence);
  // Products of queries and keys as scores: of the key, or of as many lanes of keys from `key` on.
  mlir::Value score(mlir::Value product, mlir::Value key);
  // What a score's gradient becomes a product's by.
  mlir::Value scale() { return factor; }

  // Lanes of keys from `key` on that position i sees.
  mlir::Value visibleKeys(mlir::Value key, mlir::Value i);

  // What dropout multiplies the keys [key, key + keyBlock) of position i by, as vectors; `key` is a multiple of the block.
  llvm::SmallVector<mlir::Value> keyFactors(mlir::Value sequence, mlir::Value head, mlir::Value i, mlir::Value key);
  // The same for all positions and keys of a short sequence: rows of `factorRow()` floats. Null without dropout.
  mlir::Value allocateFactors();
  void writeFactors(mlir::Value sequence, mlir::Value head, mlir::Value target);
  int64_t factorRow() const {
    return kernel::ceilDiv(shape.space.getPositions().one, DropoutEmitter::perBlock) * DropoutEmitter::perBlock;
  }

  // Row (k, t) of a tensor with `stride` features, at this head of the group that begins at `offset`.
  mlir::Value rowOf(mlir::Value base, int64_t stride, int64_t offset, mlir::Value k, mlir::Value t, mlir::Value head);

  // dst = src, or rotated by the table's angles of position t (back with `inverse`).
  void copyRow(mlir::Value source, mlir::Value target, mlir::Value table, mlir::Value t, bool inverse = false);
  // Copies `count` positions from `first` into rows of `padded()` floats.
  void copyRows(mlir::Value base, int64_t stride, int64_t offset, mlir::Value k, mlir::Value head, mlir::Value table,
                mlir::Value first, mlir::Value count, mlir::Value target);
  // Rows of `padded()` floats into panels of 32 rows: panel p holds [c][n] = rows[32p + n][c]. Reads whole panels.
  void packTransposed(mlir::Value rows, mlir::Value count, mlir::Value panels);

  // scores = rows of `padded()` floats x packed keys from `firstKey` on.
  BlockProduct scoreProduct(mlir::Value rows, mlir::Value a, mlir::Value packed, mlir::Value firstKey, mlir::Value scores);
  // target, rows of `paddedPanels()` floats, += a block laid out as scores x `depth` rows of keys, `stride` floats apart.
  BlockProduct mixProduct(mlir::Value rows, mlir::Value weights, mlir::Value keyRows, int64_t stride, mlir::Value depth,
                          mlir::Value target);
  // Tells for position i which lanes of keys from `key` on it sees.
  using Visible = std::function<std::function<mlir::Value(mlir::Value key)>(mlir::Value i)>;
  // The block's scores become probabilities relative to the running maxima; sums and mixed rows follow. The sums are of all
  // probabilities; `factors(i)` multiplies those that are kept, a vector each. Null: by nothing.
  void onlineSoftmax(const ScoreBlock &block, const Visible &visible,
                     const std::function<llvm::SmallVector<mlir::Value>(mlir::Value i)> &factors = {});

  llvm::SmallVector<mlir::Value> loadRow(mlir::Value pointer);
  mlir::Value dot(llvm::ArrayRef<mlir::Value> x, llvm::ArrayRef<mlir::Value> y);
  // target[0, padded) += factor * x.
  void accumulateRow(mlir::Value target, mlir::Value factor, llvm::ArrayRef<mlir::Value> x);
  void forHead(const std::function<void(mlir::Value column, mlir::Value mask)> &body) { e.columns(shape.width, body); }

private:
  mlir::Value hidden;    // null: no key is
  mlir::Value penalties; // of the sequence's keys, added to their scores
  mlir::Value factor;    // the scale, or 0
};

} // namespace mblm::cpu

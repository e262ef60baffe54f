// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention kernels decide before they write anything, and the loops that they share.
#pragma once

#include "passes/LowerGPU/AttentionBlock.h"
#include "passes/LowerGPU/Kernels.h"

namespace mblm::cuda {

struct AttentionPlan {
  AttentionPlan(mlir::Operation *op, const AttentionShape &shape, Precision precision)
      : shape(shape), precision(shape.width <= widestOnTensorCores ? precision : Precision::F32),
        tensorCores(this->precision != Precision::F32), schedule(kernel::scheduleOf(op)), results(op->getNumOperands()),
        temporary(results + op->getNumResults()) {}
  // Operands in the order of kernel.attention's, from `firstInput` on.
  template <typename OpT>
  AttentionPlan(OpT op, unsigned firstInput, Precision precision) : AttentionPlan(op, attentionShape(op), precision) {
    for (unsigned n = 0; n < 3; ++n) {
      auto type = mlir::cast<mlir::RankedTensorType>(op->getOperand(firstInput + n).getType());
      inputs[n].pointer = firstInput + n;
      inputs[n].element = type.getElementType();
      inputs[n].stride = type.getShape().back();
      inputs[n].offset = op.getOffsets()[n];
    }
    if (op.getDropoutKey()) {
      dropoutKey = results - 1;
    }
    if (op.getTable()) {
      table = results - (dropoutKey ? 2 : 1);
    }
  }

  // Sums of wider heads have no room in registers.
  static constexpr int64_t widestOnTensorCores = 128;

  AttentionShape shape;
  Precision precision; // of the tiles' products
  bool tensorCores;
  kernel::ScheduleAttr schedule; // null for short sequences
  HeadTensor inputs[3];                      // query, key, value
  std::optional<unsigned> table, dropoutKey; // pointers, as these:
  unsigned results, temporary;
  SymbolicDim packedBefore; // floats of the temporary in front of what is packed

  bool isRotated(unsigned input) const { return table && input < 2; }
  mlir::Value pointer(KernelWriter::Step &s, std::optional<unsigned> number) const {
    return number ? s.pointers[*number] : mlir::Value();
  }
  // A tensor with the features of all heads and nothing else.
  HeadTensor wholeTensor(unsigned pointer, mlir::Value tensor) const {
    return {pointer,
            mlir::cast<mlir::RankedTensorType>(tensor.getType()).getElementType(),
            shape.heads * shape.width,
            0,
            false,
            {}};
  }

  // Tiles of long sequences.
  std::unique_ptr<AttentionTiles> tiles(ThreadEmitter &e, const TileSizes &sizes) const {
    switch (precision) {
    case Precision::F32:
      return scalarTiles(e, sizes, shape.width);
    case Precision::TF32:
      return tf32Tiles(e, sizes, shape.width);
    case Precision::BF16:
      return tensorTiles(e, sizes, shape.width);
    }
    llvm_unreachable("a precision");
  }
  mlir::Type tileElement(mlir::MLIRContext *context) const { return storageOf(precision, context); }
  TileSizes tileSizes() const {
    int64_t rows = schedule.getRows();
    return {rows, schedule.getColumns(), tensorCores ? rows / 16 * warpSize : blockThreads};
  }

  // Floats of the temporary that `count` packed tensors take, one behind the other.
  SymbolicDim packedFloats(int64_t count) const {
    int64_t features = shape.heads * shape.width;
    return scaled(rowsOf(shape.space), count * (precision == Precision::BF16 ? kernel::ceilDiv(features, 2) : features));
  }
  // A kernel that packs the heads of tensors there, as tiles want them; the tensors are then what was packed.
  struct Pack {
    HeadTensor *tensor;
    bool rotated;
  };
  void pack(KernelWriter &writer, mlir::Location loc, unsigned tensors, llvm::ArrayRef<Pack> packs) const;
};

// The forward kernel's results, of the rows of a thread: what it mixed, divided by the sums of the probabilities, of which it has a
// part, up to the maxima, in units of the tiles' exponential. A row that `mayBeNone` and saw nothing has zeros.
void writeAttention(AttentionBlock &block, const AttentionPlan &plan, const HeadTensor &result, mlir::ValueRange maxima,
                    mlir::ValueRange sums, mlir::ValueRange mixed, bool mayBeNone = false);

// Forward attention of a block's queries to the keys that they see (EmitAttention.cpp).
class AttentionForward {
public:
  AttentionForward(AttentionBlock &block, const AttentionPlan &plan);
  void emit(const HeadRows &queries, const HeadRows &keys, const HeadRows &values, const Sight &sight, const HeadTensor &result);

private:
  using Sums = AttentionTiles::Sums;
  void softmax(Sums &scores, Sums &maxima, Sums &sums, Sums &mixed);

  AttentionBlock &block;
  ThreadEmitter &e;
  AttentionTiles &tiles;
  const AttentionPlan &plan;
  const Places rows, columns;
  mlir::Value q, k, v, factors;
};

// What kernels of backward attention read.
struct GradSources {
  GradSources(const AttentionShape &queries, const AttentionShape &keys) : queries(queries), keys(keys) {}

  AttentionShape queries, keys; // of their tensors; groups of the queries' heads share one of the keys'
  HeadTensor query, key, value, grad;
  unsigned lse = 0;
  unsigned dots = 0; // pointer of grad . output, [K, heads, T]
  SymbolicDim dotsBegin; // in floats

  mlir::Value groupOf(ThreadEmitter &e, mlir::Value head) const { return e.div(head, queries.heads / keys.heads); }
};
// grad . output of every position and head, the tensors of a kernel's pointers 0 and 4: a group of threads has one.
void emitDots(KernelWriter &writer, mlir::Location loc, unsigned tensors, mlir::Value grad, mlir::Value output,
              const GradSources &sources);

// Backward attention of a block's queries, or of its keys and values (EmitAttentionGrad.cpp). `look` says where there are such rows
// what they see, or by which queries they are seen.
class AttentionBackward {
public:
  AttentionBackward(AttentionBlock &block, const AttentionPlan &plan, const GradSources &sources);
  void emitQueries(const std::function<Sight()> &look, const HeadTensor &result);
  void emitKeys(const std::function<Sight()> &look, const HeadTensor &keyResult, const HeadTensor &valueResult);

private:
  using Sums = AttentionTiles::Sums;
  Sums overQueries(mlir::Value head, const Sight &sight, mlir::ValueRange init, mlir::Value factors, mlir::Value statistics);
  Sums overTiles(llvm::ArrayRef<HeadRows> mine, llvm::ArrayRef<HeadRows> others, const Sight &sight, mlir::ValueRange init,
                 const std::function<Sums(mlir::Value at, mlir::ValueRange before, mlir::Value tile, mlir::Value alsoTile)> &body,
                 const std::function<void(mlir::Value at, mlir::Value end)> &fetchMore = {});
  HeadRows rowsOf(const AttentionShape &side, const HeadTensor &tensor, mlir::Value head) {
    return headRows(block.s, side, tensor, block.sequence, head);
  }
  mlir::Value slotAt(mlir::Value at);
  mlir::Value lseOf(mlir::Value head, mlir::Value i);
  mlir::Value dotOf(mlir::Value head, mlir::Value i);
  mlir::Value scoreGrad(mlir::Value p, mlir::Value product, mlir::Value dot);
  void write(mlir::ValueRange sums, const HeadTensor &tensor, std::optional<unsigned> table);

  AttentionBlock &block;
  ThreadEmitter &e;
  AttentionTiles &tiles;
  const AttentionPlan &plan;
  const GradSources &sources;
  const Places rows, columns;
  mlir::Value own[2], rings[2];
};

// Forward attention on warpgroups (EmitWarpGroupAttention.cpp), in bf16 on sm_90a alone. Not for
//   head widths that are no multiple of 16, or beyond 128,
//   sequences of at most 64 positions, whose blocks would be half empty,
//   rows that the copy engine cannot bring: it wants them at multiples of 16 bytes,
//   scales that are not positive: the largest score would not be that of the largest product,
//   dropout.
bool suitsWarpGroups(const Architecture &architecture, const AttentionPlan &plan);
constexpr int64_t warpGroupTile = 128; // queries of a block, and keys that it takes at a time
// `sources` are query, key and value, in bf16.
void emitWarpGroupAttention(KernelWriter &writer, mlir::Location loc, const AttentionPlan &plan, unsigned tensors,
                            const HeadTensor *sources, const HeadTensor &result);

} // namespace mblm::cuda

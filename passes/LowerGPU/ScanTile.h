// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What forward and backward scans share. A block has a tile of some channels and positions; neighbouring threads of a warp have
// chunks of consecutive positions of one channel. They take one state after the other: its decays and inputs stand in registers,
// and a recurrence over the chunks goes through shuffles. Tiles lie in shared memory as [channel][position], those of b and c as
// [state][position]; rows come from memory with neighbouring threads at neighbouring features.
#pragma once

#include "passes/Emit/Logistic.h"
#include "passes/LowerGPU/Kernels.h"

namespace mblm::cuda {

struct ScanShape {
  kernel::SpaceAttr space;
  int64_t channels, states;
  bool gated;
};

template <typename OpT> ScanShape scanShape(OpT op) {
  int64_t states = mlir::cast<mlir::RankedTensorType>(op.getALog().getType()).getDimSize(1);
  return {op.getSpace(), static_cast<int64_t>(op.getChannels()), states, static_cast<bool>(op.getGate())};
}

// How a block's threads stand.
struct ScanSchedule {
  ScanSchedule(const ScanShape &shape, int64_t mostChannels, int64_t mostChunks, int64_t mostThreads);

  int64_t length;  // positions of a thread
  int64_t chunks;  // threads along the positions, within a warp
  int64_t lines;   // channels at a time
  bool single;     // a sequence is one tile
  int64_t positions() const { return length * chunks; }
  int64_t threads() const { return chunks * lines; }
  int64_t stride() const { return positions() + 4; } // of tiles; keeps threads out of each other's banks
  int64_t linesPerWarp() const { return warpSize / chunks; }
};

class ScanTile {
public:
  enum Source { Input, Delta, B, C, Gate };
  using Values = llvm::SmallVector<mlir::Value>;

  // `first` is the place of the op's input among its operands; delta, b, c, a_log, skip and gate follow it.
  ScanTile(KernelWriter::Step &step, const ScanShape &shape, const ScanSchedule &schedule, mlir::Operation *op, unsigned first,
           llvm::ArrayRef<int64_t> offsets);

  KernelWriter::Step &s;
  ThreadEmitter &e;
  const ScanShape shape;
  const ScanSchedule schedule;
  mlir::Value line, chunk;                // of this thread
  mlir::Value positions;                  // of a sequence
  mlir::Value sequence, from;             // the tile at hand: its sequence and first position
  mlir::Value firstChannel, endChannel;   // and its channels
  mlir::Value tiles() { return e.ceilDiv(positions, schedule.positions()); } // of a sequence

  //===-- Shared memory ------------------------------------------------------===//
  mlir::Value channelTile() { return e.shared(schedule.lines * schedule.stride() * 4); }
  mlir::Value stateTile(int64_t states) { return e.shared(states * schedule.stride() * 4); }
  // Sets [state][line] to log2(e) A of `count` states from `state` on; exp(d A) is a power of two then.
  void bringDecays(mlir::Value target, mlir::Value state, int64_t count);
  // The same for one of them, from memory.
  mlir::Value decay(mlir::Value channel, mlir::Value state);
  // This thread's positions of a tile's line.
  Values load(mlir::Value tile, mlir::Value line);
  void store(llvm::ArrayRef<mlir::Value> values, mlir::Value tile, mlir::Value line);

  //===-- Memory -------------------------------------------------------------===//
  // Calls `body` for this thread's share of the tile, with the number's place in memory order, neighbouring threads at
  // neighbouring channels: position and channel there, whether it exists, and where it is in a channel tile. Where it does not,
  // position and channel are some other's.
  using Element = std::function<void(mlir::Value t, mlir::Value channel, mlir::Value exists, mlir::Value place)>;
  void forElements(const Element &body);
  // Row (sequence, t) of a source, or of a tensor with `width` features.
  mlir::Value number(Source source, mlir::Value t, mlir::Value column);
  mlir::Value rowOffset(int64_t width, mlir::Value t, mlir::Value column);
  // Sets tiles to the input and to softplus(delta), both 0 where there is none.
  void bringInput(mlir::Value input, mlir::Value delta);
  // Sets a tile to the gradient behind the gate, 0 where there is none.
  void bringGradient(const Memory &grad, mlir::Value target);
  // Sets tiles to b and c of `count` states from `state` on.
  void bringStates(mlir::Value b, mlir::Value c, mlir::Value state, int64_t count);
  mlir::Value skip(mlir::Value channel) { return e.load(e.at(skipPointer, channel)); }

  //===-- Recurrences --------------------------------------------------------===//
  // x' = factor x + term, over the positions of a chunk or over chunks.
  struct Affine {
    mlir::Value factor, term;
  };
  enum Direction { Forward, Backward };
  // What a chunk makes of a state h, to which its positions add `terms`, and of w l, with l the state's gradient behind a position
  // and w the position's power, when positions add `grads` to l.
  Affine chunkOf(llvm::ArrayRef<mlir::Value> powers, llvm::ArrayRef<mlir::Value> terms);
  Affine chunkBackOf(llvm::ArrayRef<mlir::Value> powers, llvm::ArrayRef<mlir::Value> grads);
  // Of this chunk behind all those before it in `direction`; all threads of the warp come here.
  Affine behind(Affine own, Direction direction);
  // Of all chunks before this one in `direction`, given what behind() says.
  Affine before(Affine behind, Direction direction);
  // The sum over the chunks of a line; all have it.
  mlir::Value sumOfChunks(mlir::Value value);

private:
  Memory sources[5];
  int64_t strides[5], offsets[5];
  mlir::Value aLog, skipPointer;
};

} // namespace mblm::cuda

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What forward and backward scans share. Lanes are channels. A work item takes `scanChannels` of them, in groups of one
// vector; it goes through the positions in chunks, and through each chunk group by group with a block of states in
// registers. Numbers of a group and chunk stand in scratch, a vector a position; those of all groups and states as
// [group][state][lane].
#pragma once

#include "passes/Emit/Logistic.h"
#include "passes/LowerCPU/Kernels.h"

namespace mblm::cpu {

constexpr int64_t scanChunk = 64; // positions

struct ScanShape {
  kernel::SpaceAttr space;
  int64_t channels, states;
  bool gated;

  int64_t itemChannels() const { return std::min(kernel::scanChannels(channels), channels); }
  int64_t channelGroups() const { return kernel::ceilDiv(channels, itemChannels()); } // work items of a sequence
};

template <typename OpT>
ScanShape scanShape(OpT op) {
  int64_t states = mlir::cast<mlir::RankedTensorType>(op.getALog().getType()).getDimSize(1);
  return {op.getSpace(), static_cast<int64_t>(op.getChannels()), states, static_cast<bool>(op.getGate())};
}

class ScanEmitter {
public:
  // `first` is the pointer of the op's input; delta, b, c, a_log, skip and gate follow it.
  ScanEmitter(KernelWriter::Step &step, const ScanShape &shape, mlir::ValueRange sources,
              llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<mlir::Value> pointers);

  using Values = llvm::SmallVector<mlir::Value>;
  enum Source { Input, Delta, B, C, Gate };

  KernelWriter::Step &s;
  Emitter &e;
  const ScanShape shape;
  int64_t lanes() const { return e.machine.lanes; }
  int64_t groups() const { return kernel::ceilDiv(shape.itemChannels(), lanes()); }
  // Floats of a number for each state and channel of an item.
  int64_t stateFloats() const { return groups() * shape.states * lanes(); }
  mlir::Value positions() { return e.form(shape.space.getPositions()); }

  // The item at hand: channels [firstChannel, firstChannel + count).
  void setItem(mlir::Value channelGroup);
  mlir::Value firstChannel, count;
  // log2(e) A of the item's channels, in scratch; exp(d A) is then a power of two.
  void prepareDecays();
  mlir::Value decay;

  // Calls `body` for each group of lanes with the group's number; sets `channel` and `mask` (null where all lanes
  // count).
  void forGroups(const std::function<void(mlir::Value group)> &body);
  mlir::Value channel, mask;
  // Calls `body(n, states)` for blocks of at most `block` states from n on.
  void forStates(int64_t block, const std::function<void(mlir::Value, int64_t)> &body);
  mlir::Value stateOffset(mlir::Value group, mlir::Value state);

  // Address of feature `column` of row (k, t) of a source, and of a tensor of `width` features.
  mlir::Value at(Source source, mlir::Value k, mlir::Value t, mlir::Value column);
  mlir::Value at(mlir::Value base, int64_t width, mlir::Value k, mlir::Value t, mlir::Value column);
  mlir::Value stride(Source source) { return e.index(strides[source]); }
  // A vector of the group's channels, zero where there are none.
  mlir::Value loadChannels(mlir::Value pointer);
  // Brings the channels of a later row near: rows lie too far apart for the machine to foresee them.
  void prefetch(Source source, mlir::Value k, mlir::Value t);
  void storeChannels(mlir::Value value, mlir::Value pointer) { e.store(value, pointer, mask); }
  mlir::Value skip() { return loadChannels(e.at(skipPointer, channel)); }
  mlir::Value perPosition(mlir::Value piece, mlir::Value n) { return e.at(piece, e.mul(n, lanes())); }

  // One step of a block of states: h = 2^(d decay) h + dx b. `w` receives the powers.
  void advance(llvm::MutableArrayRef<mlir::Value> h, llvm::ArrayRef<mlir::Value> decays, mlir::Value d, mlir::Value dx,
               mlir::Value b, llvm::SmallVectorImpl<mlir::Value> *w = nullptr);
  Values loadStates(mlir::Value pointer, int64_t count);
  void storeStates(llvm::ArrayRef<mlir::Value> states, mlir::Value pointer);

private:
  mlir::Value sources[5], aLog, skipPointer;
  int64_t strides[5], offsets[5];
};

} // namespace mblm::cpu

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes what one thread of a CUDA kernel does, beside the others of its block.
#pragma once

#include "passes/Emit/Emitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mblm::cuda {
using namespace emit;

constexpr int64_t warpSize = 32;

class ThreadEmitter : public Emitter {
public:
  ThreadEmitter(mlir::OpBuilder builder, mlir::Location loc, int64_t threads);

  const int64_t threads;       // of a block
  int64_t helpers = 0;         // further threads of it, which have work of their own
  mlir::Value thread;          // this one's number in its block
  mlir::Value blockX, blockY;  // its block's numbers

  mlir::Value warp() { return div(thread, warpSize); }
  mlir::Value lane() { return rem(thread, index(warpSize)); }
  // All of the block but helpers wait for each other; what they wrote to memory is there for all.
  void barrier();
  mlir::Value acrossThreads(mlir::Value value, int64_t count, const Combine &combine) override;
  // What the thread `distance` away has (its number in the warp, exclusive or); the `count` neighbours that begin at a multiple
  // of it come here together.
  mlir::Value exchange(mlir::Value value, int64_t distance, int64_t count = warpSize);
  // What the thread `distance` earlier or later in the warp has; its own where there is none. All of the warp come here.
  mlir::Value fromEarlier(mlir::Value value, int64_t distance);
  mlir::Value fromLater(mlir::Value value, int64_t distance);

  // The sum over all threads of the block, in a fixed tree; all get it. Needs a power of two of threads.
  mlir::Value sumOfBlock(mlir::Value value);
  // What one of both works out.
  llvm::SmallVector<mlir::Value> valuesWhen(mlir::Value condition, const std::function<llvm::SmallVector<mlir::Value>()> &yes,
                                            const std::function<llvm::SmallVector<mlir::Value>()> &no);
  // A number that is worked out where `condition` holds, and 0 elsewhere.
  mlir::Value valueWhen(mlir::Value condition, const std::function<mlir::Value()> &value);

  // Shared memory, `bytes` of it from a multiple of `alignment` on; contents are undefined. Not inside loops or branches.
  mlir::Value shared(int64_t bytes, int64_t alignment = 16);
  int64_t sharedBytes() const { return used; }
  // Goes back to `mark`, a former sharedBytes(): what was allocated since is done with.
  void releaseShared(int64_t mark) { used = mark; }
  int64_t mostSharedBytes() const { return most; }

  // `body(i)` for i = thread, thread + threads, ... below `count`.
  void share(mlir::Value count, const std::function<void(mlir::Value)> &body) { loop(thread, count, threads, body); }
  void share(int64_t count, const std::function<void(mlir::Value)> &body);

  // The innermost loop that is being written stays as it is: its body is long, and has work for the machine without its neighbours.
  // LLVM moves nothing out of it, which would only fill registers; ptxas still may, and knows how many there are.
  void keepRolled();

private:
  mlir::Value shuffle(mlir::Value value, int64_t distance, mlir::NVVM::ShflKind kind, int64_t count = warpSize);

  mlir::Value sharedBase;
  int64_t used = 0, most = 0;
};

// Vectors of `lanes` while it lives.
class WithLanes {
public:
  WithLanes(Emitter &e, int64_t lanes) : e(e), before(e.machine.lanes) { e.machine.lanes = lanes; }
  ~WithLanes() { e.machine.lanes = before; }
  WithLanes(const WithLanes &) = delete;

private:
  Emitter &e;
  int64_t before;
};

} // namespace mblm::cuda

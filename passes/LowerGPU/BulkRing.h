// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slots of shared memory that one thread has filled by the copy engine (TMA), and warps read. Each has an mbarrier that says it is
// full, and one that says it is empty.
#pragma once

#include "passes/LowerGPU/KernelWriter.h"

namespace mblm::cuda {

class BulkRing {
public:
  // Slots that are empty once so many warps have released them.
  BulkRing(ThreadEmitter &e, int64_t slots, int64_t readers);
  // By one thread, before a fence and a barrier of the block (`publish`).
  void initialise();
  static void publish(ThreadEmitter &e);

  // A turn of the ring, as loops carry it: the slot, and the parity of its round.
  static constexpr unsigned turnValues = 2;
  struct Turn {
    mlir::Value slot, round;
    explicit Turn(mlir::ValueRange values) : slot(values[0]), round(values[1]) {}
    llvm::SmallVector<mlir::Value> values() const { return {slot, round}; }
  };
  Turn first();
  Turn next(const Turn &turn);

  // The filling thread waits until the slot is empty, at first all are, and says how many bytes come; their copies name the
  // mbarrier that it gets.
  mlir::Value fill(const Turn &turn, int64_t bytes);
  void waitFull(const Turn &turn);
  // By one thread of each warp.
  void release(mlir::Value slot);

private:
  mlir::Value full(mlir::Value slot);
  mlir::Value empty(mlir::Value slot);
  void wait(mlir::Value barrier, mlir::Value parity);

  ThreadEmitter &e;
  const int64_t slots, readers;
  const mlir::Value barriers;
};

// Asks for the tile of a map's matrix at (row, column), in the matrix of that number where there are several.
void fetchTile(ThreadEmitter &e, mlir::Value to, mlir::Value map, mlir::Value column, mlir::Value row, mlir::Value full,
               mlir::Value matrix = {});

} // namespace mblm::cuda

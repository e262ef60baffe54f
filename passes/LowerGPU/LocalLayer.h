// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole Transformer layer on short sequences as one kernel: a block keeps its sequences' rows on chip from the layer's input to
// its output, and only weights come from memory in between.
#pragma once

#include "passes/Choices.h"
#include "passes/LowerGPU/Kernels.h"

#include <array>

namespace mblm::cuda {

constexpr int64_t longestLocal = 32; // positions of a sequence

// The kernels of a layer, each of which reads what the one before made; nothing else reads that.
struct LocalLayer {
  kernel::GemmOp queryKeyValue;
  kernel::AttentionOp attention;
  kernel::GemmOp output, hidden, result; // the second one adds the layer's input, the last one what it made

  std::array<mlir::Operation *, 5> ops() const { return {queryKeyValue, attention, output, hidden, result}; }
  // Whether another kernel of the layer made a value.
  bool makes(mlir::Value value) const;
};

// The layer that ends with `last`; absent where it is none that one kernel could be.
std::optional<LocalLayer> layerBehind(kernel::GemmOp last);
// The schedule of its last op as one kernel; null where it is not to be one.
kernel::ScheduleAttr scheduleOfLayer(const LocalLayer &layer, LocalLayers which, const Architecture &architecture,
                                     Precision precision);

// As the schedule of its last op says. Pointers are those of the operands of all five ops, then the results of the last one;
// those of values that the layer makes itself are not used.
void emitLocalLayer(KernelWriter &writer, const LocalLayer &layer);

} // namespace mblm::cuda

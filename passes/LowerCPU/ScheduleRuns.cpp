// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernels go together in runs, and the cost model that says where that pays.
#include "passes/LowerCPU/Run.h"
#include "passes/LowerCPU/Schedule.h"

#include "llvm/ADT/SetVector.h"

#include <algorithm>
#include <optional>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::ceilDiv;
using kernel::CpuScheduleAttr;

// A longer one would save little more, and compiling would take longer.
constexpr size_t mostKernels = 20;
// More would leave too few items for many cores.
constexpr int64_t mostRows = 96;

namespace {
// Cycles that a row takes. Tensors that pass from launch to launch go through memory, or the third cache: written ones are read first.
// So do weights that the second cache cannot keep from item to item: once an item.
class RunModel {
public:
  explicit RunModel(const Machine &machine) : machine(machine) {}

  struct Choice {
    double cycles;
    int64_t rows; // of a work item
  };
  double alone(Operation *op) const;
  // Absent where what the run keeps would leave the second cache.
  std::optional<Choice> together(const Run &run) const;

private:
  double products(Operation *op, int64_t rows) const;
  double weights(double bytes, int64_t rows) const;

  const Machine &machine;
  static constexpr double byteTime = 0.25; // cycles for a byte from behind the second cache
  static constexpr double nearTime = 1.0 / 32; // from the second to the first
  static constexpr double launch = 4;      // for each row of some thousands
  static constexpr double room = 0.75;     // of the second cache, for what an item keeps
};
} // namespace

static int64_t bytesOfPack(Operation *op) {
  auto gemm = dyn_cast<kernel::GemmOp>(op);
  if (!gemm) {
    return 0;
  }
  auto type = cast<RankedTensorType>(gemm.getPacked().getType());
  return type.getNumElements() * (type.getElementType().isBF16() ? 2 : 4);
}

// Bytes of a row that come in, and that go out: these twice.
static double bytesOutside(ArrayRef<Value> reads, ArrayRef<OpResult> leaves, kernel::SpaceAttr space) {
  double floats = 0;
  llvm::SmallSetVector<Value, 8> sources(reads.begin(), reads.end());
  for (Value value : sources) {
    floats += isOver(value, space) ? double(floatsOfRow(value)) : 0;
  }
  for (Value value : leaves) {
    floats += isOver(value, space) ? 2 * double(floatsOfRow(value)) : 0;
  }
  return 4 * floats;
}

// Multiply-adds, rows of tiles that are not whole included.
double RunModel::products(Operation *op, int64_t rows) const {
  auto gemm = dyn_cast<kernel::GemmOp>(op);
  if (!gemm) {
    return 0;
  }
  bool narrow = isNarrow(gemm.getPacked());
  int64_t tile = narrow && machine.narrow == NarrowProducts::Tiles ? 16 : machine.tileRows;
  double waste = double(ceilDiv(rows, tile) * tile) / double(rows);
  return double(gemm.getDepth() * gemm.getColumns()) / multiplyAdds(machine, narrow) * waste;
}

double RunModel::weights(double bytes, int64_t rows) const {
  bool stay = bytes <= double(machine.middleBytes) / 2;
  return bytes * (nearTime + (stay ? 0 : byteTime)) / double(rows);
}

double RunModel::alone(Operation *op) const {
  auto space = op->getAttrOfType<kernel::SpaceAttr>("space");
  int64_t rows = isa<kernel::GemmOp>(op) ? kernel::cpuScheduleOf(op).getRows() : kernel::blockRows;
  SmallVector<Value> reads(op->getOperands());
  double outside = bytesOutside(reads, SmallVector<OpResult>(op->getResults()), space);
  return launch + outside * byteTime + weights(double(bytesOfPack(op)), rows) + products(op, rows);
}

std::optional<RunModel::Choice> RunModel::together(const Run &run) const {
  constexpr int64_t someRows = 16;
  int64_t own = 0; // floats of a row that a kernel has in its own scratch
  double bytes = 0, outside = bytesOutside(run.reads(), run.leaves(), run.space());
  for (Operation *op : run.ops) {
    if (auto gemm = dyn_cast<kernel::GemmOp>(op)) {
      own = std::max<int64_t>(own, gemm.getDepth() + gemm.getColumns());
    }
    bytes += double(bytesOfPack(op));
  }
  double heldByRow = 4 * (double(placeInScratch(run, someRows).floats) / someRows + double(own));
  int64_t together = run.rowsTogether(), step = ceilDiv(8, together) * together;
  std::optional<Choice> best;
  for (int64_t rows = ceilDiv(16, together) * together; rows <= mostRows; rows += step) {
    double cycles = launch + outside * byteTime + weights(bytes, rows);
    for (Operation *op : run.ops) {
      cycles += products(op, rows);
    }
    bool fits = heldByRow * double(rows) <= room * double(machine.middleBytes);
    if (fits && (!best || cycles < best->cycles)) {
      best = {cycles, rows};
    }
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Chains
//===----------------------------------------------------------------------===//

static bool isKernel(Operation &op) {
  return !isa<kernel::ViewOp, kernel::WeightOp, kernel::StateOp, kernel::QuantizeOp>(op) && !op.hasTrait<OpTrait::IsTerminator>();
}

// Kernels that may all be one run, as many as there are in a row; those between them that need nothing of them would go before.
static SmallVector<Run> longestChains(func::FuncOp function, const DenseSet<Operation *> &fixed) {
  SmallVector<Run> chains;
  Run chain;
  auto finish = [&] {
    if (chain.ops.size() > 1) {
      chains.push_back(chain);
    }
    chain.ops.clear();
  };
  for (Operation &op : function.getBody().front()) {
    if (!isKernel(op)) {
      continue;
    }
    bool may = isa<kernel::GemmOp, kernel::RowsOp, kernel::AttentionOp>(op) && !fixed.contains(&op);
    if (may && whyNotBehind(chain, &op).empty()) {
      chain.ops.push_back(&op);
      continue;
    }
    if (llvm::any_of(op.getOperands(), [&](Value operand) { return chain.makes(operand); })) {
      finish();
      if (may && whyNotBehind(chain, &op).empty()) {
        chain.ops.push_back(&op);
      }
    }
  }
  finish();
  return chains;
}

// The products of a run get its rows.
static void write(const Run &run, int64_t rows, int64_t number) {
  MLIRContext *context = run.ops.front()->getContext();
  for (Operation *op : run.ops) {
    op->setAttr(kernel::runName, IntegerAttr::get(IntegerType::get(context, 64), number));
    if (isa<kernel::GemmOp>(op)) {
      CpuScheduleAttr own = kernel::cpuScheduleOf(op);
      op->setAttr(kernel::cpuScheduleName, CpuScheduleAttr::get(context, rows, own.getColumns(), own.getDepth()));
    }
  }
}

static bool hasProduct(const Run &run) {
  return llvm::any_of(run.ops, [](Operation *op) { return isa<kernel::GemmOp>(op); });
}

// Cuts a chain where that costs least.
static void cut(const Run &chain, const RunModel &model, int64_t &number) {
  struct Best {
    double cycles = 0;
    size_t begin = 0; // of the last part
    int64_t rows = 0; // of its items; 0: it is one kernel alone
  };
  SmallVector<Best> best(chain.ops.size() + 1);
  for (size_t end = 1; end <= chain.ops.size(); ++end) {
    best[end] = {best[end - 1].cycles + model.alone(chain.ops[end - 1]), end - 1, 0};
    Run run;
    for (size_t begin = end; begin-- > 0 && end - begin <= mostKernels;) {
      run.ops.insert(run.ops.begin(), chain.ops[begin]);
      if (run.ops.size() == 1 || !hasProduct(run)) {
        continue;
      }
      auto choice = model.together(run);
      if (choice && best[begin].cycles + choice->cycles < best[end].cycles) {
        best[end] = {best[begin].cycles + choice->cycles, begin, choice->rows};
      }
    }
  }
  for (size_t end = chain.ops.size(); end > 0; end = best[end].begin) {
    if (best[end].rows) {
      Run run;
      run.ops.assign(chain.ops.begin() + best[end].begin, chain.ops.begin() + end);
      write(run, best[end].rows, number++);
    }
  }
}

void cpu::scheduleRuns(func::FuncOp function, LocalLayers which, const Machine &machine, const DenseSet<Operation *> &fixed) {
  if (which == LocalLayers::Never) {
    return;
  }
  RunModel model(machine);
  int64_t number = 0;
  for (const Run &chain : longestChains(function, fixed)) {
    if (which == LocalLayers::WhereItPays) {
      cut(chain, model, number);
    } else if (hasProduct(chain)) {
      int64_t together = chain.rowsTogether(), rows = ceilDiv(kernel::blockRows, together) * together;
      if (rows <= kernel::mostItemRows) {
        write(chain, rows, number++);
      }
    }
  }
}

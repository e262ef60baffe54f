// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernels may go together, and where what passes between them lies.
#include "passes/LowerCPU/Run.h"
#include "passes/Fusion/RowSite.h"
#include "passes/LowerCPU/AttentionEmitter.h"
#include "passes/Memory/Placement.h"

#include "llvm/ADT/MapVector.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

bool cpu::isOver(Value value, kernel::SpaceAttr space) {
  SymbolicShape shape = kernel::shapeOf(value);
  return shape.size() >= 2 && shape[0] == space.getSequences() && shape[1] == space.getPositions();
}

// What an op reads of an operand for its row (k, t).
enum class Reach { Row, Sequence, Anything };

static Reach reachOf(Operation *op, unsigned operand) {
  auto space = op->getAttrOfType<kernel::SpaceAttr>("space");
  if (!isOver(op->getOperand(operand), space)) {
    return Reach::Anything;
  }
  if (isa<kernel::AttentionOp>(op)) {
    return operand < 3 ? Reach::Sequence : Reach::Anything;
  }
  for (const fusion::RowSite &site : fusion::rowSites(op)) {
    if (operand < site.firstOperand || operand >= site.firstOperand + site.operands) {
      continue;
    }
    kernel::RowIndices at = kernel::rowIndices(*site.body);
    Reach reach = Reach::Row;
    for (Operation *user : site.body->getArgument(site.firstArgument + operand - site.firstOperand).getUsers()) {
      auto load = dyn_cast<kernel::LoadOp>(user);
      if (!load || load.getIndices()[0] != at.sequence) {
        return Reach::Anything;
      }
      reach = load.getIndices()[1] == at.position ? reach : Reach::Sequence;
    }
    return reach;
  }
  return Reach::Anything;
}

bool Run::makes(Value value) const { return llvm::is_contained(ops, rootOfViews(value).getDefiningOp()); }

bool Run::keeps(Value value) const {
  auto inside = [&](Operation *user) { return llvm::is_contained(ops, user); };
  return inside(value.getDefiningOp()) && isOver(value, space()) && llvm::all_of(value.getUsers(), inside);
}

SmallVector<Value> Run::reads() const {
  SmallVector<Value> values;
  for (Operation *op : ops) {
    llvm::copy_if(op->getOperands(), std::back_inserter(values), [&](Value operand) { return !makes(operand); });
  }
  return values;
}

SmallVector<OpResult> Run::leaves() const {
  SmallVector<OpResult> values;
  for (Operation *op : ops) {
    llvm::copy_if(op->getResults(), std::back_inserter(values), [&](OpResult result) { return !keeps(result); });
  }
  return values;
}

int64_t Run::rows() const {
  auto gemm = llvm::find_if(ops, [](Operation *op) { return isa<kernel::GemmOp>(op); });
  return gemm == ops.end() ? 0 : kernel::cpuScheduleOf(*gemm).getRows();
}

int64_t Run::rowsTogether() const {
  int64_t together = 1;
  for (Operation *op : ops) {
    auto gemm = dyn_cast<kernel::GemmOp>(op);
    if (isa<kernel::RowsOp>(op) || (gemm && !gemm.getBlockSums().empty())) {
      together = std::lcm(together, kernel::blockRows);
    }
    bool whole = isa<kernel::AttentionOp>(op);
    for (OpOperand &operand : op->getOpOperands()) {
      whole = whole || (makes(operand.get()) && reachOf(op, operand.getOperandNumber()) == Reach::Sequence);
    }
    if (whole) {
      together = std::lcm(together, space().getPositions().one);
    }
  }
  return together;
}

std::string cpu::whyNotBehind(const Run &run, Operation *op) {
  auto gemm = dyn_cast<kernel::GemmOp>(op);
  auto space = op->getAttrOfType<kernel::SpaceAttr>("space");
  bool byRows = (gemm && !gemm.isStreamed()) || isa<kernel::RowsOp>(op);
  if (!byRows && !(isa<kernel::AttentionOp>(op) && AttentionEmitter::isShort(space))) {
    return "its work items are no blocks of rows";
  }
  if (!run.ops.empty() && space != run.space()) {
    return "its rows are not those of the kernels before";
  }
  SymbolicDim positions = space.getPositions();
  bool wholeFit = positions.isConstant() && positions.one <= kernel::mostItemRows;
  for (OpOperand &operand : op->getOpOperands()) {
    if (run.ops.empty() || !run.makes(operand.get())) {
      continue;
    }
    Reach reach = operand.get().getDefiningOp<kernel::ViewOp>() ? Reach::Anything : reachOf(op, operand.getOperandNumber());
    if (reach == Reach::Anything || (reach == Reach::Sequence && !wholeFit)) {
      return "it reads other rows than those of its item";
    }
  }
  return "";
}

int64_t cpu::floatsOfRow(Value value) {
  int64_t floats = 1;
  for (const SymbolicDim &dim : llvm::drop_begin(kernel::shapeOf(value), 2)) {
    floats *= dim.one;
  }
  return floats;
}

RunScratch cpu::placeInScratch(const Run &run, int64_t rows) {
  RunScratch scratch;
  SmallVector<Value> kept;
  std::vector<ArenaBuffer> buffers;
  for (auto [step, op] : llvm::enumerate(run.ops)) {
    for (Value result : op->getResults()) {
      if (!run.keeps(result)) {
        continue;
      }
      ArenaBuffer buffer;
      buffer.floats = SymbolicDim::constant(rows * floatsOfRow(result));
      buffer.first = buffer.last = step;
      for (auto [later, reader] : llvm::enumerate(run.ops)) {
        if (llvm::is_contained(reader->getOperands(), result)) {
          buffer.last = later;
        }
      }
      buffers.push_back(buffer);
      kept.push_back(result);
    }
  }
  scratch.floats = planArena(buffers).one;
  for (auto [value, buffer] : llvm::zip(kept, buffers)) {
    scratch.offsets[value] = buffer.offset.one;
  }
  return scratch;
}

//===----------------------------------------------------------------------===//
// Those of a function
//===----------------------------------------------------------------------===//

static LogicalResult checkRows(const Run &run) {
  int64_t rows = run.rows(), together = run.rowsTogether();
  if (rows == 0) {
    return run.ops.back()->emitOpError("expects a product in its run, whose schedule tells the rows of a work item");
  }
  for (Operation *op : run.ops) {
    if (auto gemm = dyn_cast<kernel::GemmOp>(op); gemm && kernel::cpuScheduleOf(gemm).getRows() != rows) {
      return op->emitOpError("expects the rows of its schedule to be those of the products before it in its run (")
             << rows << "), but got " << kernel::cpuScheduleOf(gemm).getRows();
    }
  }
  if (rows % together != 0) {
    return run.ops.back()->emitOpError("expects the rows of its run's schedules to be a multiple of ")
           << together << ", which its kernels take at a time, but got " << rows;
  }
  return success();
}

// Others between them go before them, so they need nothing of them.
static LogicalResult checkOthers(const Run &run, ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    bool between = run.ops.front()->isBeforeInBlock(op) && op->isBeforeInBlock(run.ops.back());
    if (!between || llvm::is_contained(run.ops, op)) {
      continue;
    }
    if (llvm::any_of(op->getOperands(), [&](Value operand) { return run.makes(operand); })) {
      return op->emitOpError("expects to stand behind the run that makes what it reads, but stands among its kernels");
    }
  }
  return success();
}

FailureOr<SmallVector<Run>> cpu::runsOf(ArrayRef<Operation *> ops) {
  llvm::MapVector<int64_t, Run> byNumber;
  for (Operation *op : ops) {
    auto number = op->getAttrOfType<IntegerAttr>(kernel::runName);
    if (!number) {
      continue;
    }
    Run &run = byNumber[number.getInt()];
    if (std::string why = whyNotBehind(run, op); !why.empty()) {
      return op->emitOpError("expects to go with the others of its run, but ") << why;
    }
    run.ops.push_back(op);
  }
  SmallVector<Run> runs;
  for (const auto &[number, run] : byNumber) {
    if (failed(checkRows(run)) || failed(checkOthers(run, ops))) {
      return failure();
    }
    runs.push_back(run);
  }
  return runs;
}

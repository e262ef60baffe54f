// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One formula an anchor; row programs are counted op by op.
#include "dialects/Kernel/IR/KernelCosts.h"

#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/MBLM/IR/MBLMCosts.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mblm::kernel {

namespace {
class Counter {
public:
  Counter(int64_t batch, int64_t slots, int64_t patches) : batch(batch), slots(slots), patches(patches) {}

  std::optional<double> flopsOf(Operation *op) const;
  double bytesOf(Operation *op) const;

private:
  double size(const SymbolicDim &dim) const { return static_cast<double>(dim.evaluate(batch, slots, /*pieceSlots=*/0, patches)); }
  double rows(SpaceAttr space) const { return size(space.getSequences()) * size(space.getPositions()); }
  double elements(Value value) const {
    double product = 1;
    for (const SymbolicDim &dim : shapeOf(value)) {
      product *= size(dim);
    }
    return product;
  }
  double bytes(Value value) const {
    unsigned bits = cast<RankedTensorType>(value.getType()).getElementTypeBitWidth();
    return elements(value) * bits / 8;
  }
  double program(Region &region, double rows, uint64_t columns) const;
  template <typename OpTy>
  double scan(OpTy op, double perState, double perFeature) const;
  template <typename OpTy>
  double ssd(OpTy op) const;
  template <typename OpTy>
  double ranged(OpTy op, double perFeature, double perHead) const;
  template <typename OpTy>
  double attention(OpTy op, double perFeature, double perHead) const;

  int64_t batch, slots, patches;
};
} // namespace

// Whether all columns of a row have the same value there.
static bool isPerRow(Value value, const RowIndices &at, llvm::DenseMap<Value, bool> &known) {
  auto found = known.find(value);
  if (found != known.end()) {
    return found->second;
  }
  bool perRow;
  if (isa<BlockArgument>(value)) {
    perRow = value != at.column && value != at.segment && value != at.offset;
  } else {
    Operation *op = value.getDefiningOp();
    perRow = isa<RowSumOp, RowMaxOp>(op) ||
             llvm::all_of(op->getOperands(), [&](Value operand) { return isPerRow(operand, at, known); });
  }
  return known[value] = perRow;
}

double Counter::program(Region &region, double rows, uint64_t columns) const {
  Block &body = region.front();
  RowIndices at = rowIndices(body);
  llvm::DenseMap<Value, bool> known;
  double perRow = 0, perColumn = 0;
  for (Operation &op : body) {
    if (isa<RowSumOp, RowMaxOp>(op)) { // each adds up the columns
      perColumn += 1;
    } else if (op.getNumResults() == 1 && isa<FloatType>(op.getResult(0).getType()) &&
               isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) &&
               !isa<arith::ConstantOp, arith::SelectOp>(op)) {
      (isPerRow(op.getResult(0), at, known) ? perRow : perColumn) += 1;
    }
  }
  return rows * (perRow + static_cast<double>(columns) * perColumn);
}

// Of a region that combines two elements.
static double combinations(Region &region) {
  return static_cast<double>(llvm::count_if(region.front().without_terminator(), [](Operation &op) {
    return isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) && !isa<arith::ConstantOp>(op);
  }));
}

template <typename OpTy>
double Counter::attention(OpTy op, double perFeature, double perHead) const {
  double pairs = visiblePairs(op.getMask(), op.getBlock(), size(op.getSpace().getPositions()));
  double heads = static_cast<double>(op.getHeads());
  return size(op.getSpace().getSequences()) * pairs * heads *
         (perFeature * static_cast<double>(op.getHeadDim()) + perHead);
}

template <typename OpTy>
double Counter::ranged(OpTy op, double perFeature, double perHead) const {
  SymbolicDim queries = op.getSpace().getPositions(), keys = op.getKeySpace().getPositions();
  bool last = !queries.isConstant() && (keys + queries.scaled(-1)).isConstant(); // behind a prefix
  double pairs = rangedPairs(size(queries), size(keys), last);
  return size(op.getSpace().getSequences()) * pairs * static_cast<double>(op.getHeads()) *
         (perFeature * static_cast<double>(op.getHeadDim()) + perHead);
}

template <typename OpTy>
double Counter::scan(OpTy op, double perState, double perFeature) const {
  double states = static_cast<double>(cast<RankedTensorType>(op.getALog().getType()).getDimSize(1));
  return rows(op.getSpace()) * static_cast<double>(op.getChannels()) * (perState * states + perFeature);
}

// As in MBLMCosts.cpp.
template <typename OpTy>
double Counter::ssd(OpTy op) const {
  double heads = static_cast<double>(op.getHeads()), states = static_cast<double>(op.getStates());
  double width = heads * static_cast<double>(op.getHeadDim());
  double length = std::min(static_cast<double>(op.getChunk()), size(op.getSpace().getPositions()));
  return rows(op.getSpace()) * (length * (heads * states + width) + 4 * width * states + 8 * heads);
}

std::optional<double> Counter::flopsOf(Operation *op) const {
  using Result = std::optional<double>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<RowsOp, PackRowsOp>(
          [&](auto op) -> Result { return program(op.getBody(), rows(op.getSpace()), op.getColumns()); })
      .Case([&](GemmOp op) -> Result {
        double n = rows(op.getSpace());
        return program(op.getPrologue(), n, op.getDepth()) + program(op.getEpilogue(), n, op.getColumns()) +
               2 * n * static_cast<double>(op.getDepth()) * static_cast<double>(op.getColumns());
      })
      .Case([&](WeightGemmOp op) -> Result {
        return 2 * rows(op.getSpace()) * static_cast<double>(op.getDepth()) * static_cast<double>(op.getColumns());
      })
      .Case([&](ReduceOp op) -> Result { return elements(op.getInput()); })
      .Case([&](EmbedGradOp op) -> Result { return static_cast<double>(op.getBag()) * elements(op.getGrad()); })
      .Case([&](IntegersOp) -> Result { return 0; })
      .Case([&](PoolOp op) -> Result { return elements(op.getInput()); })
      .Case([&](PoolGradOp op) -> Result { return 2 * elements(op.getInput()); })
      .Case([&](RangedAttentionOp op) -> Result { return ranged(op, 4, 4); })
      .Case([&](RangedAttentionGradOp op) -> Result { return ranged(op, 10, 5) + 2 * elements(op.getGrad()); })
      .Case<PackOp, QuantizeOp, TransposeOp, RopeTableOp, DropoutKeyOp>([&](auto) -> Result { return 0; })
      .Case([&](AttentionOp op) -> Result { return attention(op, 4, 4); })
      .Case([&](RememberOp op) -> Result { return program(op.getBody(), rows(op.getSpace()), op.getColumns()); })
      // To as many keys as the state holds.
      .Case([&](CachedAttentionOp op) -> Result {
        return elements(op.getQuery()) * size(shapeOf(op.getKey())[1]) * (4 + 4.0 / static_cast<double>(op.getHeadDim()));
      })
      .Case([&](ScanStepOp op) -> Result {
        return elements(op.getResult()) * (6 * size(shapeOf(op.getState())[1]) + (op.getGate() ? 12 : 7));
      })
      .Case([&](SsdStepOp op) -> Result {
        return elements(op.getResult()) * (5 * size(shapeOf(op.getState())[1]) + 2) + 8 * elements(op.getDt());
      })
      .Case([&](AttentionGradOp op) -> Result { return attention(op, 10, 5) + 2 * elements(op.getGrad()); })
      .Case([&](ScanOp op) -> Result { return scan(op, 6, op.getGate() ? 12 : 7); })
      .Case([&](ScanGradOp op) -> Result { return scan(op, 18, op.getGate() ? 25 : 14); })
      .Case([&](SsdOp op) -> Result { return ssd(op); })
      .Case([&](SsdGradOp op) -> Result { return 3 * ssd(op); })
      .Case([&](PrefixOp op) -> Result { return combinations(op.getCombine()) * elements(op.getResults().front()); })
      .Case([&](PrefixGradOp op) -> Result { return combinations(op.getVjp()) * elements(op.getInputGrads().front()); })
      // A maximum, a difference, an exponential and a sum for each logit.
      .Case([&](CrossEntropyOp op) -> Result {
        double n = rows(op.getSpace()), columns = static_cast<double>(op.getColumns());
        return program(op.getPrologue(), n, op.getDepth()) +
               n * columns * (2 * static_cast<double>(op.getDepth()) + (op.getBias() ? 5 : 4));
      })
      .Case([&](CrossEntropyGradOp op) -> Result {
        double n = rows(op.getSpace()), columns = static_cast<double>(op.getColumns());
        return program(op.getPrologue(), n, op.getDepth()) +
               n * columns * (6 * static_cast<double>(op.getDepth()) + (op.getBias() ? 5 : 3));
      })
      .Case([&](MeanLossOp op) -> Result { return 3 * elements(op.getTokenLoss()); })
      .Case([&](UpdateOp op) -> Result {
        double parameters = 0;
        for (auto parameter : op->getParentOfType<ModuleOp>().getOps<ParameterOp>()) {
          parameters += static_cast<double>(cast<RankedTensorType>(parameter.getType()).getNumElements());
        }
        return 16 * parameters; // two for the norm, one to clip, the rest for the moments and the step
      })
      .Default([](Operation *) -> Result { return std::nullopt; });
}

double Counter::bytesOf(Operation *op) const {
  double sum = 0, floats = 0;
  for (Value operand : llvm::SmallPtrSet<Value, 8>(op->operand_begin(), op->operand_end())) {
    sum += bytes(operand);
  }
  for (Value result : op->getResults()) {
    sum += bytes(result);
  }
  // What is added to is read and written.
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](WeightGemmOp op) {
        floats += 2 * static_cast<double>(op.getDepth()) * static_cast<double>(op.getColumns());
      })
      .Case([&](UpdateOp op) { // weight, gradient and both moments
        for (auto parameter : op->getParentOfType<ModuleOp>().getOps<ParameterOp>()) {
          floats += 8 * static_cast<double>(cast<RankedTensorType>(parameter.getType()).getNumElements());
        }
      });
  return sum + 4 * floats;
}

std::optional<Cost> costOf(Operation *op, int64_t batch, int64_t slots, int64_t patches) {
  Counter counter(batch, slots, patches);
  std::optional<double> flops = counter.flopsOf(op);
  if (!flops) {
    return std::nullopt;
  }
  return Cost{*flops, counter.bytesOf(op)};
}

} // namespace mblm::kernel

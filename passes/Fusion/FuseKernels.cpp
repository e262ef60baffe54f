// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fusion pass: row programs move into the kernels that read them (prologues) or make what they read (epilogues), and sums
// over rows into the kernel whose rows they add up.
#include "passes/Fusion/RowSite.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace mblm {
#define GEN_PASS_DEF_FUSEKERNELSPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::fusion;

//===----------------------------------------------------------------------===//
// Cost model
//===----------------------------------------------------------------------===//

// A block of rows that a gemm keeps beside its weights' panels must leave them room in a 1 MiB cache.
constexpr int64_t blockBytes = 1 << 20;
// What one flop costs in bytes of traffic: about 100 GFLOP/s of vector code against 20 GB/s of memory.
constexpr double bytesPerFlop = 0.2;

static double flopsOf(Operation &op) {
  return llvm::StringSwitch<double>(op.getName().getStringRef())
      .Cases("math.erf", "math.exp", "math.tanh", "math.log", "kernel.keep", 20)
      .Cases("arith.addf", "arith.subf", "arith.mulf", "kernel.row_sum", "kernel.row_max", 1)
      .Cases("arith.divf", "math.sqrt", 4)
      .Default(0);
}

namespace {
// Bytes that a row program reads per element, and its arithmetic as bytes.
struct Work {
  double reads = 0, arithmetic = 0;
};
} // namespace

static Work workOf(Block &body) {
  Work work;
  for (Operation &op : body) {
    if (auto load = dyn_cast<kernel::LoadOp>(op)) {
      // What belongs to the row or the column alone stays in the nearest cache.
      work.reads += cast<RankedTensorType>(load.getTensor().getType()).getRank() == 3 && dependsOnColumn(load) ? 4 : 0;
    }
    work.arithmetic += flopsOf(op) * bytesPerFlop;
  }
  return work;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct FuseKernelsPass : mblm::impl::FuseKernelsPassBase<FuseKernelsPass> {
  using FuseKernelsPassBase::FuseKernelsPassBase;
  void runOnOperation() override;

private:
  bool mayFuse() { return limit < 0 || fused < limit; }
  void done(StringRef what, Operation *moved, Operation *into);
  void declined(StringRef what, Operation *op, StringRef why);

  // A row program into the sites that read its result.
  bool inlineProducer(kernel::RowsOp producer);
  std::string whyNotInline(kernel::RowsOp producer, RowSite &site, unsigned index);
  void inlineInto(kernel::RowsOp producer, RowSite site, unsigned index);
  // A row program into the epilogue of the gemm whose product it reads.
  bool fuseEpilogue(kernel::RowsOp rows, bool onlyUse);
  // A sum over rows into the kernel that makes the rows.
  bool fuseSum(kernel::ReduceOp reduce);

  int64_t fused = 0;
  llvm::DenseSet<Operation *> reported;
};
} // namespace

static std::string nameOf(Operation *op) {
  std::string name = op->getName().getStringRef().str();
  if (auto named = op->getLoc()->findInstanceOf<NameLoc>()) {
    name += " " + named.getName().str();
  }
  return name;
}

void FuseKernelsPass::done(StringRef what, Operation *moved, Operation *into) {
  ++fused;
  remark::passed(into->getLoc(), remark::RemarkOpts::name(what).category("kernel-fuse"))
      << "took in " + nameOf(moved);
}

void FuseKernelsPass::declined(StringRef what, Operation *op, StringRef why) {
  if (reported.insert(op).second) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name(what).category("kernel-fuse"))
        << nameOf(op) + " stays a kernel: " + why.str();
  }
}

// Whether a state that `producer` reads changes before `reader` would read it.
static bool comesTooLate(kernel::RowsOp producer, Operation *reader) {
  return llvm::any_of(producer.getInputs(), [&](Value input) {
    auto state = input.getDefiningOp<kernel::StateOp>();
    return state && llvm::any_of(state->getUsers(), [&](Operation *user) {
             return isa<kernel::RememberOp>(user) && producer->isBeforeInBlock(user) && user->isBeforeInBlock(reader);
           });
  });
}

std::string FuseKernelsPass::whyNotInline(kernel::RowsOp producer, RowSite &site, unsigned index) {
  Block &body = producer.getBody().front();
  kernel::RowIndices at = kernel::rowIndices(*site.body);
  bool reductions = hasReductions(body);
  bool swaps = llvm::any_of(body, [](Operation &op) { return isa<kernel::SwapPairsOp>(op); });
  bool exact = reductions || static_cast<int64_t>(producer.getSegments()) > 1 || swaps;
  if (site.part != RowSite::Body && site.columns * kernel::blockRows * 4 > blockBytes) {
    return "a block of rows would not fit the cache";
  }
  if (comesTooLate(producer, site.op)) {
    return "a state that it reads changes before its reader's turn";
  }
  auto gemm = dyn_cast<kernel::GemmOp>(site.op);
  if (gemm && gemm.isStreamed() && site.part == RowSite::Prologue && site.space().getPositions().one > 1) {
    return "its reader would compute it again for each piece of its columns";
  }
  if (gemm && gemm.isStreamed() && site.part == RowSite::Epilogue && (exact || swaps)) {
    return "its reader sees single columns of its rows";
  }
  for (Operation *user : site.body->getArgument(site.firstArgument + index).getUsers()) {
    auto load = cast<kernel::LoadOp>(user);
    auto indices = load.getIndices();
    if (reductions && (dependsOnColumn(indices[0]) || dependsOnColumn(indices[1]))) {
      return "it reduces over rows that its reader mixes";
    }
    if (indices.size() == 3 && exact && indices[2] != at.column) {
      return "its reader goes through the columns in another order";
    }
  }
  if (exact && site.columns != static_cast<int64_t>(producer.getColumns()) && producer.getColumns() != 1) {
    return "its reader has other columns";
  }
  if (producer.getSegments() > 1 && site.segments > 1 &&
      (site.segments != static_cast<int64_t>(producer.getSegments()) || site.width != static_cast<int64_t>(producer.getWidth()))) {
    return "its reader has other segments";
  }
  if (swaps && site.segments > 1 && site.width % 2 != 0) {
    return "its reader's segments cut pairs of columns apart";
  }
  return {};
}

void FuseKernelsPass::inlineInto(kernel::RowsOp producer, RowSite site, unsigned index) {
  Block &body = producer.getBody().front();
  kernel::RowIndices to = kernel::rowIndices(*site.body), from = kernel::rowIndices(body);
  if (producer.getSegments() > 1 && site.segments == 1) {
    to.offset.replaceAllUsesWith(to.column); // they are the same while there is one segment
    site.setSegments(producer.getSegments(), producer.getWidth());
  }
  BlockArgument argument = site.body->getArgument(site.firstArgument + index);
  unsigned result = cast<OpResult>(site.op->getOperand(site.firstOperand + index)).getResultNumber();
  for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
    auto load = cast<kernel::LoadOp>(user);
    OpBuilder builder(load);
    Location loc = load.getLoc();
    SmallVector<Value> indices(load.getIndices());
    Value inside;
    if (load.getOrZero()) {
      Value positions = kernel::positionsOf(builder, loc, producer.getSpace().getPositions());
      inside = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, indices[1], positions);
      Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
      indices[1] = arith::SelectOp::create(builder, loc, inside, indices[1], zero);
    }
    IRMapping map;
    for (unsigned n = 0; n < producer.getInputs().size(); ++n) {
      map.map(body.getArgument(n), site.argumentFor(producer.getInputs()[n]));
    }
    map.map(from.sequence, indices[0]);
    map.map(from.position, indices[1]);
    if (indices.size() == 3 && producer.getSegments() == 1) {
      map.map(from.segment, arith::ConstantIndexOp::create(builder, loc, 0).getResult());
      map.map(from.offset, indices[2]);
      map.map(from.column, indices[2]);
    } else {
      kernel::RowIndices now = kernel::rowIndices(*site.body);
      map.map(from.segment, now.segment);
      map.map(from.offset, now.offset);
      map.map(from.column, now.column);
    }
    for (Operation &op : body.without_terminator()) {
      builder.clone(op, map);
    }
    Value value = map.lookupOrDefault(cast<kernel::YieldOp>(body.getTerminator()).getValues()[result]);
    if (inside) {
      Value zero = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
      value = arith::SelectOp::create(builder, loc, inside, value, zero);
    }
    load.replaceAllUsesWith(value);
    load.erase();
  }
  site.dropOperand(index);
}

bool FuseKernelsPass::inlineProducer(kernel::RowsOp producer) {
  if (producer.getNumResults() != 1 || !producer.getBlockSums().empty() || !mayFuse()) {
    return false;
  }
  // Every use must be a row program that can take it in; otherwise it has to reach memory anyway.
  Value result = producer.getResult(0);
  SmallVector<std::pair<RowSite, unsigned>> uses;
  for (OpOperand &use : result.getUses()) {
    bool found = false;
    for (RowSite &site : rowSites(use.getOwner())) {
      unsigned number = use.getOperandNumber();
      if (number >= site.firstOperand && number < site.firstOperand + site.operands) {
        std::string why = whyNotInline(producer, site, number - site.firstOperand);
        if (!why.empty()) {
          declined("InlineProducer", producer, why);
          return false;
        }
        uses.push_back({site, number - site.firstOperand});
        found = true;
      }
    }
    if (!found) {
      declined("InlineProducer", producer, "its result is needed in memory");
      return false;
    }
  }
  if (uses.empty()) {
    return false;
  }
  Work work = workOf(producer.getBody().front());
  double once = work.reads + work.arithmetic, n = uses.size();
  if (n > 1 && n * once > once + 4 * (1 + n)) {
    declined("InlineProducer", producer, "computing it again for every reader costs more than memory");
    return false;
  }
  // One use at a time: taking it in changes the site's operands.
  while (!result.use_empty()) {
    OpOperand &use = *result.use_begin();
    for (RowSite &site : rowSites(use.getOwner())) {
      unsigned number = use.getOperandNumber();
      if (number >= site.firstOperand && number < site.firstOperand + site.operands) {
        Operation *owner = use.getOwner();
        inlineInto(producer, site, number - site.firstOperand);
        done("InlineProducer", producer, owner);
        break;
      }
    }
  }
  producer.erase();
  return true;
}

bool FuseKernelsPass::fuseEpilogue(kernel::RowsOp rows, bool onlyUse) {
  if (!mayFuse()) {
    return false;
  }
  for (unsigned index = 0; index < rows.getInputs().size(); ++index) {
    auto product = dyn_cast<OpResult>(rows.getInputs()[index]);
    auto gemm = product ? dyn_cast<kernel::GemmOp>(product.getOwner()) : kernel::GemmOp();
    if (!gemm || product.getResultNumber() != 0 || gemm.getNumResults() != 1 || gemm.getSpace() != rows.getSpace() ||
        gemm.getColumns() != rows.getColumns() || !gemm.getBlockSums().empty()) {
      continue;
    }
    bool keep = llvm::any_of(product.getUsers(), [&](Operation *user) { return user != rows; });
    if (keep && onlyUse) {
      continue;
    }
    Block &body = rows.getBody().front();
    kernel::RowIndices at = kernel::rowIndices(body);
    // The same product may be there twice.
    auto readsProduct = [&](kernel::LoadOp load) {
      return rows.getInputs()[cast<BlockArgument>(load.getTensor()).getArgNumber()] == product;
    };
    bool inPlace = llvm::all_of(body.getOps<kernel::LoadOp>(), [&](kernel::LoadOp load) {
      bool here = SmallVector<Value>(load.getIndices()) == SmallVector<Value>{at.sequence, at.position, at.column};
      return !readsProduct(load) || (here && !load.getOrZero());
    });
    bool first = llvm::all_of(gemm->getUsers(), [&](Operation *user) { return user == rows || rows->isBeforeInBlock(user); });
    if (!inPlace) {
      declined("FuseEpilogue", rows, "it reads other rows of the product than its own");
      continue;
    }
    if (!first || gemm.getSegments() > 1) {
      declined("FuseEpilogue", rows, "another kernel reads the product before");
      continue;
    }
    bool swaps = llvm::any_of(body, [](Operation &op) { return isa<kernel::SwapPairsOp>(op); });
    if (gemm.isStreamed() && (hasReductions(body) || swaps || rows.getSegments() > 1 || !rows.getBlockSums().empty())) {
      declined("FuseEpilogue", rows, "it looks across columns, which are dealt out in pieces");
      continue;
    }
    if (!gemm.isStreamed() && static_cast<int64_t>(gemm.getColumns()) * kernel::blockRows * 4 > blockBytes) {
      declined("FuseEpilogue", rows, "a block of rows would not fit the cache");
      continue;
    }
    OpBuilder builder(rows);
    SmallVector<Type> types;
    SmallVector<int64_t> sums;
    if (keep) {
      types.push_back(product.getType());
    }
    for (int64_t sum : rows.getBlockSums()) {
      sums.push_back(sum + types.size());
    }
    llvm::append_range(types, rows.getResultTypes());
    auto merged = kernel::GemmOp::create(builder, FusedLoc::get(rows.getContext(), {gemm.getLoc(), rows.getLoc()}), types,
                                         gemm.getInputs(), gemm.getPacked(), gemm.getEpilogueInputs(), gemm.getSpace(),
                                         gemm.getDepth(), gemm.getPrologueSegments(), gemm.getPrologueWidth(),
                                         gemm.getColumns(), rows.getSegments(), rows.getWidth(), sums);
    merged.getPrologue().takeBody(gemm.getPrologue());
    merged.getEpilogue().takeBody(gemm.getEpilogue());
    RowSite site = rowSites(merged)[1];
    Block &epilogue = merged.getEpilogue().front();
    kernel::RowIndices here = kernel::rowIndices(epilogue);
    if (rows.getSegments() > 1) {
      here.offset.replaceAllUsesWith(here.column);
    }
    auto yield = cast<kernel::YieldOp>(epilogue.getTerminator());
    Value made = yield.getValues()[0];
    IRMapping map;
    for (unsigned n = 0; n < rows.getInputs().size(); ++n) {
      if (rows.getInputs()[n] != product) {
        map.map(body.getArgument(n), site.argumentFor(rows.getInputs()[n]));
      }
    }
    map.map(at.sequence, here.sequence);
    map.map(at.position, here.position);
    map.map(at.segment, here.segment);
    map.map(at.offset, here.offset);
    map.map(at.column, here.column);
    builder.setInsertionPoint(yield);
    for (Operation &op : body.without_terminator()) {
      auto load = dyn_cast<kernel::LoadOp>(op);
      if (load && readsProduct(load)) {
        map.map(load.getResult(), made);
      } else {
        builder.clone(op, map);
      }
    }
    SmallVector<Value> yields;
    if (keep) {
      yields.push_back(made);
    }
    for (Value value : cast<kernel::YieldOp>(body.getTerminator()).getValues()) {
      yields.push_back(map.lookupOrDefault(value));
    }
    kernel::YieldOp::create(builder, yield.getLoc(), yields);
    yield.erase();
    done("FuseEpilogue", rows, merged);
    rows.replaceAllUsesWith(merged.getResults().drop_front(keep ? 1 : 0));
    rows.erase();
    if (keep) {
      gemm.getResult(0).replaceAllUsesWith(merged.getResult(0));
    }
    gemm.erase();
    return true;
  }
  return false;
}

bool FuseKernelsPass::fuseSum(kernel::ReduceOp reduce) {
  auto result = dyn_cast<OpResult>(reduce.getInput());
  Operation *maker = result ? result.getOwner() : nullptr;
  bool allRows = reduce.getSums().getPositions() == SymbolicDim::constant(1) &&
                 reduce.getSpace().getPositions() == SymbolicDim::constant(1) && !reduce.getBlocks();
  auto gemm = dyn_cast_or_null<kernel::GemmOp>(maker);
  if (!mayFuse() || !allRows || !isa_and_nonnull<kernel::RowsOp, kernel::GemmOp>(maker) || (gemm && gemm.isStreamed()) ||
      cast<RankedTensorType>(result.getType()).getRank() != 3) {
    return false;
  }
  auto space = maker->getAttrOfType<kernel::SpaceAttr>("space");
  if (space.getSequences().times(space.getPositions()) != reduce.getSpace().getSequences()) {
    return false;
  }
  auto listed = maker->getAttrOfType<DenseI64ArrayAttr>("block_sums");
  SmallVector<int64_t> sums(listed ? listed.asArrayRef() : ArrayRef<int64_t>());
  int64_t width = cast<RankedTensorType>(result.getType()).getShape().back();
  // The op anew with one more result: the block sums of the same value.
  OpBuilder builder(maker);
  SmallVector<Type> types(maker->getResultTypes());
  types.push_back(RankedTensorType::get({ShapedType::kDynamic, width}, builder.getF32Type()));
  sums.push_back(types.size() - 1);
  OperationState state(maker->getLoc(), maker->getName(), maker->getOperands(), types, maker->getAttrs());
  for (unsigned n = 0; n < maker->getNumRegions(); ++n) {
    state.addRegion();
  }
  state.propertiesAttr = maker->getPropertiesAsAttribute();
  Operation *more = builder.create(state);
  for (auto [to, from] : llvm::zip(more->getRegions(), maker->getRegions())) {
    to.takeBody(from);
  }
  more->setAttr("block_sums", builder.getDenseI64ArrayAttr(sums));
  auto yield = cast<kernel::YieldOp>(more->getRegions().back().front().getTerminator());
  SmallVector<Value> yields(yield.getValues());
  yields.push_back(yields[result.getResultNumber()]);
  yield->setOperands(yields);
  for (auto [old, now] : llvm::zip(maker->getResults(), more->getResults())) {
    old.replaceAllUsesWith(now);
  }
  maker->erase();
  reduce.getInputMutable().assign(more->getResults().back());
  reduce.setSpaceAttr(space);
  reduce.setBlocks(true);
  done("FuseSum", reduce, more);
  return true;
}

void FuseKernelsPass::runOnOperation() {
  func::FuncOp function = getOperation();
  fused = 0; // one pass object may serve several functions
  reported.clear();
  auto each = [&](auto step) {
    bool changed = false;
    using OpT = typename llvm::function_traits<decltype(step)>::template arg_t<0>;
    for (OpT op : llvm::to_vector(function.getOps<OpT>())) {
      changed |= step(op);
    }
    return changed;
  };
  // Epilogues first where the product goes nowhere else; what feeds a row program then moves into it wherever it stands.
  bool changed = true;
  while (changed) {
    changed = each([&](kernel::RowsOp rows) { return fuseEpilogue(rows, /*onlyUse=*/true); });
    changed |= each([&](kernel::RowsOp rows) { return inlineProducer(rows); });
  }
  each([&](kernel::RowsOp rows) { return fuseEpilogue(rows, /*onlyUse=*/false); });
  each([&](kernel::ReduceOp reduce) { return fuseSum(reduce); });
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass: places tensors, compiles each distinct kernel once, and writes the entries that launch them.
#include "passes/LowerCPU/Kernels.h"
#include "passes/LowerCPU/Levels.h"
#include "passes/LowerCPU/Run.h"
#include "passes/LowerCPU/Schedule.h"
#include "passes/Memory/Placement.h"
#include "passes/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cstddef>
#include <map>

namespace mblm {
#define GEN_PASS_DEF_LOWERCPUPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
// A function as machine code will see it.
struct CompiledFunction {
  func::FuncOp code;
  SymbolicDim arena, scratch;
  int64_t slack = 0;  // floats behind the arena that are read, and dropped
  SmallVector<NamedAttrList> launches;
  int64_t pieces = 0; // ops that run pieces, so far
};

// The code of a function while it is written.
struct OpenFunction {
  func::FuncOp code;
  Emitter e;
  Value context, args;
};

// A copy of a weight that is made once: the first op that asks for it, and where its results stand among all copies, in floats.
struct PreparedCopy {
  Operation *op = nullptr;
  SmallVector<int64_t> places;
};

class Lowering {
public:
  Lowering(ModuleOp module, const Machine &machine) : module(module), machine(machine), builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult lowerFunction(func::FuncOp function);
  OpenFunction open(Location loc, StringRef name, bool byPieces, ArrayRef<Operation *> ops);
  void closeEntry(OpenFunction &function, StringRef name, CompiledFunction &compiled, NamedAttrList described);
  void placeCopies(ArrayRef<func::FuncOp> functions);
  void bindCopy(Operation *op);
  LogicalResult lowerCopies();
  void joinWeightGrads(SmallVectorImpl<Operation *> &ops);
  LogicalResult joinRuns(SmallVectorImpl<Operation *> &ops);
  SmallVector<Value> operandsOf(Operation *op);
  SmallVector<OpResult> resultsOf(Operation *op);
  Attribute form(const SymbolicDim &dim) { return formAttribute(module.getContext(), dim); }
  LogicalResult place(func::FuncOp function, ArrayRef<Operation *> ops, CompiledFunction &into);
  // Both write the launches of one op.
  LogicalResult launch(Emitter &e, Value context, Value args, Operation *op, CompiledFunction &into);
  void runPieces(Emitter &e, Value context, PiecesOp op, CompiledFunction &into);
  const CompiledKernel *compile(Operation *op);
  const CompiledKernel *compileRun(const Run &run);
  std::string kernelName(Location loc, StringRef kind);
  Value pointerTo(Emitter &e, Value context, const Place &place);

  ModuleOp module;
  const Machine machine;
  OpBuilder builder;
  SmallVector<std::pair<int64_t, int64_t>> parameters; // offset and floats, in the module's order
  llvm::StringMap<CompiledKernel> kernels;             // by what makes them equal
  llvm::StringMap<CompiledFunction> pieces;            // what runs by pieces, by name
  llvm::MapVector<std::string, PreparedCopy, std::map<std::string, unsigned>> copies; // by what makes them equal
  int64_t copiedFloats = 0;
  SmallVector<NamedAttribute> entries, kept;
  SmallVector<Attribute> launches;
  // Of the function at hand.
  DenseMap<Operation *, int64_t> numbers; // of the kernels; views, weights and states are none
  Placement placement;
  DenseMap<Operation *, kernel::PackRowsOp> joined; // to a product, which is the only one to read its result
  DenseMap<Operation *, Run> runs;                  // by their last ops, which stand for them
  Value parallel, pool, tensors;                    // `tensors`: the buffers of arguments and results, in pieces
};
} // namespace

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

// Packs that go along with their products.
void Lowering::joinWeightGrads(SmallVectorImpl<Operation *> &ops) {
  joined.clear();
  for (Operation *op : ops) {
    auto product = dyn_cast<kernel::WeightGemmOp>(op);
    auto pack = product ? product.getPacked().getDefiningOp<kernel::PackRowsOp>() : kernel::PackRowsOp();
    if (pack && pack->hasOneUse()) {
      joined[op] = pack;
    }
  }
  llvm::erase_if(ops, [&](Operation *op) {
    return isa<kernel::PackRowsOp>(op) && op->hasOneUse() && joined.contains(*op->user_begin());
  });
}

LogicalResult Lowering::joinRuns(SmallVectorImpl<Operation *> &ops) {
  runs.clear();
  FailureOr<SmallVector<Run>> found = runsOf(ops);
  if (failed(found)) {
    return failure();
  }
  DenseSet<Operation *> inside;
  for (Run &run : *found) {
    inside.insert(run.ops.begin(), run.ops.end() - 1);
    runs[run.ops.back()] = run;
  }
  llvm::erase_if(ops, [&](Operation *op) { return inside.contains(op); });
  return success();
}

// What it reads, those first that its kernel has first.
SmallVector<Value> Lowering::operandsOf(Operation *op) {
  if (auto run = runs.find(op); run != runs.end()) {
    return run->second.reads();
  }
  kernel::PackRowsOp pack = joined.lookup(op);
  SmallVector<Value> operands;
  if (pack) {
    operands.push_back(cast<kernel::WeightGemmOp>(op).getGrad());
    llvm::append_range(operands, pack.getInputs());
  } else {
    llvm::append_range(operands, op->getOperands());
  }
  return operands;
}

SmallVector<OpResult> Lowering::resultsOf(Operation *op) {
  auto run = runs.find(op);
  return run == runs.end() ? SmallVector<OpResult>(op->getResults()) : run->second.leaves();
}

// A gradient op's place in the gradients, kept on the op.
static bool addsToGradients(Operation *op) { return op->hasAttr("parameters") && !isa<kernel::WeightOp>(op); }

LogicalResult Lowering::place(func::FuncOp function, ArrayRef<Operation *> ops, CompiledFunction &into) {
  int64_t &slack = into.slack;
  for (Operation *op : ops) {
    auto run = runs.find(op);
    for (Operation *part : run == runs.end() ? ArrayRef(op) : ArrayRef(run->second.ops)) {
      if (auto gemm = dyn_cast<kernel::GemmOp>(part)) { // its tile reads whole tiles of rows
        slack = std::max<int64_t>(slack, gemm.getDepth() * machine.tileRows);
      }
    }
    if (auto inner = dyn_cast<PiecesOp>(op)) {
      slack = std::max(slack, pieces.find(inner.getCallee())->second.slack);
    }
  }
  Steps steps;
  steps.ops = ops;
  steps.reads = [&](Operation *op) { return operandsOf(op); };
  steps.makes = [&](Operation *op) { return resultsOf(op); };
  steps.root = rootOfViews;
  steps.temporary = [&](Operation *op) {
    if (isa<kernel::UpdateOp>(op)) { // partial sums: doubles, one a piece at most
      int64_t floats = 64;
      for (auto [offset, count] : parameters) {
        floats += 2 * (count / 1024 + 1);
      }
      return SymbolicDim::constant(floats);
    }
    if (kernel::PackRowsOp pack = joined.lookup(op)) {
      return partOfPackedRows(pack);
    }
    auto inner = dyn_cast<PiecesOp>(op);
    return inner ? ofPiece(pieces.find(inner.getCallee())->second.arena) : SymbolicDim();
  };
  FailureOr<Placement> placed = placeTensors(function, steps);
  if (failed(placed)) {
    return failure();
  }
  placement = std::move(*placed);
  for (Operation &op : function.getBody().front()) {
    if (isPrepared(&op)) {
      bindCopy(&op);
    }
  }
  into.arena = placement.arena + SymbolicDim::constant(slack);
  // What the backward pass needs of the forward pass is alive when the loss is known.
  for (auto [step, op] : llvm::enumerate(ops)) {
    if (isa<kernel::MeanLossOp>(op)) {
      kept.push_back(builder.getNamedAttr(function.getName(), aliveBehind(module.getContext(), placement, step)));
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

std::string Lowering::kernelName(Location loc, StringRef kind) {
  std::string base = modelName(loc) + kind.str(), name = base;
  for (unsigned n = 2; module.lookupSymbol(name); ++n) {
    name = base + "_v" + std::to_string(n);
  }
  return name;
}

const CompiledKernel *Lowering::compile(Operation *op) {
  kernel::PackRowsOp pack = joined.lookup(op);
  std::string key = codeKey(op) + (pack ? codeKey(pack) : "");
  auto known = kernels.find(key);
  if (known != kernels.end()) {
    return &known->second;
  }
  if (takesSchedule(op) && !kernel::cpuScheduleOf(op)) {
    op->emitOpError("expects a CPU schedule, as mblm-schedule-cpu writes it, but got none");
    return nullptr;
  }
  KernelWriter writer(module, machine, kernelName(op->getLoc(), op->getName().stripDialect()));
  bool emitted = true;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](kernel::RowsOp op) { emitRows(writer, op); })
      .Case([&](kernel::PackRowsOp op) { emitPackRows(writer, op); })
      .Case([&](kernel::ScanStepOp op) { emitScanStep(writer, op); })
      .Case([&](kernel::SsdStepOp op) { emitSsdStep(writer, op); })
      .Case([&](kernel::RememberOp op) { emitRemember(writer, op); })
      .Case([&](kernel::CachedAttentionOp op) { emitCachedAttention(writer, op); })
      .Case([&](kernel::ReduceOp op) { emitReduce(writer, op); })
      .Case([&](kernel::EmbedGradOp op) { emitEmbedGrad(writer, op); })
      .Case([&](kernel::RopeTableOp op) { emitRopeTable(writer, op); })
      .Case([&](kernel::GemmOp op) { emitGemm(writer, op); })
      .Case([&](kernel::PackOp op) { emitPack(writer, op); })
      .Case([&](kernel::QuantizeOp op) { emitQuantize(writer, op); })
      .Case([&](kernel::TransposeOp op) { emitTranspose(writer, op); })
      .Case([&](kernel::WeightGemmOp op) {
        pack ? emitWeightGrad(writer, pack, kernelName(pack->getLoc(), "pack_rows"), op) : emitWeightGemm(writer, op);
      })
      .Case([&](kernel::AttentionOp op) { emitAttention(writer, op); })
      .Case([&](kernel::AttentionGradOp op) { emitAttentionGrad(writer, op); })
      .Case([&](kernel::IntegersOp op) { emitIntegers(writer, op); })
      .Case([&](kernel::PoolOp op) { emitPool(writer, op); })
      .Case([&](kernel::PoolGradOp op) { emitPoolGrad(writer, op); })
      .Case([&](kernel::RangedAttentionOp op) { emitRangedAttention(writer, op); })
      .Case([&](kernel::RangedAttentionGradOp op) { emitRangedAttentionGrad(writer, op); })
      .Case([&](kernel::ScanOp op) { emitScan(writer, op); })
      .Case([&](kernel::ScanGradOp op) { emitScanGrad(writer, op); })
      .Case([&](kernel::PrefixOp op) { emitPrefix(writer, op); })
      .Case([&](kernel::PrefixGradOp op) { emitPrefixGrad(writer, op); })
      .Case([&](kernel::SsdOp op) { emitSsd(writer, op); })
      .Case([&](kernel::SsdGradOp op) { emitSsdGrad(writer, op); })
      .Case([&](kernel::CrossEntropyOp op) { emitCrossEntropy(writer, op); })
      .Case([&](kernel::CrossEntropyGradOp op) { emitCrossEntropyGrad(writer, op); })
      .Case([&](kernel::MeanLossOp op) { emitMeanLoss(writer, op); })
      .Case([&](kernel::DropoutKeyOp op) { emitDropoutKey(writer, op); })
      .Case([&](kernel::UpdateOp op) { emitUpdate(writer, op, parameters); })
      .Default([&](Operation *) { emitted = false; });
  if (!emitted) {
    op->emitOpError("has no CPU kernel");
    return nullptr;
  }
  return &(kernels[key] = std::move(writer.kernel));
}

// Runs of equal kernels share a function where the same tensors pass between them.
const CompiledKernel *Lowering::compileRun(const Run &run) {
  SmallVector<const CompiledKernel *> parts;
  SmallVector<Value> outside = run.reads();
  llvm::append_range(outside, run.leaves());
  std::string key = "run";
  for (Operation *op : run.ops) {
    const CompiledKernel *part = compile(op);
    if (!part) {
      return nullptr;
    }
    parts.push_back(part);
    key += ' ' + part->launches.front().function;
    SmallVector<Value> tensors(op->getOperands());
    llvm::append_range(tensors, op->getResults());
    for (Value tensor : tensors) {
      bool kept = run.keeps(tensor);
      Operation *maker = tensor.getDefiningOp();
      int64_t number = kept ? llvm::find(run.ops, maker) - run.ops.begin() : llvm::find(outside, tensor) - outside.begin();
      key += (kept ? " kept " : " ") + std::to_string(number);
      key += kept ? '.' + std::to_string(cast<OpResult>(tensor).getResultNumber()) : "";
    }
  }
  auto known = kernels.find(key);
  if (known != kernels.end()) {
    return &known->second;
  }
  KernelWriter writer(module, machine, kernelName(commonLocation(run.ops), "run"));
  emitRun(writer, run, parts);
  return &(kernels[key] = std::move(writer.kernel));
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

static Value field(Emitter &e, Value context, size_t bytes, Type type) {
  Value address = e.at(context, e.index(bytes), e.b.getI8Type());
  return LLVM::LoadOp::create(e.b, type, address);
}

Value Lowering::pointerTo(Emitter &e, Value context, const Place &place) {
  if (place.slot >= MBLM_SLOTS) {
    return LLVM::LoadOp::create(e.b, e.ptr(), e.at(tensors, e.index(place.slot - MBLM_SLOTS), e.ptr()));
  }
  Value base = field(e, context, offsetof(MblmContext, buffers) + place.slot * sizeof(void *), e.ptr());
  return e.at(base, e.form(place.offset));
}

// The launches of one kernel.
LogicalResult Lowering::launch(Emitter &e, Value context, Value args, Operation *op, CompiledFunction &into) {
  auto run = runs.find(op);
  const CompiledKernel *kernel = run == runs.end() ? compile(op) : compileRun(run->second);
  if (!kernel) {
    return failure();
  }
  SmallVector<Value> arguments;
  auto bind = [&](const Place &place) { arguments.push_back(pointerTo(e, context, place)); };
  SmallVector<Value> operands = operandsOf(op);
  SmallVector<Value> behind; // of a product that a pack is joined to
  if (joined.contains(op)) {
    behind.assign(operands.begin() + 1, operands.end());
    operands.truncate(1);
  }
  for (Value operand : operands) {
    bind(placement.places.lookup(rootOfViews(operand)));
  }
  if (joined.contains(op)) {
    bind(placement.temporaries[op]);
  }
  for (Value result : resultsOf(op)) {
    bind(placement.places.lookup(result));
  }
  if (addsToGradients(op)) {
    bind({MBLM_GRADS, SymbolicDim::constant(op->getAttrOfType<IntegerAttr>("offset").getInt())});
  }
  for (Value operand : behind) {
    bind(placement.places.lookup(rootOfViews(operand)));
  }
  if (isa<kernel::UpdateOp>(op)) {
    for (int slot : {MBLM_PARAMS, MBLM_GRADS, MBLM_M, MBLM_V}) {
      bind({slot, {}});
    }
    bind(placement.temporaries[op]);
  }
  size_t part = arguments.size() + 2; // behind B and M
  llvm::append_values(arguments, e.i64(e.batch), e.i64(e.slots), e.i64(e.index(0)), e.i64(e.position), e.i64(e.patches));
  for (auto [place, argument] : llvm::enumerate(arguments)) {
    if (place != part) {
      LLVM::StoreOp::create(e.b, argument, e.at(args, e.index(place), e.b.getI64Type()));
    }
  }
  for (const Launch &launch : kernel->launches) {
    LLVM::StoreOp::create(e.b, e.i64(e.index(launch.part)), e.at(args, e.index(part), e.b.getI64Type()));
    auto target = module.lookupSymbol<func::FuncOp>(launch.function);
    Value constant = func::ConstantOp::create(e.b, target.getFunctionType(), launch.function);
    Value address = UnrealizedConversionCastOp::create(e.b, e.ptr(), constant).getResult(0);
    Value items = e.i64(e.mul(e.ceilDiv(e.form(launch.items.count), launch.items.divisor), launch.items.pieces));
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()),
                                            {e.ptr(), e.ptr(), e.ptr(), e.b.getI64Type()});
    LLVM::CallOp::create(e.b, type, ValueRange{parallel, pool, address, args, items});
    NamedAttrList listed;
    listed.set("name", builder.getStringAttr(launch.function));
    listed.set("from", builder.getStringAttr(modelName(run == runs.end() ? op->getLoc() : commonLocation(run->second.ops))));
    listed.set("op", builder.getI64IntegerAttr(numbers.lookup(op)));
    if (run != runs.end()) {
      SmallVector<int64_t> all;
      llvm::transform(run->second.ops, std::back_inserter(all), [&](Operation *part) { return numbers.lookup(part); });
      listed.set("ops", builder.getDenseI64ArrayAttr(all));
    }
    into.launches.push_back(listed);
  }
  into.scratch = bound(into.scratch, kernel->scratch);
  return success();
}

// A loop over pieces: the callee sees a context of its own, with the piece as the whole batch.
void Lowering::runPieces(Emitter &e, Value context, PiecesOp op, CompiledFunction &into) {
  CompiledFunction &callee = pieces.find(op.getCallee())->second;
  Type i64 = e.b.getI64Type();
  auto allocate = [&](Type type, int64_t count) -> Value {
    return LLVM::AllocaOp::create(e.b, e.ptr(), type, LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(count)));
  };
  auto store = [&](Value value, Value base, size_t bytes) {
    LLVM::StoreOp::create(e.b, value, e.at(base, e.index(bytes), e.b.getI8Type()));
  };
  Value own = allocate(i64, sizeof(MblmContext) / sizeof(int64_t));
  for (size_t bytes = 0; bytes < sizeof(MblmContext); bytes += sizeof(int64_t)) {
    store(field(e, context, bytes, i64), own, bytes);
  }
  store(e.i64(e.index(1)), own, offsetof(MblmContext, batch));
  store(pointerTo(e, context, placement.temporaries[op]), own, offsetof(MblmContext, buffers) + MBLM_ARENA * sizeof(void *));
  SmallVector<std::pair<Value, int64_t>> whole; // pointers, and what a slot has there
  auto add = [&](Value value) {
    whole.push_back({pointerTo(e, context, placement.places.lookup(rootOfViews(value))), elementsOfSlot(value)});
  };
  llvm::for_each(op->getOperands(), add);
  llvm::for_each(op->getResults(), add);
  Value parts = allocate(e.ptr(), whole.size());
  Value total = e.mul(e.batch, e.slots);
  auto loop = scf::ForOp::create(e.b, e.index(0), total, e.piece);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    store(e.i64(e.min(e.piece, e.sub(total, first))), own, offsetof(MblmContext, slots));
    for (auto [number, tensor] : llvm::enumerate(whole)) {
      store(e.at(tensor.first, e.mul(first, tensor.second)), parts, number * sizeof(void *));
    }
    func::CallOp::create(e.b, callee.code, ValueRange{own, parts});
  }
  for (NamedAttrList listed : callee.launches) {
    listed.set("pieces", builder.getI64IntegerAttr(into.pieces));
    listed.set("of", builder.getStringAttr(op.getCallee()));
    into.launches.push_back(listed);
  }
  ++into.pieces;
  into.scratch = bound(into.scratch, ofPiece(callee.scratch));
}

OpenFunction Lowering::open(Location loc, StringRef name, bool byPieces, ArrayRef<Operation *> ops) {
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = builder.getI64Type(), i32 = builder.getI32Type();
  auto type = byPieces ? builder.getFunctionType({ptr, ptr}, {}) : builder.getFunctionType({ptr}, {i32});
  auto code = func::FuncOp::create(builder, loc, ((byPieces ? "mblm_pieces_" : "mblm_entry_") + name).str(), type);
  Block *body = code.addEntryBlock();
  OpBuilder inside = OpBuilder::atBlockBegin(body);
  Emitter e(inside, loc, machine);
  Value context = body->getArgument(0);
  tensors = byPieces ? body->getArgument(1) : Value();
  auto number = [&](size_t bytes) {
    return arith::IndexCastOp::create(e.b, e.b.getIndexType(), field(e, context, bytes, i64)).getResult();
  };
  e.batch = number(offsetof(MblmContext, batch));
  e.slots = number(offsetof(MblmContext, slots));
  e.position = number(offsetof(MblmContext, position));
  e.piece = number(offsetof(MblmContext, piece));
  e.patches = number(offsetof(MblmContext, patches));
  parallel = field(e, context, offsetof(MblmContext, parallel), ptr);
  pool = field(e, context, offsetof(MblmContext, pool), ptr);

  size_t most = 0;
  for (Operation *op : ops) {
    most = std::max<size_t>(most, operandsOf(op).size() + resultsOf(op).size() + 8);
  }
  Value args = LLVM::AllocaOp::create(e.b, ptr, i64, LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(most)));
  return {code, e, context, args};
}

void Lowering::closeEntry(OpenFunction &function, StringRef name, CompiledFunction &compiled, NamedAttrList described) {
  Emitter &e = function.e;
  Value done = LLVM::ConstantOp::create(e.b, e.b.getI32Type(), e.b.getI32IntegerAttr(0));
  func::ReturnOp::create(e.b, done);
  described.set("arena", form(compiled.arena));
  described.set("scratch", form(compiled.scratch));
  entries.push_back(builder.getNamedAttr(name, described.getDictionary(module.getContext())));
  for (NamedAttrList &listed : compiled.launches) {
    listed.set("entry", builder.getStringAttr(name));
    launches.push_back(listed.getDictionary(module.getContext()));
  }
}

LogicalResult Lowering::lowerFunction(func::FuncOp function) {
  SmallVector<Operation *> ops;
  numbers.clear();
  bool readsCopies = false;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (!isa<kernel::KernelDialect>(op.getDialect()) && !isa<PiecesOp>(op)) {
      return op.emitOpError("expects only kernels here");
    }
    if (isa<kernel::ViewOp, kernel::WeightOp, kernel::StateOp>(op)) {
      continue;
    }
    int64_t number = numbers.size();
    numbers[&op] = number;
    if (isPrepared(&op)) {
      readsCopies = true;
    } else {
      ops.push_back(&op);
    }
  }
  joinWeightGrads(ops);
  if (failed(joinRuns(ops))) {
    return failure();
  }
  bool byPieces = function.isPrivate();
  CompiledFunction compiled;
  if (failed(place(function, ops, compiled))) {
    return failure();
  }
  builder.setInsertionPoint(function);
  OpenFunction opened = open(function.getLoc(), function.getName(), byPieces, ops);
  compiled.code = opened.code;
  for (Operation *op : ops) {
    if (auto inner = dyn_cast<PiecesOp>(op)) {
      runPieces(opened.e, opened.context, inner, compiled);
    } else if (failed(launch(opened.e, opened.context, opened.args, op, compiled))) {
      return failure();
    }
  }
  if (byPieces) {
    compiled.code.setPrivate();
    func::ReturnOp::create(opened.e.b);
    pieces[function.getName()] = std::move(compiled);
    return success();
  }
  NamedAttrList described;
  describeStepInputs(function, described);
  if (readsCopies) {
    described.set("prepared", builder.getI64IntegerAttr(1));
  }
  closeEntry(opened, function.getName(), compiled, described);
  return success();
}

//===----------------------------------------------------------------------===//
// Copies of weights
//===----------------------------------------------------------------------===//

// Equal copies of one weight are one.
static std::string copyKey(Operation *op) {
  return std::to_string(op->getOperand(0).getDefiningOp<kernel::WeightOp>().getOffset()) + " " + codeKey(op);
}

void Lowering::placeCopies(ArrayRef<func::FuncOp> functions) {
  for (func::FuncOp function : functions) {
    for (Operation &op : function.getBody().front()) {
      if (!isPrepared(&op)) {
        continue;
      }
      PreparedCopy &copy = copies[copyKey(&op)];
      if (copy.op) {
        continue;
      }
      copy.op = &op;
      for (Type result : op.getResultTypes()) {
        auto type = cast<RankedTensorType>(result);
        copy.places.push_back(copiedFloats);
        constexpr int64_t line = 16; // floats
        copiedFloats += kernel::ceilDiv(type.getNumElements() * type.getElementTypeBitWidth(), line * 32) * line;
      }
    }
  }
}

void Lowering::bindCopy(Operation *op) {
  const PreparedCopy &copy = copies.find(copyKey(op))->second;
  for (auto [result, place] : llvm::zip(op->getResults(), copy.places)) {
    placement.places[result] = {MBLM_PREPARED, SymbolicDim::constant(place)};
  }
}

// An entry that makes all of them.
LogicalResult Lowering::lowerCopies() {
  placement = Placement();
  numbers.clear();
  CompiledFunction compiled;
  SmallVector<Operation *> ops;
  SmallVector<Attribute> quantized;
  for (const auto &[key, copy] : copies) {
    auto weight = copy.op->getOperand(0).getDefiningOp<kernel::WeightOp>();
    numbers[copy.op] = ops.size();
    ops.push_back(copy.op);
    placement.places[weight] = {MBLM_PARAMS, SymbolicDim::constant(weight.getOffset())};
    bindCopy(copy.op);
    if (isa<kernel::QuantizeOp>(copy.op)) {
      auto type = cast<RankedTensorType>(weight.getType());
      NamedAttrList listed;
      listed.set("offset", builder.getI64IntegerAttr(weight.getOffset()));
      listed.set("rows", builder.getI64IntegerAttr(type.getDimSize(0)));
      listed.set("columns", builder.getI64IntegerAttr(type.getDimSize(1)));
      listed.set("numbers", builder.getI64IntegerAttr(copy.places[0]));
      listed.set("scales", builder.getI64IntegerAttr(copy.places[1]));
      quantized.push_back(listed.getDictionary(module.getContext()));
    }
  }
  StringRef name = "prepare";
  builder.setInsertionPointToEnd(module.getBody());
  OpenFunction opened = open(module.getLoc(), name, /*byPieces=*/false, ops);
  for (Operation *op : ops) {
    if (failed(launch(opened.e, opened.context, opened.args, op, compiled))) {
      return failure();
    }
  }
  closeEntry(opened, name, compiled, {});
  NamedAttrList described;
  described.set("floats", builder.getI64IntegerAttr(copiedFloats));
  described.set("quantized", builder.getArrayAttr(quantized));
  module->setAttr("mblm.prepared", described.getDictionary(module.getContext()));
  return success();
}

LogicalResult Lowering::run() {
  for (auto parameter : module.getOps<ParameterOp>()) {
    parameters.push_back({static_cast<int64_t>(parameter.getOffset()), cast<RankedTensorType>(parameter.getType()).getNumElements()});
  }
  SmallVector<func::FuncOp> functions = calleesFirst(module);
  placeCopies(functions);
  for (func::FuncOp function : functions) {
    if (failed(lowerFunction(function))) {
      return failure();
    }
  }
  if (!copies.empty() && failed(lowerCopies())) {
    return failure();
  }
  finishLowering(module, functions);
  module->setAttr("mblm.entries", builder.getDictionaryAttr(entries));
  module->setAttr("mblm.kernels", builder.getArrayAttr(launches));
  module->setAttr("mblm.kept", builder.getDictionaryAttr(kept));
  return success();
}

namespace {
struct LowerCPUPass : mblm::impl::LowerCPUPassBase<LowerCPUPass> {
  using LowerCPUPassBase::LowerCPUPassBase;

  void runOnOperation() override {
    FailureOr<Machine> machine = machineOfLevel(getOperation().getLoc(), level);
    if (failed(machine)) {
      return signalPassFailure();
    }
    if (precision != "f32" && precision != "bf16") {
      emitError(getOperation().getLoc()) << "expects precision f32 or bf16, but got " << precision;
      return signalPassFailure();
    }
    machine->narrowAttention = precision == "bf16";
    if (failed(Lowering(getOperation(), *machine).run())) {
      signalPassFailure();
    }
  }
};
} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass: places tensors, compiles each distinct kernel once, and writes the entries that launch them.
#include "passes/LowerCPU/Kernels.h"
#include "passes/Memory/ArenaPlan.h"
#include "passes/Memory/InPlace.h"
#include "passes/Passes.h"
#include "runtime/ABI.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstddef>

namespace mblm {
#define GEN_PASS_DEF_LOWERCPUPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
// Where a tensor lies: in one of the caller's buffers or in the arena, `offset` floats from its start.
struct Place {
  int slot = MBLM_ARENA;
  SymbolicDim offset;
};

class Lowering {
public:
  Lowering(ModuleOp module, const Machine &machine) : module(module), machine(machine), builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult lowerFunction(func::FuncOp function);
  void joinWeightGrads(SmallVectorImpl<Operation *> &ops);
  SmallVector<Value> operandsOf(Operation *op);
  void place(func::FuncOp function, ArrayRef<Operation *> ops);
  const CompiledKernel *compile(Operation *op);
  std::string kernelName(Operation *op);
  Value pointerTo(Emitter &e, Value context, const Place &place);

  ModuleOp module;
  const Machine machine;
  OpBuilder builder;
  SmallVector<std::pair<int64_t, int64_t>> parameters; // offset and floats, in the module's order
  llvm::StringMap<CompiledKernel> kernels;             // by what makes them equal
  SmallVector<NamedAttribute> entries;
  SmallVector<Attribute> launches;
  // Of the function at hand.
  DenseMap<Value, Place> places;
  DenseMap<Operation *, kernel::PackRowsOp> joined; // to a product, which is the only one to read its result
  DenseMap<Operation *, Place> temporaries;         // of updates; what is joined to products
  SymbolicDim arena;
};
} // namespace

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

static Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<kernel::ViewOp>()) {
    value = view.getInput();
  }
  return value;
}

// The caller's buffers: arguments and results of the entries stand in a fixed order (compiler/Frontend), in which a
// dropout key may be left out.
static SmallVector<Place> argumentPlaces(func::FuncOp function) {
  static const Place slots[] = {{MBLM_IDS, {}},
                                {MBLM_MASK, {}},
                                {MBLM_HYPER, SymbolicDim::constant(8)}, // the gradients' scale
                                {MBLM_HYPER, {}},
                                {MBLM_DECAY, {}}};
  SmallVector<Place> places;
  unsigned next = 0;
  for (Type type : function.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    bool key = tensor.getRank() == 1 && tensor.getElementType().isInteger(32);
    places.push_back(key ? Place{MBLM_KEY, {}} : slots[next++]);
  }
  return places;
}

static Place resultPlace(unsigned number, bool scalar) {
  static const int64_t order[] = {0, 2, 3, 1}; // loss, sum, count, norm in rt::Call::Scalars
  return scalar ? Place{MBLM_SCALARS, SymbolicDim::constant(order[number])} : Place{MBLM_OUTPUT, {}};
}

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

// What it reads, those first that its kernel has first.
SmallVector<Value> Lowering::operandsOf(Operation *op) {
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

// A gradient op's place in the gradients, kept on the op.
static bool addsToGradients(Operation *op) { return op->hasAttr("parameters") && !isa<kernel::WeightOp>(op); }

void Lowering::place(func::FuncOp function, ArrayRef<Operation *> ops) {
  places.clear();
  temporaries.clear();
  for (auto [argument, place] : llvm::zip(function.getArguments(), argumentPlaces(function))) {
    places[argument] = place;
  }
  Operation *terminator = function.getBody().front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    bool scalar = cast<RankedTensorType>(operand.get().getType()).getRank() == 0;
    places[rootOf(operand.get())] = resultPlace(operand.getOperandNumber(), scalar);
  }
  DenseMap<Value, int64_t> lastUse;
  int64_t slack = 0;
  for (auto [step, op] : llvm::enumerate(ops)) {
    for (Value operand : operandsOf(op)) {
      lastUse[rootOf(operand)] = step;
    }
    if (auto gemm = dyn_cast<kernel::GemmOp>(op)) { // its tile reads whole tiles of rows
      slack = std::max<int64_t>(slack, gemm.getDepth() * machine.tileRows);
    }
  }
  SmallVector<ArenaBuffer> buffers;
  DenseMap<Value, unsigned> index;
  // A buffer that `result` may take over: the op that makes it is the last to use what lies there.
  auto reusable = [&](OpResult result, int64_t step) -> std::optional<unsigned> {
    for (Value operand : overwritableOperands(result)) {
      Value root = rootOf(operand);
      auto known = index.find(root);
      bool noView = llvm::all_of(result.getOwner()->getOperands(),
                                 [&](Value other) { return other == operand || rootOf(other) != root; });
      bool last = lastUse.lookup_or(root, -1) == step && known != index.end() && buffers[known->second].last == step;
      if (noView && last) {
        lastUse.erase(root); // no second result takes it
        return known->second;
      }
    }
    return std::nullopt;
  };
  for (auto [step, op] : llvm::enumerate(ops)) {
    for (OpResult result : op->getResults()) {
      if (places.count(result)) {
        continue;
      }
      int64_t last = lastUse.lookup_or(result, step);
      if (std::optional<unsigned> number = reusable(result, step)) {
        index[result] = *number;
        buffers[*number].last = last;
        continue;
      }
      index[result] = buffers.size();
      ArenaBuffer buffer;
      buffer.floats = *numElements(kernel::shapeOf(result));
      buffer.first = step;
      buffer.last = last;
      buffers.push_back(buffer);
    }
  }
  SmallVector<std::pair<Operation *, unsigned>> own;
  for (auto [step, op] : llvm::enumerate(ops)) {
    ArenaBuffer buffer;
    if (isa<kernel::UpdateOp>(op)) { // partial sums: doubles, one a piece at most
      int64_t floats = 64;
      for (auto [offset, count] : parameters) {
        floats += 2 * (count / 1024 + 1);
      }
      buffer.floats = SymbolicDim::constant(floats);
    } else if (kernel::PackRowsOp pack = joined.lookup(op)) {
      buffer.floats = partOfPackedRows(pack);
    } else {
      continue;
    }
    buffer.first = buffer.last = step;
    own.push_back({op, buffers.size()});
    buffers.push_back(buffer);
  }
  arena = planArena(buffers) + SymbolicDim::constant(slack);
  for (auto [value, number] : index) {
    places[value] = {MBLM_ARENA, buffers[number].offset};
  }
  for (auto [op, number] : own) {
    temporaries[op] = {MBLM_ARENA, buffers[number].offset};
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

// Text that is equal for ops that may share code: everything but where in the model they stand.
static std::string keyOf(Operation *op) {
  std::string key;
  llvm::raw_string_ostream os(key);
  DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) { return numbers.try_emplace(value, numbers.size()).first->second; };
  std::function<void(Operation *, bool)> print = [&](Operation *inner, bool outermost) {
    os << inner->getName();
    for (NamedAttribute attr : inner->getAttrs()) {
      bool position = outermost && inner->hasAttr("parameters") && (attr.getName() == "parameters" || attr.getName() == "offset");
      if (!position && attr.getName() != "mblm.recompute") {
        os << ' ' << attr.getName() << '=' << attr.getValue();
      }
    }
    for (Value operand : inner->getOperands()) {
      os << " %" << number(operand);
      if (outermost) {
        os << ':' << operand.getType();
        for (const SymbolicDim &dim : kernel::shapeOf(operand)) {
          os << ' ' << dim << ',';
        }
      }
    }
    os << " -> " << inner->getResultTypes();
    for (Region &region : inner->getRegions()) {
      os << '{';
      for (BlockArgument argument : region.getArguments()) {
        os << number(argument) << ':' << argument.getType() << ' ';
      }
      for (Operation &nested : region.getOps()) {
        for (Value result : nested.getResults()) {
          os << number(result) << '=';
        }
        print(&nested, false);
        os << '\n';
      }
      os << '}';
    }
  };
  print(op, true);
  return key;
}

// From a location such as "/stages/1/layers/0/attention/qkv/grad": stage1_attention_qkv_grad.
static std::string modelName(Location loc) {
  std::string path;
  loc->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner)) {
      path = named.getName().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  SmallVector<StringRef> parts;
  StringRef(path).split(parts, '/', -1, false);
  std::string name;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "layers") {
      ++i; // equal layers share their kernels
    } else if (parts[i] == "stages" && i + 1 < parts.size()) {
      name += "stage" + parts[++i].str() + "_";
    } else {
      name += parts[i].str() + "_";
    }
  }
  for (char &c : name) {
    c = llvm::isAlnum(c) ? c : '_';
  }
  return name;
}

std::string Lowering::kernelName(Operation *op) {
  std::string base = modelName(op->getLoc()) + op->getName().stripDialect().str(), name = base;
  for (unsigned n = 2; module.lookupSymbol(name); ++n) {
    name = base + "_v" + std::to_string(n);
  }
  return name;
}

const CompiledKernel *Lowering::compile(Operation *op) {
  kernel::PackRowsOp pack = joined.lookup(op);
  std::string key = keyOf(op) + (pack ? keyOf(pack) : "");
  auto known = kernels.find(key);
  if (known != kernels.end()) {
    return &known->second;
  }
  KernelWriter writer(module, machine, kernelName(op));
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
      .Case([&](kernel::TransposeOp op) { emitTranspose(writer, op); })
      .Case([&](kernel::WeightGemmOp op) {
        pack ? emitWeightGrad(writer, pack, kernelName(pack), op) : emitWeightGemm(writer, op);
      })
      .Case([&](kernel::AttentionOp op) { emitAttention(writer, op); })
      .Case([&](kernel::AttentionGradOp op) { emitAttentionGrad(writer, op); })
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

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

static Value field(Emitter &e, Value context, size_t bytes, Type type) {
  Value address = e.at(context, e.index(bytes), e.b.getI8Type());
  return LLVM::LoadOp::create(e.b, type, address);
}

Value Lowering::pointerTo(Emitter &e, Value context, const Place &place) {
  Value base = field(e, context, offsetof(MblmContext, buffers) + place.slot * sizeof(void *), e.ptr());
  return e.at(base, e.form(place.offset));
}

LogicalResult Lowering::lowerFunction(func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (isa<kernel::WeightOp, kernel::StateOp>(op)) {
      continue;
    }
    if (!isa<kernel::KernelDialect>(op.getDialect())) {
      return op.emitOpError("expects only kernels here");
    }
    if (!isa<kernel::ViewOp>(op)) {
      ops.push_back(&op);
    }
  }
  joinWeightGrads(ops);
  place(function, ops);
  for (auto weight : function.getOps<kernel::WeightOp>()) {
    places[weight] = {MBLM_PARAMS, SymbolicDim::constant(weight.getOffset())};
  }
  for (auto state : function.getOps<kernel::StateOp>()) {
    ArrayRef<int64_t> form = state.getOffset();
    places[state] = {MBLM_STATE, SymbolicDim{form[0], form[1], form[2], form[3]}};
  }

  Location loc = function.getLoc();
  builder.setInsertionPoint(function);
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), i64 = builder.getI64Type();
  auto entry = func::FuncOp::create(builder, loc, ("mblm_entry_" + function.getName()).str(),
                                    builder.getFunctionType({ptr}, {builder.getI32Type()}));
  Block *body = entry.addEntryBlock();
  OpBuilder inside = OpBuilder::atBlockBegin(body);
  Emitter e(inside, loc, machine);
  Value context = body->getArgument(0);
  auto asIndex = [&](Value value) { return arith::IndexCastOp::create(e.b, e.b.getIndexType(), value).getResult(); };
  Value batch = field(e, context, offsetof(MblmContext, batch), i64), slots = field(e, context, offsetof(MblmContext, slots), i64);
  Value position = field(e, context, offsetof(MblmContext, position), i64);
  e.batch = asIndex(batch);
  e.slots = asIndex(slots);
  Value parallel = field(e, context, offsetof(MblmContext, parallel), ptr);
  Value pool = field(e, context, offsetof(MblmContext, pool), ptr);

  size_t most = 0;
  for (Operation *op : ops) {
    most = std::max<size_t>(most, operandsOf(op).size() + op->getNumResults() + 8);
  }
  Value args = LLVM::AllocaOp::create(e.b, ptr, i64, LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(most)));
  SymbolicDim scratch;
  int64_t number = 0; // of the kernel in its function, views and weights left out
  for (Operation *op : ops) {
    const CompiledKernel *kernel = compile(op);
    if (!kernel) {
      return failure();
    }
    SmallVector<Value> pointers;
    auto bind = [&](const Place &place) { pointers.push_back(pointerTo(e, context, place)); };
    SmallVector<Value> operands = operandsOf(op);
    SmallVector<Value> behind; // of a product that a pack is joined to
    if (joined.contains(op)) {
      behind.assign(operands.begin() + 1, operands.end());
      operands.truncate(1);
    }
    for (Value operand : operands) {
      bind(places.lookup(rootOf(operand)));
    }
    if (joined.contains(op)) {
      bind(temporaries[op]);
    }
    for (Value result : op->getResults()) {
      bind(places.lookup(result));
    }
    if (addsToGradients(op)) {
      bind({MBLM_GRADS, SymbolicDim::constant(op->getAttrOfType<IntegerAttr>("offset").getInt())});
    }
    for (Value operand : behind) {
      bind(places.lookup(rootOf(operand)));
    }
    if (isa<kernel::UpdateOp>(op)) {
      for (int slot : {MBLM_PARAMS, MBLM_GRADS, MBLM_M, MBLM_V}) {
        bind({slot, {}});
      }
      bind(temporaries[op]);
    }
    for (auto [number, pointer] : llvm::enumerate(pointers)) {
      LLVM::StoreOp::create(e.b, pointer, e.at(args, e.index(number), i64));
    }
    LLVM::StoreOp::create(e.b, batch, e.at(args, e.index(pointers.size()), i64));
    LLVM::StoreOp::create(e.b, slots, e.at(args, e.index(pointers.size() + 1), i64));
    LLVM::StoreOp::create(e.b, position, e.at(args, e.index(pointers.size() + 3), i64));
    for (const Launch &launch : kernel->launches) {
      Value part = LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(launch.part));
      LLVM::StoreOp::create(e.b, part, e.at(args, e.index(pointers.size() + 2), i64));
      auto target = module.lookupSymbol<func::FuncOp>(launch.function);
      Value constant = func::ConstantOp::create(e.b, target.getFunctionType(), launch.function);
      Value address = UnrealizedConversionCastOp::create(e.b, ptr, constant).getResult(0);
      Value items = e.i64(e.ceilDiv(e.form(launch.items.count), launch.items.divisor));
      LLVM::CallOp::create(e.b, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()), {ptr, ptr, ptr, i64}),
                           ValueRange{parallel, pool, address, args, items});
      auto text = [&](StringRef s) { return builder.getStringAttr(s); };
      launches.push_back(builder.getDictionaryAttr({builder.getNamedAttr("name", text(launch.function)),
                                                    builder.getNamedAttr("from", text(modelName(op->getLoc()))),
                                                    builder.getNamedAttr("entry", text(function.getName())),
                                                    builder.getNamedAttr("op", builder.getI64IntegerAttr(number))}));
    }
    scratch = bound(scratch, kernel->scratch);
    ++number;
  }
  func::ReturnOp::create(e.b, LLVM::ConstantOp::create(e.b, e.b.getI32Type(), e.b.getI32IntegerAttr(0)).getResult());
  auto form = [&](const SymbolicDim &dim) { return builder.getDenseI64ArrayAttr({dim.one, dim.m, dim.b, dim.bm}); };
  entries.push_back(builder.getNamedAttr(
      function.getName(), builder.getDictionaryAttr({builder.getNamedAttr("arena", form(arena)),
                                                     builder.getNamedAttr("scratch", form(scratch))})));
  return success();
}

LogicalResult Lowering::run() {
  for (auto parameter : module.getOps<ParameterOp>()) {
    parameters.push_back({static_cast<int64_t>(parameter.getOffset()), cast<RankedTensorType>(parameter.getType()).getNumElements()});
  }
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    if (failed(lowerFunction(function))) {
      return failure();
    }
    function.erase();
  }
  for (auto parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>())) {
    parameter.erase();
  }
  SmallVector<Attribute> states;
  for (auto state : llvm::make_early_inc_range(module.getOps<mblm::StateOp>())) {
    auto type = cast<RankedTensorType>(state.getType());
    bool perSlot = type.isDynamicDim(1);
    int64_t positions = perSlot ? static_cast<int64_t>(state.getMore()) : type.getDimSize(1);
    states.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("name", state.getSymNameAttr()), builder.getNamedAttr("offset", state.getOffsetAttr()),
         builder.getNamedAttr("positions", builder.getDenseI64ArrayAttr({positions, perSlot ? 1 : 0})),
         builder.getNamedAttr("width", builder.getI64IntegerAttr(type.getDimSize(2)))}));
    state.erase();
  }
  module->setAttr("mblm.states", builder.getArrayAttr(states));
  module->setAttr("mblm.entries", builder.getDictionaryAttr(entries));
  module->setAttr("mblm.kernels", builder.getArrayAttr(launches));
  return success();
}

namespace {
struct LowerCPUPass : mblm::impl::LowerCPUPassBase<LowerCPUPass> {
  using LowerCPUPassBase::LowerCPUPassBase;

  void runOnOperation() override {
    Machine machine;
    if (level == "avx2") {
      machine = {8, 6, 2, true};
    } else if (level == "portable") {
      machine = {4, 4, 2, false};
    } else if (level != "avx512") {
      emitError(getOperation().getLoc()) << "expects level avx512, avx2 or portable, but got " << level;
      return signalPassFailure();
    }
    if (failed(Lowering(getOperation(), machine).run())) {
      signalPassFailure();
    }
  }
};
} // namespace

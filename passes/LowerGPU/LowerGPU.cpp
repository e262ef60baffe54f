// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass: places tensors, writes each distinct kernel once into a gpu.module, and lists what each entry launches.
#include "passes/LowerGPU/AttentionBlock.h"
#include "passes/LowerGPU/LaunchAttributes.h"
#include "passes/LowerGPU/LibraryProduct.h"
#include "passes/LowerGPU/LocalLayer.h"
#include "passes/LowerGPU/NarrowWeight.h"
#include "passes/LowerGPU/Options.h"
#include "passes/LowerGPU/Schedule.h"
#include "passes/Memory/Placement.h"
#include "passes/Passes.h"

#include "dialects/MBLM/IR/MBLMOps.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mblm {
#define GEN_PASS_DEF_LOWERGPUPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
class Lowering {
public:
  Lowering(ModuleOp module, const Architecture &architecture, Precision precision, Library library)
      : module(module), architecture(architecture), precision(precision), library(library), builder(module.getContext()) {}
  LogicalResult run();

private:
  // What a function launches, and in which memory of its own.
  struct LoweredFunction {
    SymbolicDim arena;
    SmallVector<Attribute> launches, loops;
    std::map<NarrowWeight, Attribute> narrow; // the launches that make what it reads in bf16
  };
  FailureOr<LoweredFunction> lowerFunction(func::FuncOp function);
  void listNarrow(func::FuncOp function, Placement &placement, LoweredFunction &into);
  Attribute narrowLaunch(const NarrowWeight &weight, Location loc);
  LogicalResult listLaunches(Operation *op, int64_t number, const Placement &placement, LoweredFunction &into);
  void listPieces(PiecesOp op, const Placement &placement, LoweredFunction &into);
  void describeEntry(func::FuncOp function, const Placement &placement, const LoweredFunction &lowered);
  LogicalResult joinLocalLayers(SmallVectorImpl<Operation *> &ops);
  LogicalResult checkSchedules(ArrayRef<Operation *> ops);
  SmallVector<Value> operandsOf(Operation *op);
  const SmallVector<Launch> *compile(Operation *op);
  LogicalResult emit(KernelWriter &writer, Operation *op);
  SymbolicDim temporaryOf(Operation *op);
  // The pointers of an op's kernels, in their order.
  SmallVector<Attribute> argumentsOf(Operation *op, const Placement &placement);
  std::string kernelName(Operation *op);

  ModuleOp module;
  const Architecture architecture;
  const Precision precision;
  const Library library;
  OpBuilder builder;
  mlir::gpu::GPUModuleOp kernelModule;
  DenseMap<Operation *, LocalLayer> layers;       // by their last ops, which stand for them
  int64_t pieces = 0;                             // of the parameters, as the update takes them
  llvm::StringMap<SmallVector<Launch>> kernels;   // by what makes them equal
  llvm::StringMap<LoweredFunction> byPieces;      // by name
  SmallVector<NamedAttribute> entries;
};
} // namespace

// The first pack of a weight, which stands for all: products read a weight as it lies, transposed or not.
static kernel::PackOp firstPack(kernel::PackOp pack) {
  for (Operation *user : pack.getWeight().getUsers()) {
    auto other = dyn_cast<kernel::PackOp>(user);
    if (other && other.getType().getElementType() == pack.getType().getElementType() && other->isBeforeInBlock(pack)) {
      pack = other;
    }
  }
  return pack;
}

// The tensor in memory that a value is: of a view what it shows; of a pack in f32 the weight itself.
static Value rootOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto view = dyn_cast<kernel::ViewOp>(op)) {
      value = view.getInput();
    } else if (auto pack = dyn_cast<kernel::PackOp>(op)) {
      if (pack.getType().getElementType().isBF16()) {
        return firstPack(pack);
      }
      value = pack.getWeight();
    } else {
      break;
    }
  }
  return value;
}

static bool isKernel(Operation *op) {
  if (auto pack = dyn_cast<kernel::PackOp>(op)) {
    return pack.getType().getElementType().isBF16() && firstPack(pack) == pack && !narrowWeight(pack, Precision::BF16);
  }
  return !isa<kernel::ViewOp, kernel::WeightOp, kernel::StateOp>(op);
}

SymbolicDim Lowering::temporaryOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, SymbolicDim>(op)
      .Case([&](kernel::GemmOp op) {
        if (layers.contains(op)) {
          return SymbolicDim();
        }
        return op.isStreamed() ? streamedGemmTemporary(op) : gemmTemporary(op);
      })
      .Case([](kernel::WeightGemmOp op) { return weightGemmTemporary(op); })
      .Case([&](kernel::AttentionOp op) { return attentionTemporary(op, precision); })
      .Case([&](kernel::AttentionGradOp op) { return attentionGradTemporary(op, precision); })
      .Case([](kernel::CachedAttentionOp op) { return cachedAttentionTemporary(op); })
      .Case([](kernel::CrossEntropyOp op) { return crossEntropyTemporary(op); })
      .Case([](kernel::CrossEntropyGradOp op) { return crossEntropyGradTemporary(op); })
      .Case([](kernel::ScanGradOp op) { return scanGradTemporary(op); })
      .Case([](kernel::SsdGradOp op) { return ssdGradTemporary(op); })
      .Case([&](kernel::UpdateOp) { return updateTemporary(pieces); })
      .Case([&](PiecesOp op) { return ofPiece(byPieces.find(op.getCallee())->second.arena); })
      .Default([](Operation *) { return SymbolicDim(); });
}

LogicalResult Lowering::emit(KernelWriter &writer, Operation *op) {
  bool known = true;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](kernel::RowsOp op) { emitRows(writer, op); })
      .Case([&](kernel::PackRowsOp op) { emitPackRows(writer, op); })
      .Case([&](kernel::RememberOp op) { emitRemember(writer, op); })
      .Case([&](kernel::TransposeOp op) { emitTranspose(writer, op); })
      .Case([&](kernel::PackOp op) { emitPack(writer, op); })
      .Case([&](kernel::ReduceOp op) { emitReduce(writer, op); })
      .Case([&](kernel::EmbedGradOp op) { emitEmbedGrad(writer, op); })
      .Case([&](kernel::RopeTableOp op) { emitRopeTable(writer, op); })
      .Case([&](kernel::DropoutKeyOp op) { emitDropoutKey(writer, op); })
      .Case([&](kernel::UpdateOp op) { emitUpdate(writer, op, pieces); })
      .Case([&](kernel::GemmOp op) {
        auto layer = layers.find(op);
        layer == layers.end() ? emitGemm(writer, op) : emitLocalLayer(writer, layer->second);
      })
      .Case([&](kernel::WeightGemmOp op) { emitWeightGemm(writer, op); })
      .Case([&](kernel::AttentionOp op) {
        known = !op.getHidden();
        emitAttention(writer, op);
      })
      .Case([&](kernel::AttentionGradOp op) {
        known = !op.getHidden();
        emitAttentionGrad(writer, op);
      })
      .Case([&](kernel::CachedAttentionOp op) { emitCachedAttention(writer, op); })
      .Case([&](kernel::CrossEntropyOp op) { emitCrossEntropy(writer, op); })
      .Case([&](kernel::CrossEntropyGradOp op) { emitCrossEntropyGrad(writer, op); })
      .Case([&](kernel::MeanLossOp op) { emitMeanLoss(writer, op); })
      .Case([&](kernel::ScanOp op) { emitScan(writer, op); })
      .Case([&](kernel::ScanGradOp op) { emitScanGrad(writer, op); })
      .Case([&](kernel::ScanStepOp op) { emitScanStep(writer, op); })
      .Case([&](kernel::SsdOp op) { emitSsd(writer, op); })
      .Case([&](kernel::SsdGradOp op) { emitSsdGrad(writer, op); })
      .Case([&](kernel::SsdStepOp op) { emitSsdStep(writer, op); })
      .Case([&](kernel::PrefixOp op) { emitPrefix(writer, op); })
      .Case([&](kernel::PrefixGradOp op) { emitPrefixGrad(writer, op); })
      .Default([&](Operation *) { known = false; });
  return known ? success() : op->emitOpError("has no CUDA kernel");
}

// Layers whose schedules say that they are one kernel.
LogicalResult Lowering::joinLocalLayers(SmallVectorImpl<Operation *> &ops) {
  layers.clear();
  DenseSet<Operation *> inside;
  for (Operation *op : ops) {
    kernel::ScheduleAttr schedule = kernel::scheduleOf(op);
    if (!schedule || !schedule.getLayer()) {
      continue;
    }
    auto last = cast<kernel::GemmOp>(op);
    std::optional<LocalLayer> layer = layerBehind(last);
    if (!layer) {
      return op->emitOpError("expects to be the last of a Transformer layer on at most ")
             << longestLocal << " positions, for its schedule makes a layer one kernel, but is not";
    }
    if (int64_t positions = last.getSpace().getPositions().one; schedule.getRows() < positions) {
      return op->emitOpError("expects the schedule's rows to hold a sequence of the layer (")
             << positions << " positions), but got " << schedule.getRows();
    }
    auto parts = layer->ops();
    for (Operation *part : ArrayRef(parts).drop_back()) {
      if (kernel::ScheduleAttr own = kernel::scheduleOf(part)) {
        return part->emitOpError("expects no schedule in a layer that is one kernel, but got ") << own;
      }
      inside.insert(part);
    }
    layers[op] = *layer;
  }
  llvm::erase_if(ops, [&](Operation *op) { return inside.contains(op); });
  return success();
}

LogicalResult Lowering::checkSchedules(ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    kernel::ScheduleAttr schedule = kernel::scheduleOf(op);
    if (takesSchedule(op) && !schedule) {
      return op->emitOpError("expects a schedule, as mblm-schedule-gpu writes it, but got none");
    }
    if (schedule && !takesSchedule(op)) {
      return op->emitOpError("expects no schedule, for sequences of at most ")
             << shortSequence << " positions are not cut into tiles, but got " << schedule;
    }
  }
  return success();
}

// What it reads; null where a layer makes that itself.
SmallVector<Value> Lowering::operandsOf(Operation *op) {
  auto layer = layers.find(op);
  if (layer == layers.end()) {
    return SmallVector<Value>(op->getOperands());
  }
  SmallVector<Value> operands;
  for (Operation *part : layer->second.ops()) {
    for (Value operand : part->getOperands()) {
      operands.push_back(layer->second.makes(operand) ? Value() : operand);
    }
  }
  return operands;
}

std::string Lowering::kernelName(Operation *op) {
  StringRef kind = layers.contains(op) ? "local_layer" : op->getName().stripDialect();
  std::string base = modelName(op->getLoc()) + kind.str(), name = base;
  for (unsigned n = 2; kernelModule.lookupSymbol(name); ++n) {
    name = base + "_v" + std::to_string(n);
  }
  return name;
}

const SmallVector<Launch> *Lowering::compile(Operation *op) {
  std::string key;
  if (auto layer = layers.find(op); layer != layers.end()) {
    for (Operation *part : layer->second.ops()) {
      key += codeKey(part);
    }
  } else {
    key = codeKey(op);
  }
  for (Value operand : operandsOf(op)) {
    if (!operand) {
      continue;
    }
    key += std::to_string(Weight(operand).factor) + (narrowWeight(operand, precision) ? " narrow" : "");
    if (auto pack = operand.getDefiningOp<kernel::PackOp>()) {
      key += pack.getTransposed() ? " transposed" : " as it is"; // and the op reads it so
    }
  }
  if (auto embed = dyn_cast<kernel::EmbedGradOp>(op)) { // the table's rows are blocks
    key += cast<FlatSymbolRefAttr>(embed.getParameters()[0]).getValue();
  }
  auto known = kernels.find(key);
  if (known != kernels.end()) {
    return &known->second;
  }
  KernelWriter writer(kernelModule, architecture, precision, kernelName(op));
  if (failed(emit(writer, op))) {
    return nullptr;
  }
  for (const Launch &launch : writer.launches) {
    if (launch.sharedBytes > architecture.sharedBytes) {
      op->emitOpError("expects at most ") << architecture.sharedBytes << " bytes of shared memory, all that a block has on "
                                          << architecture.name << ", but needs " << launch.sharedBytes;
      return nullptr;
    }
  }
  return &(kernels[key] = writer.launches);
}

SmallVector<Attribute> Lowering::argumentsOf(Operation *op, const Placement &placement) {
  SmallVector<Attribute> list;
  auto bind = [&](const Place &place) { list.push_back(pointerAttribute(builder, place)); };
  auto bindValue = [&](Value value) { bind(placement.places.lookup(rootOf(value))); };
  // A weight may be a parameter that others read as it is, while a product reads its copy.
  auto gemm = dyn_cast<kernel::GemmOp>(op);
  for (Value operand : operandsOf(op)) {
    auto narrow = gemm && operand == gemm.getPacked() ? narrowWeight(operand, precision) : std::nullopt;
    bind(narrow ? narrow->place() : operand ? placement.places.lookup(rootOf(operand)) : Place());
  }
  llvm::for_each(op->getResults(), bindValue);
  if (op->hasAttr("parameters")) {
    bind({MBLM_GRADS, SymbolicDim::constant(op->getAttrOfType<IntegerAttr>("offset").getInt())});
  }
  if (isa<kernel::UpdateOp>(op)) {
    for (int slot : {MBLM_PARAMS, MBLM_GRADS, MBLM_M, MBLM_V, MBLM_PIECES}) {
      bind({slot, {}});
    }
  }
  auto temporary = placement.temporaries.find(op);
  if (temporary != placement.temporaries.end()) {
    bind(temporary->second);
  }
  return list;
}

Attribute Lowering::narrowLaunch(const NarrowWeight &weight, Location loc) {
  auto [known, isNew] = kernels.try_emplace("narrow " + std::to_string(weight.elements));
  if (isNew) {
    KernelWriter writer(kernelModule, architecture, precision, "narrow_" + std::to_string(weight.elements));
    emitNarrow(writer, loc, weight.elements, /*factor=*/8);
    known->second = writer.launches;
  }
  Place from{MBLM_PARAMS, SymbolicDim::constant(weight.offset)};
  Attribute arguments = builder.getArrayAttr({pointerAttribute(builder, from), pointerAttribute(builder, weight.place())});
  return launchAttribute(builder, known->second.front(), loc, 0, arguments).getDictionary(module.getContext());
}

void Lowering::listNarrow(func::FuncOp function, Placement &placement, LoweredFunction &into) {
  for (Operation &op : function.getBody().front()) {
    auto gemm = dyn_cast<kernel::GemmOp>(op);
    Value packed = isa<kernel::PackOp>(op) ? op.getResult(0) : gemm && gemm.isStreamed() ? gemm.getPacked() : Value();
    if (auto weight = packed ? narrowWeight(packed, precision) : std::nullopt) {
      placement.places.try_emplace(packed, weight->place()); // a weight has its place already, which others may read
      if (!into.narrow.count(*weight)) {
        into.narrow[*weight] = narrowLaunch(*weight, op.getLoc());
      }
    }
  }
}

LogicalResult Lowering::listLaunches(Operation *op, int64_t number, const Placement &placement, LoweredFunction &into) {
  const SmallVector<Launch> *kernel = compile(op);
  if (!kernel) {
    return failure();
  }
  Attribute arguments = builder.getArrayAttr(argumentsOf(op, placement));
  auto product = layers.contains(op) ? std::nullopt : libraryProduct(op, library, precision);
  for (auto [n, launch] : llvm::enumerate(*kernel)) {
    NamedAttrList listed = launchAttribute(builder, launch, op->getLoc(), number, arguments);
    if (product && product->firstLaunch == n) {
      listed.set("product", product->describe(module.getContext(), kernel->size() - n));
    }
    into.launches.push_back(listed.getDictionary(module.getContext()));
  }
  return success();
}

// The callee's launches, as those of a loop over the pieces.
void Lowering::listPieces(PiecesOp op, const Placement &placement, LoweredFunction &into) {
  SmallVector<Attribute> tensors;
  for (Value value : llvm::concat<Value>(op->getOperands(), op->getResults())) {
    NamedAttrList tensor;
    tensor.set("at", pointerAttribute(builder, placement.places.lookup(rootOf(value))));
    tensor.set("slot", builder.getI64IntegerAttr(elementsOfSlot(value)));
    tensors.push_back(tensor.getDictionary(module.getContext()));
  }
  NamedAttrList loop;
  loop.set("arena", pointerAttribute(builder, placement.temporaries.lookup(op)));
  loop.set("tensors", builder.getArrayAttr(tensors));
  const LoweredFunction &callee = byPieces.find(op.getCallee())->second;
  for (Attribute launch : callee.launches) {
    NamedAttrList listed(cast<DictionaryAttr>(launch));
    listed.set("loop", builder.getI64IntegerAttr(into.loops.size()));
    into.launches.push_back(listed.getDictionary(module.getContext()));
  }
  into.narrow.insert(callee.narrow.begin(), callee.narrow.end());
  into.loops.push_back(loop.getDictionary(module.getContext()));
}

FailureOr<Lowering::LoweredFunction> Lowering::lowerFunction(func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument) {
    if (function.getArgAttr(argument, perPatchAttrName)) {
      return function.emitError("has patches that the data decides, for which there are no CUDA kernels; use --target cpu");
    }
  }
  for (Operation &op : function.getBody().front().without_terminator()) {
    bool loops = isa<PiecesOp>(op) && !function.isPrivate();
    if (!isa<kernel::KernelDialect>(op.getDialect()) && !loops) {
      return op.emitOpError("expects only kernels here");
    }
    if (loops || isKernel(&op)) {
      ops.push_back(&op);
    }
  }
  if (failed(joinLocalLayers(ops)) || failed(checkSchedules(ops))) {
    return failure();
  }
  Steps steps;
  steps.ops = ops;
  steps.reads = [&](Operation *op) {
    SmallVector<Value> operands = operandsOf(op);
    llvm::erase_if(operands, [](Value operand) { return !operand; });
    return operands;
  };
  steps.root = rootOf;
  steps.temporary = [&](Operation *op) { return temporaryOf(op); };
  FailureOr<Placement> placement = placeTensors(function, steps);
  if (failed(placement)) {
    return failure();
  }
  LoweredFunction lowered;
  lowered.arena = placement->arena;
  listNarrow(function, *placement, lowered);
  for (auto [number, op] : llvm::enumerate(ops)) {
    if (auto loop = dyn_cast<PiecesOp>(op)) {
      listPieces(loop, *placement, lowered);
    } else if (failed(listLaunches(op, number, *placement, lowered))) {
      return failure();
    }
  }
  if (!function.isPrivate()) {
    describeEntry(function, *placement, lowered);
  }
  return lowered;
}

void Lowering::describeEntry(func::FuncOp function, const Placement &placement, const LoweredFunction &lowered) {
  NamedAttrList described; // sizes of what the caller gives and takes, in floats or ids
  auto size = [&](StringRef name, Value value) {
    described.set(name, formAttribute(module.getContext(), *numElements(kernel::shapeOf(value))));
  };
  for (BlockArgument argument : function.getArguments()) {
    if (placement.places.lookup(argument).slot == MBLM_IDS) {
      size("ids", argument);
    }
  }
  for (Value result : function.getBody().front().getTerminator()->getOperands()) {
    if (placement.places.lookup(rootOf(result)).slot == MBLM_OUTPUT) {
      size("output", result);
    }
  }
  described.set("arena", formAttribute(module.getContext(), lowered.arena));
  described.set("launches", builder.getArrayAttr(lowered.launches));
  described.set("loops", builder.getArrayAttr(lowered.loops));
  described.set("narrow", builder.getArrayAttr(llvm::to_vector(llvm::make_second_range(lowered.narrow))));
  entries.push_back(builder.getNamedAttr(function.getName(), described.getDictionary(module.getContext())));
}

LogicalResult Lowering::run() {
  for (auto parameter : module.getOps<ParameterOp>()) {
    pieces += kernel::ceilDiv(cast<RankedTensorType>(parameter.getType()).getNumElements(), MBLM_PIECE_FLOATS);
  }
  builder.setInsertionPointToEnd(module.getBody());
  kernelModule = mlir::gpu::GPUModuleOp::create(builder, module.getLoc(), "kernels");
  module->setAttr(mlir::gpu::GPUDialect::getContainerModuleAttrName(), builder.getUnitAttr());
  SmallVector<func::FuncOp> functions = calleesFirst(module);
  for (func::FuncOp function : functions) {
    FailureOr<LoweredFunction> lowered = lowerFunction(function);
    if (failed(lowered)) {
      return failure();
    }
    if (function.isPrivate()) {
      byPieces[function.getName()] = std::move(*lowered);
    }
  }
  finishLowering(module, functions);
  module->setAttr("mblm.gpu", builder.getDictionaryAttr({
                                  builder.getNamedAttr("architecture", builder.getStringAttr(architecture.name)),
                                  builder.getNamedAttr("entries", builder.getDictionaryAttr(entries)),
                                  builder.getNamedAttr("pieces", builder.getI64IntegerAttr(pieces)),
                              }));
  return success();
}

namespace {
struct LowerGPUPass : mblm::impl::LowerGPUPassBase<LowerGPUPass> {
  using LowerGPUPassBase::LowerGPUPassBase;

  void runOnOperation() override {
    Location loc = getOperation().getLoc();
    auto architecture = architectureOf(loc, arch);
    auto chosen = precisionOf(loc, precision);
    auto products = choiceOf<Library>(loc, "library", library);
    if (failed(architecture) || failed(chosen) || failed(products) ||
        failed(Lowering(getOperation(), *architecture, *chosen, *products).run())) {
      signalPassFailure();
    }
  }
};
} // namespace

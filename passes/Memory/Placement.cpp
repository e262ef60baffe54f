// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Memory/Placement.h"
#include "passes/Memory/InPlace.h"

#include "dialects/Kernel/IR/KernelRun.h"
#include "dialects/MBLM/IR/MBLMOps.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mblm;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value mblm::rootOfViews(Value value) {
  while (auto view = value.getDefiningOp<kernel::ViewOp>()) {
    value = view.getInput();
  }
  return value;
}

bool mblm::isPrepared(Operation *op) {
  if (!isa<kernel::TransposeOp>(op)) {
    return isa<kernel::QuantizeOp>(op);
  }
  return op->getOperand(0).getDefiningOp<kernel::WeightOp>() && !op->getParentOfType<func::FuncOp>().getOps<kernel::StateOp>().empty();
}

// The caller's buffers: arguments and results of the entries stand in a fixed order (compiler/Frontend), in which a
// dropout key may be left out; attributes tell what patches need.
static SmallVector<Place> argumentPlaces(func::FuncOp function) {
  static const Place slots[] = {{MBLM_IDS, {}},
                                {MBLM_MASK, {}},
                                {MBLM_HYPER, SymbolicDim::constant(8)}, // the gradients' scale
                                {MBLM_HYPER, {}},
                                {MBLM_DECAY, {}}};
  SmallVector<Place> places;
  if (function.isPrivate()) {
    for (unsigned n = 0; n < function.getNumArguments(); ++n) {
      places.push_back({int(MBLM_SLOTS + n), {}});
    }
    return places;
  }
  unsigned next = 0;
  int64_t ranges = 0; // numbers for each of the batch, so far
  for (BlockArgument argument : function.getArguments()) {
    auto tensor = cast<RankedTensorType>(argument.getType());
    bool key = tensor.getRank() == 1 && tensor.getElementType().isInteger(32);
    if (function.getArgAttr(argument.getArgNumber(), perPatchAttrName)) {
      places.push_back({MBLM_LENGTHS, {}});
    } else if (function.getArgAttr(argument.getArgNumber(), rangesAttrName)) {
      places.push_back({MBLM_RANGES, SymbolicDim::batch().scaled(ranges)});
      ranges += tensor.getDimSize(1);
    } else if (function.getArgAttr(argument.getArgNumber(), targetsAttrName)) {
      places.push_back({MBLM_TARGETS, {}});
    } else if (function.getArgAttr(argument.getArgNumber(), entropiesAttrName)) {
      places.push_back({MBLM_ENTROPIES, {}});
    } else if (function.getArgAttr(argument.getArgNumber(), visibleAttrName)) {
      places.push_back({MBLM_VISIBLE, {}});
    } else {
      places.push_back(key ? Place{MBLM_KEY, {}} : slots[next++]);
    }
  }
  return places;
}

static Place resultPlace(unsigned number, RankedTensorType type) {
  static const int64_t order[] = {0, 2, 3, 1}; // loss, sum, count, norm in rt::Call::Scalars
  if (type.getRank() == 0) {
    return {MBLM_SCALARS, SymbolicDim::constant(order[number])};
  }
  return {type.getElementType().isInteger(32) ? MBLM_LENGTHS : MBLM_OUTPUT, {}};
}

static SymbolicDim halved(const SymbolicDim &dim) {
  return dim.mapped([](int64_t n) { return (n + 1) / 2; });
}

FailureOr<Placement> mblm::placeTensors(func::FuncOp function, const Steps &steps) {
  Placement result;
  DenseMap<Value, Place> &places = result.places;
  ArrayRef<Operation *> ops = steps.ops;
  for (auto [argument, place] : llvm::zip(function.getArguments(), argumentPlaces(function))) {
    places[argument] = place;
  }
  for (auto weight : function.getOps<kernel::WeightOp>()) {
    places[weight] = {MBLM_PARAMS, SymbolicDim::constant(weight.getOffset())};
  }
  for (auto state : function.getOps<kernel::StateOp>()) {
    ArrayRef<int64_t> form = state.getOffset();
    places[state] = {MBLM_STATE, SymbolicDim{form[0], form[1], form[2], form[3]}};
  }
  Operation *terminator = function.getBody().front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    unsigned number = operand.getOperandNumber();
    places[steps.root(operand.get())] = function.isPrivate() ? Place{int(MBLM_SLOTS + function.getNumArguments() + number), {}}
                                                         : resultPlace(number, type);
  }
  DenseMap<Value, int64_t> lastUse;
  for (auto [step, op] : llvm::enumerate(ops)) {
    for (Value operand : steps.reads(op)) {
      lastUse[steps.root(operand)] = step;
    }
  }
  std::vector<ArenaBuffer> &buffers = result.buffers;
  DenseMap<Value, unsigned> index;
  // A buffer that `value` may take over: the op that makes it is the last to use what lies there.
  auto reusable = [&](OpResult value, int64_t step) -> std::optional<unsigned> {
    Operation *op = ops[step];
    if (value.getOwner() != op) { // another one that it stands for
      return std::nullopt;
    }
    SmallVector<Value> reads = steps.reads(op); // also those of ops that it stands for
    for (Value operand : overwritableOperands(value)) {
      Value root = steps.root(operand);
      auto known = index.find(root);
      bool noView = llvm::all_of(reads, [&](Value other) { return other == operand || steps.root(other) != root; }) &&
                    llvm::count(reads, operand) == llvm::count(op->getOperands(), operand);
      bool last = lastUse.lookup_or(root, -1) == step && known != index.end() && buffers[known->second].last == step;
      if (noView && last) {
        lastUse.erase(root); // no second result takes it
        return known->second;
      }
    }
    return std::nullopt;
  };
  for (auto [step, op] : llvm::enumerate(ops)) {
    for (OpResult value : steps.makes ? steps.makes(op) : SmallVector<OpResult>(op->getResults())) {
      if (places.count(value)) {
        continue;
      }
      int64_t last = lastUse.lookup_or(value, step);
      if (std::optional<unsigned> number = reusable(value, step)) {
        index[value] = *number;
        buffers[*number].last = last;
        continue;
      }
      index[value] = buffers.size();
      ArenaBuffer buffer;
      buffer.floats = *numElements(kernel::shapeOf(value));
      if (cast<RankedTensorType>(value.getType()).getElementType().isBF16()) {
        buffer.floats = halved(buffer.floats);
      }
      buffer.first = step;
      buffer.last = last;
      if (function.isPrivate() && buffer.floats != SymbolicDim{buffer.floats.one, 0, 0, buffer.floats.bm}) {
        return op->emitOpError("expects sizes by outermost slots in a function that runs by pieces");
      }
      buffers.push_back(buffer);
      result.makers.push_back(value.getOwner());
    }
  }
  SmallVector<std::pair<Operation *, unsigned>> own;
  for (auto [step, op] : llvm::enumerate(ops)) {
    ArenaBuffer buffer;
    buffer.floats = steps.temporary(op);
    if (buffer.floats == SymbolicDim()) {
      continue;
    }
    buffer.first = buffer.last = step;
    own.push_back({op, buffers.size()});
    buffers.push_back(buffer);
  }
  result.arena = planArena(buffers);
  for (auto [value, number] : index) {
    places[value] = {MBLM_ARENA, buffers[number].offset};
  }
  for (auto [op, number] : own) {
    result.temporaries[op] = {MBLM_ARENA, buffers[number].offset};
  }
  return result;
}

SmallVector<func::FuncOp> mblm::calleesFirst(ModuleOp module) {
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  std::stable_partition(functions.begin(), functions.end(), [](func::FuncOp function) { return function.isPrivate(); });
  return functions;
}

SymbolicDim mblm::ofPiece(const SymbolicDim &form) { return {form.one, 0, 0, 0, form.bm}; }

int64_t mblm::elementsOfSlot(Value value) {
  SymbolicShape shape = kernel::shapeOf(value);
  return shape.size() == 2 ? shape[1].m : numElements(shape)->bm;
}

Attribute mblm::formAttribute(MLIRContext *context, const SymbolicDim &dim) {
  SmallVector<int64_t> coefficients{dim.one, dim.m, dim.b, dim.bm, dim.piece};
  if (dim.p || dim.bp) {
    coefficients.append({dim.p, dim.bp});
  }
  return DenseI64ArrayAttr::get(context, coefficients);
}

void mblm::describeStepInputs(func::FuncOp function, NamedAttrList &into) {
  if (!function->hasAttr(rangesAttrName)) {
    return;
  }
  SmallVector<Attribute> ranges;
  Builder builder(function.getContext());
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument) {
    int64_t numbers = cast<RankedTensorType>(function.getArgumentTypes()[argument]).getShape().back();
    if (auto rule = function.getArgAttrOfType<DictionaryAttr>(argument, rangesAttrName)) {
      NamedAttrList listed(rule);
      listed.set("numbers", builder.getI64IntegerAttr(numbers));
      ranges.push_back(listed.getDictionary(function.getContext()));
    } else {
      into.set("ids", builder.getI64IntegerAttr(numbers));
    }
  }
  if (!ranges.empty()) {
    into.set("ranges", builder.getArrayAttr(ranges));
  }
}

DictionaryAttr mblm::aliveBehind(MLIRContext *context, const Placement &placement, int64_t step) {
  llvm::StringMap<SymbolicDim> sums;
  for (auto [buffer, maker] : llvm::zip(placement.buffers, placement.makers)) {
    if (buffer.first <= step && buffer.last > step) {
      SymbolicDim &sum = sums[StringRef(modelName(maker->getLoc())).split('_').first];
      sum = sum + buffer.floats;
    }
  }
  Builder builder(context);
  SmallVector<NamedAttribute> list;
  for (const auto &sum : sums) {
    list.push_back(builder.getNamedAttr(sum.getKey(), formAttribute(context, sum.getValue())));
  }
  return builder.getDictionaryAttr(list);
}

// The attributes of the states, for the metadata; the ops go.
static ArrayAttr takeStates(ModuleOp module) {
  Builder builder(module.getContext());
  SmallVector<Attribute> states;
  for (auto state : llvm::make_early_inc_range(module.getOps<mblm::StateOp>())) {
    auto type = cast<RankedTensorType>(state.getType());
    bool perSlot = type.isDynamicDim(1);
    int64_t positions = perSlot ? static_cast<int64_t>(state.getMore()) : type.getDimSize(1);
    ArrayRef<int64_t> offset = state.getOffset();
    Attribute form = formAttribute(module.getContext(), {offset[0], offset[1], offset[2], offset[3]});
    NamedAttrList listed;
    listed.set("name", state.getSymNameAttr());
    listed.set("offset", form);
    listed.set("positions", builder.getDenseI64ArrayAttr({positions, perSlot ? 1 : 0}));
    listed.set("width", builder.getI64IntegerAttr(type.getDimSize(2)));
    if (state.getPerPatch()) {
      listed.set("per_patch", builder.getI64IntegerAttr(1));
    }
    states.push_back(listed.getDictionary(module.getContext()));
    state.erase();
  }
  return builder.getArrayAttr(states);
}

void mblm::finishLowering(ModuleOp module, ArrayRef<func::FuncOp> lowered) {
  for (func::FuncOp function : lowered) {
    function.erase();
  }
  for (auto parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>())) {
    parameter.erase();
  }
  module->setAttr("mblm.states", takeStates(module));
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string mblm::codeKey(Operation *op) {
  std::string key;
  llvm::raw_string_ostream os(key);
  DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) { return numbers.try_emplace(value, numbers.size()).first->second; };
  std::function<void(Operation *, bool)> print = [&](Operation *inner, bool outermost) {
    os << inner->getName();
    for (NamedAttribute attr : inner->getAttrs()) {
      bool position = outermost && inner->hasAttr("parameters") && (attr.getName() == "parameters" || attr.getName() == "offset");
      if (!position && attr.getName() != "mblm.recompute" && attr.getName() != kernel::runName) {
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

// "/stages/1/layers/0/attention", in its parts.
static SmallVector<StringRef> partsOfModel(Location loc) {
  StringRef path;
  loc->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner)) {
      path = named.getName();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  SmallVector<StringRef> parts;
  path.split(parts, '/', -1, false);
  return parts;
}

Location mblm::commonLocation(ArrayRef<Operation *> ops) {
  SmallVector<StringRef> common = partsOfModel(ops.front()->getLoc());
  for (Operation *op : ops.drop_front()) {
    SmallVector<StringRef> parts = partsOfModel(op->getLoc());
    auto [end, other] = std::mismatch(common.begin(), common.end(), parts.begin(), parts.end());
    common.truncate(end - common.begin());
  }
  return NameLoc::get(StringAttr::get(ops.front()->getContext(), "/" + llvm::join(common, "/")), ops.front()->getLoc());
}

std::string mblm::modelName(Location loc) {
  SmallVector<StringRef> parts = partsOfModel(loc);
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

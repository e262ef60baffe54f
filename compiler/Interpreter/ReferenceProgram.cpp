// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Carries the caller's f32 buffers to the interpreter's f64 stores and back.
#include "compiler/Interpreter/ReferenceProgram.h"

#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/Workspace.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "runtime/Support/Error.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <new>

using namespace mlir;
using namespace mblm;

namespace {

std::vector<rt::StateTensor> readStates(ModuleOp module) {
  std::vector<rt::StateTensor> states;
  for (auto state : module.getOps<StateOp>()) {
    auto type = cast<RankedTensorType>(state.getType());
    bool perSlot = type.isDynamicDim(1);
    rt::StateTensor &tensor = states.emplace_back();
    tensor.name = state.getSymName().str();
    tensor.positions = {perSlot ? static_cast<int64_t>(state.getMore()) : type.getDimSize(1), perSlot ? 1 : 0};
    tensor.perPatch = state.getPerPatch();
    tensor.width = type.getDimSize(2);
    llvm::copy(state.getOffset(), tensor.offset.coefficients.begin());
  }
  return states;
}

std::vector<rt::StepInputs> readInputs(ModuleOp module, const rt::ModelInfo &model) {
  std::vector<rt::StepInputs> list(model.stageLengths.size());
  for (size_t stage = 0; stage < list.size(); ++stage) {
    auto function = module.lookupSymbol<func::FuncOp>(rt::entryName(rt::Entry::Step, static_cast<int64_t>(stage)));
    if (!function || !function->hasAttr(rangesAttrName)) {
      continue;
    }
    for (unsigned number = 0; number < function.getNumArguments(); ++number) {
      int64_t numbers = cast<RankedTensorType>(function.getArgumentTypes()[number]).getDimSize(1);
      auto rule = function.getArgAttrOfType<DictionaryAttr>(number, rangesAttrName);
      if (!rule) {
        list[stage].ids = numbers;
        continue;
      }
      auto get = [&](StringRef name) { return rule.getAs<IntegerAttr>(name).getInt(); };
      list[stage].ranges.push_back({rule.getAs<StringAttr>("kind").str(), numbers, get("rows"), get("window"), get("end")});
    }
  }
  return list;
}

class ReferenceProgram : public rt::Program {
public:
  ReferenceProgram(OwningOpRef<ModuleOp> module, std::shared_ptr<MLIRContext> context, rt::ModelInfo info)
      : context(std::move(context)), module(std::move(module)), model(std::move(info)),
        stateTensors(readStates(*this->module)), inputs(readInputs(*this->module, model)), interpreter(*this->module) {}

  const rt::ModelInfo &info() const override { return model; }
  const std::vector<rt::StateTensor> &states() const override { return stateTensors; }
  const rt::StepInputs &stepInputs(int64_t stage) const override;
  void run(rt::Entry entry, const rt::Call &call) override;
  int64_t workspaceBytes(rt::Entry entry, int64_t batch, int64_t slots, int64_t stage) const override;

private:
  func::FuncOp entryPoint(rt::Entry entry, int64_t stage) const;
  Tensor argument(func::FuncOp function, unsigned number, bool firstVector, const rt::Call &call) const;
  void evaluate(rt::Entry entry, const rt::Call &call);
  void fetch(const float *buffer, size_t size, std::vector<double> &store) const;
  void deliver(const std::vector<double> &store, float *buffer) const { std::copy(store.begin(), store.end(), buffer); }

  std::shared_ptr<MLIRContext> context; // first, so that it outlives the module
  OwningOpRef<ModuleOp> module;
  rt::ModelInfo model;
  std::vector<rt::StateTensor> stateTensors;
  std::vector<rt::StepInputs> inputs; // by stage
  Interpreter interpreter;
};

bool steps(rt::Entry entry) {
  return entry == rt::Entry::Begin || entry == rt::Entry::Step || entry == rt::Entry::Prefill || entry == rt::Entry::ShortPrefill;
}

bool computesGradients(rt::Entry entry) { return entry == rt::Entry::Gradients || entry == rt::Entry::TrainStep; }

} // namespace

func::FuncOp ReferenceProgram::entryPoint(rt::Entry entry, int64_t stage) const {
  auto function = module.get().lookupSymbol<func::FuncOp>(rt::entryName(entry, stage));
  if (!function) {
    throw Error(Exit::Internal, llvm::formatv("model '{0}': expected an entry '{1}', the module has none", model.name,
                                              rt::entryName(entry, stage)));
  }
  return function;
}

// Entries' arguments are told apart by their types: ids [B, L] i32, mask [B, L], the dropout key [4] i32, scale a scalar,
// and the vectors hyper and decay in this order; what patches need has
// attributes.
Tensor ReferenceProgram::argument(func::FuncOp function, unsigned number, bool firstVector, const rt::Call &call) const {
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[number]);
  int64_t bytes = call.batch * call.slots * model.inner;
  if (type.getElementType().isInteger(32) && type.getRank() == 1) {
    rt::DropoutKey key = rt::dropoutKey(call.draw);
    return Tensor::ids({4}, {key.begin(), key.end()});
  }
  if (function.getArgAttr(number, rangesAttrName)) {
    const int32_t *ranges = call.ranges;
    for (unsigned before = 0; before < number; ++before) {
      bool isRanges = static_cast<bool>(function.getArgAttr(before, rangesAttrName));
      ranges += isRanges ? call.batch * cast<RankedTensorType>(function.getArgumentTypes()[before]).getDimSize(1) : 0;
    }
    return Tensor::ids({call.batch, type.getDimSize(1)}, {ranges, ranges + call.batch * type.getDimSize(1)});
  }
  if (function.getArgAttr(number, perPatchAttrName)) {
    return Tensor::ids({call.batch, call.patches}, {call.lengths, call.lengths + call.batch * call.patches});
  }
  for (auto [attribute, values] : {std::pair(targetsAttrName, call.targets), std::pair(visibleAttrName, call.visible)}) {
    if (function.getArgAttr(number, attribute)) {
      return Tensor::ids({call.batch, bytes / call.batch}, {values, values + bytes});
    }
  }
  if (function.getArgAttr(number, entropiesAttrName)) {
    return Tensor::floats({call.batch, call.slots}, {call.entropies, call.entropies + call.batch * call.slots});
  }
  if (type.getElementType().isInteger(32)) {
    int64_t length = type.isDynamicDim(1) ? call.slots * model.inner : type.getDimSize(1);
    return Tensor::ids({call.batch, length}, {call.ids, call.ids + call.batch * length});
  }
  if (type.getRank() == 0) {
    return Tensor::scalar(call.scale);
  }
  if (type.getRank() == 2) {
    Tensor mask = Tensor::floats({call.batch, call.slots * model.inner}, std::vector<double>(bytes, 1.0));
    if (call.mask) {
      mask.f.assign(call.mask, call.mask + bytes);
    }
    return mask;
  }
  const float *values = firstVector ? call.hyper : call.decay;
  int64_t size = firstVector ? static_cast<int64_t>(rt::HyperCount) : static_cast<int64_t>(model.parameters.size());
  return Tensor::floats({size}, {values, values + size});
}

// Reads a buffer, unless the store's rounding is what it holds already.
void ReferenceProgram::fetch(const float *buffer, size_t size, std::vector<double> &store) const {
  auto rounds = [](double exact, float rounded) { return static_cast<float>(exact) == rounded; };
  if (store.size() != size || !std::equal(store.begin(), store.end(), buffer, rounds)) {
    store.assign(buffer, buffer + size);
  }
}

void ReferenceProgram::evaluate(rt::Entry entry, const rt::Call &call) {
  func::FuncOp function = entryPoint(entry, call.stage);
  size_t size = model.parameterElements;
  Stores &stores = interpreter.stores();
  if (call.params) {
    fetch(call.params, size, stores.parameters);
  }
  if (computesGradients(entry)) {
    fetch(call.grads, size, stores.gradients);
  }
  if (entry == rt::Entry::TrainStep) {
    fetch(call.m, size, stores.firstMoment);
    fetch(call.v, size, stores.secondMoment);
  }
  if (steps(entry)) {
    fetch(call.state, rt::stateFloats(stateTensors, call.batch, call.slots), stores.state);
  }
  std::vector<Tensor> arguments;
  bool firstVector = true;
  for (unsigned number = 0; number < function.getNumArguments(); ++number) {
    auto tensor = cast<RankedTensorType>(function.getArgumentTypes()[number]);
    arguments.push_back(argument(function, number, firstVector, call));
    firstVector = firstVector && (tensor.getRank() != 1 || tensor.getElementType().isInteger(32));
  }
  std::vector<Tensor> results = 
      interpreter.call(function, std::move(arguments), {call.batch, call.slots, call.position});

  if (entry == rt::Entry::Patches) {
    llvm::copy(results[0].i, call.patchLengths);
    return;
  }
  if (call.output && !results.empty() && results[0].rank() >= 2) {
    // What takes no ids has one sequence for all.
    int64_t copies = function.getNumArguments() == 0 ? call.batch : 1;
    float *out = call.output;
    for (int64_t n = 0; n < copies; ++n) {
      out = std::copy(results[0].f.begin(), results[0].f.end(), out);
    }
  }
  if (call.scalars && !results.empty() && results[0].rank() == 0) {
    // loss, sum, count, and the gradients' norm of an update
    auto number = [&](size_t n) { return n < results.size() ? static_cast<float>(results[n].f[0]) : 0; };
    *call.scalars = {number(0), number(3), number(1), number(2)};
  }
  if (computesGradients(entry)) {
    deliver(stores.gradients, call.grads);
  }
  if (steps(entry)) {
    deliver(stores.state, call.state);
  }
  if (entry == rt::Entry::TrainStep) {
    deliver(stores.parameters, call.params);
    deliver(stores.firstMoment, call.m);
    deliver(stores.secondMoment, call.v);
  }
}

const rt::StepInputs &ReferenceProgram::stepInputs(int64_t stage) const { return inputs[size_t(stage)]; }

void ReferenceProgram::run(rt::Entry entry, const rt::Call &call) {
  try {
    evaluate(entry, call);
  } catch (const std::bad_alloc &) {
    throw Error(
        Exit::Resource,
        llvm::formatv("no memory for entry '{0}' on {1} x {2} bytes (about {3} bytes in f64); a smaller batch or "
                      "length may fit",
                      rt::entryName(entry, call.stage), call.batch, call.slots * model.inner,
                      workspaceBytes(entry, call.batch, call.slots, call.stage)));
  }
}

int64_t ReferenceProgram::workspaceBytes(rt::Entry entry, int64_t batch, int64_t slots, int64_t stage) const {
  int64_t buffers = entry == rt::Entry::TrainStep ? 4 : computesGradients(entry) ? 2 : 1;
  return peakValueBytes(entryPoint(entry, stage), batch, slots) +
         buffers * model.parameterElements * static_cast<int64_t>(sizeof(double));
}

std::unique_ptr<rt::Program> mblm::makeReferenceProgram(OwningOpRef<ModuleOp> module,
                                                        std::shared_ptr<MLIRContext> context, rt::ModelInfo info) {
  return std::make_unique<ReferenceProgram>(std::move(module), std::move(context), std::move(info));
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs @example of a module of kernels as native code, with B = 1, M = 2 and P = 1; states count 1, 2, 3, ... Arguments are those of a training step
// (ids, mask, key, scale, hyper, decay). Parameters and the mask count 1, 2, 3, ...; ids count 0, 1, 2, 3, 0, 1, ..., or are what the
// attribute mblm.numbers of their argument says; the
// key is [0, 1, 2, on]; gradients are 1 and the optimizer's moments 0. Prints the tensor or scalars returned and, where
// there are parameters, the buffers that changed.
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/Register.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Memory.h"
#include "test/support/Native.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <numeric>

using namespace mblm;

constexpr int64_t batch = 1, slots = 2;

static void print(llvm::StringRef name, llvm::ArrayRef<float> values) {
  llvm::outs() << name << ":";
  for (float value : values) {
    llvm::outs() << " " << llvm::format("%.5g", value == 0 ? 0.0 : value); // no negative zeros
  }
  llvm::outs() << "\n";
}

static rt::Buffer filled(int64_t count, bool counting, float value = 0) {
  rt::Buffer buffer(count + 1, "the example");
  std::fill_n(buffer.data(), count, value);
  if (counting) {
    std::iota(buffer.data(), buffer.data() + count, 1.0f);
  }
  return buffer;
}

static void runExample(mlir::ModuleOp module, mlir::func::FuncOp example) {
  rt::ModelInfo info;
  info.name = "example";
  info.vocab = 4;
  info.pad = 3;
  info.inner = module->hasAttr("mblm.inner") ? module->getAttrOfType<mlir::IntegerAttr>("mblm.inner").getInt() : 1;
  for (auto parameter : module.getOps<ParameterOp>()) {
    rt::Parameter p{parameter.getSymName().str(),
                    mlir::cast<mlir::RankedTensorType>(parameter.getType()).getShape().vec(),
                    static_cast<int64_t>(parameter.getOffset()), "zeros", 0};
    info.parameterElements = std::max(info.parameterElements, p.offset + p.elements());
    info.parameters.push_back(p);
  }
  // The values returned, by what the runtime does with them.
  auto yields = example.getBody().front().getTerminator()->getOperands();
  int64_t outputs = 0;
  llvm::SmallVector<unsigned> scalars;
  for (auto [number, value] : llvm::enumerate(yields)) {
    if (mlir::cast<mlir::RankedTensorType>(value.getType()).getRank() == 0) {
      scalars.push_back(number);
    } else {
      outputs = numElements(kernel::shapeOf(value))->evaluate(batch, slots);
    }
  }
  std::vector<int32_t> given;
  if (auto numbers = example.getNumArguments() ? example.getArgAttrOfType<mlir::DenseI64ArrayAttr>(0, "mblm.numbers") : nullptr) {
    given.assign(numbers.asArrayRef().begin(), numbers.asArrayRef().end());
  }
  example.setName(rt::entryName(rt::Entry::TrainStep));
  auto program = test::compileKernels(module, info, {});

  int64_t bytes = batch * slots * info.inner;
  std::vector<int32_t> ids(bytes + 64);
  for (int64_t n = 0; n < bytes; ++n) {
    ids[n] = static_cast<int32_t>(n % 4);
  }
  std::copy_n(given.begin(), std::min<int64_t>(given.size(), bytes), ids.begin());
  int64_t elements = info.parameterElements;
  rt::Buffer mask = filled(bytes, true), params = filled(elements, true), grads = filled(elements, false, 1),
             m = filled(elements, false), v = filled(elements, false), output = filled(outputs, false);
  float hyper[rt::HyperCount] = {0.5f, 0.5f, 0.5f, 0, 0, 0, 1, 1}; // lr and betas one half, no decay, no clipping
  std::vector<float> decay(info.parameters.size(), 1);
  int64_t stateFloats = rt::stateFloats(program->states(), batch, slots);
  rt::Buffer state = filled(stateFloats, true);
  rt::Call::Scalars results;
  rt::Call call;
  call.state = state.data();
  call.position = 1;
  call.batch = batch;
  call.slots = slots;
  call.ids = ids.data();
  call.mask = mask.data();
  call.draw = rt::Draw{uint64_t(1) << 32, 2};
  call.hyper = hyper;
  call.decay = decay.data();
  call.params = params.data();
  call.grads = grads.data();
  call.m = m.data();
  call.v = v.data();
  call.output = output.data();
  call.scalars = &results;
  program->run(rt::Entry::TrainStep, call);

  if (outputs) {
    print("output", {output.data(), static_cast<size_t>(outputs)});
  }
  const float inOrder[] = {results.loss, results.sum, results.count, results.gradNorm};
  for (unsigned number : scalars) {
    print("scalar", inOrder[number]);
  }
  auto printChanged = [&](llvm::StringRef name, const rt::Buffer &buffer, bool counting, float value) {
    rt::Buffer before = filled(elements, counting, value);
    if (!std::equal(before.data(), before.data() + elements, buffer.data())) {
      print(name, {buffer.data(), static_cast<size_t>(elements)});
    }
  };
  rt::Buffer before = filled(stateFloats, true);
  if (!std::equal(before.data(), before.data() + stateFloats, state.data())) {
    print("state", {state.data(), static_cast<size_t>(stateFloats)});
  }
  printChanged("parameters", params, true, 0);
  printChanged("gradients", grads, false, 1);
  printChanged("first moments", m, false, 0);
  printChanged("second moments", v, false, 0);
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = argc == 2 ? mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context) : nullptr;
  auto example = module ? module->lookupSymbol<mlir::func::FuncOp>("example") : nullptr;
  if (!example) {
    llvm::errs() << "expects one argument, an .mlir file with @example\n";
    return 2;
  }
  try {
    runExample(*module, example);
  } catch (const Error &error) {
    llvm::errs() << error.what() << "\n";
    return 1;
  }
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/KernelWriter.h"

#include "passes/LowerGPU/KernelAttributes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void KernelWriter::Step::leaveRoomFor(int64_t blocks) {
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), e.b.getI32IntegerAttr(blocks));
}

static void setThreads(mlir::gpu::GPUFuncOp function, OpBuilder &builder, int64_t threads) {
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), builder.getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
}

void KernelWriter::Step::addHelpers(int64_t count) {
  e.helpers = count;
  setThreads(function, e.b, e.threads + count);
}

Value KernelWriter::Step::tensorMap(const TensorMap &map) {
  maps.push_back(map);
  unsigned position = function.getNumArguments();
  (void)function.insertArgument(position, LLVM::LLVMPointerType::get(e.b.getContext()), {}, e.b.getLoc());
  return function.getArgument(position);
}

void KernelWriter::step(Location loc, unsigned tensors, const Grid &grid, int64_t threads,
                        const std::function<void(Step &)> &body) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext(), 1), i64 = builder.getI64Type();
  std::string function = name;
  for (unsigned n = 2; module.lookupSymbol(function); ++n) {
    function = name + "_" + std::to_string(n);
  }
  SmallVector<Type> types(tensors, pointer);
  types.append({i64, i64, i64, pointer});
  auto func = mlir::gpu::GPUFuncOp::create(builder, loc, function, builder.getFunctionType(types, {}));
  func->setAttr(mlir::gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  setThreads(func, builder, threads);
  Block &entry = func.getBody().front();
  builder.setInsertionPointToStart(&entry);
  Step step{ThreadEmitter(builder, loc, threads), {}, func, {}};
  ThreadEmitter &e = step.e;
  e.machine.exp2 = precision != Precision::F32;
  auto asIndex = [&](Value value) { return arith::IndexCastOp::create(e.b, e.b.getIndexType(), value).getResult(); };
  step.pointers.assign(entry.args_begin(), entry.args_begin() + tensors);
  e.batch = asIndex(entry.getArgument(tensors));
  e.slots = asIndex(entry.getArgument(tensors + 1));
  e.patches = asIndex(entry.getArgument(tensors + 2));
  e.position = asIndex(LLVM::LoadOp::create(e.b, i64, entry.getArgument(tensors + 3)));
  body(step);
  mlir::gpu::ReturnOp::create(e.b);
  func->setAttr(sharedBytesAttr, builder.getI64IntegerAttr(e.mostSharedBytes()));
  if (!step.maps.empty()) { // the last arguments
    auto positions = llvm::seq<int64_t>(func.getNumArguments() - step.maps.size(), func.getNumArguments());
    func->setAttr(tensorMapsAttr, builder.getDenseI64ArrayAttr(llvm::to_vector(positions)));
  }
  launches.push_back({function, grid, threads + e.helpers, e.mostSharedBytes(), step.maps});
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels keep their control flow and arithmetic; what concerns other threads, or memory that others see, becomes a
// call of the simulator. The rest of the work is to describe the kernel: its sites, arguments and static shared memory.
#include "compiler/Target/Simulation.h"

#include "compiler/Target/SimulatedOps.h"
#include "runtime/Sim/ABI.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::target;

static LLVM::LLVMPointerType pointerType(OpBuilder &builder) {
  return LLVM::LLVMPointerType::get(builder.getContext());
}

// Static shared globals at their offsets, in order; what has no size begins behind them all.
static SharedLayout layOutShared(gpu::GPUModuleOp kernels) {
  DataLayout layout(kernels->getParentOfType<ModuleOp>());
  SharedLayout shared;
  auto globals = kernels.getOps<LLVM::GlobalOp>();
  for (LLVM::GlobalOp global : globals) {
    uint64_t bytes = layout.getTypeSize(global.getGlobalType()).getFixedValue();
    if (global.getAddrSpace() == 3 && bytes != 0) {
      shared.bytes = llvm::alignTo(shared.bytes, std::max<uint64_t>(global.getAlignment().value_or(16), 16));
      shared.offsets[global.getSymNameAttr()] = shared.bytes;
      shared.bytes += bytes;
    }
  }
  shared.bytes = llvm::alignTo(shared.bytes, 1024);
  for (LLVM::GlobalOp global : globals) {
    if (global.getAddrSpace() == 3) {
      shared.offsets.try_emplace(global.getSymNameAttr(), shared.bytes);
    }
  }
  return shared;
}

static LLVM::GlobalOp addConstant(OpBuilder &builder, Location loc, Type type, const Twine &name, Attribute value) {
  return LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, name.str(), value);
}

static LLVM::GlobalOp addWords(OpBuilder &builder, Location loc, const Twine &name, ArrayRef<uint32_t> words) {
  auto type = RankedTensorType::get({int64_t(words.size())}, builder.getI32Type());
  return addConstant(builder, loc, LLVM::LLVMArrayType::get(builder.getI32Type(), words.size()), name,
                     DenseElementsAttr::get(type, words));
}

// Where each argument's value is taken from; what the call passes is a pointer to it.
static std::vector<uint32_t> takeArguments(LLVM::LLVMFuncOp kernel, LLVM::LLVMFuncOp host) {
  std::vector<uint32_t> bytes;
  DataLayout layout(host->getParentOfType<ModuleOp>());
  llvm::SmallDenseSet<int64_t> maps;
  if (auto positions = kernel->getAttrOfType<DenseI64ArrayAttr>("mblm.tensor_maps")) {
    maps.insert(positions.asArrayRef().begin(), positions.asArrayRef().end());
  }
  Block &entry = host.getBody().front();
  unsigned count = entry.getNumArguments();
  OpBuilder builder = OpBuilder::atBlockBegin(&entry);
  Value list = entry.addArgument(pointerType(builder), host.getLoc());
  for (unsigned i = 0; i < count; ++i) {
    BlockArgument argument = entry.getArgument(i);
    Value slot = LLVM::GEPOp::create(builder, host.getLoc(), list.getType(), list.getType(), list,
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value value = LLVM::LoadOp::create(builder, host.getLoc(), list.getType(), slot);
    if (maps.contains(i) || kernel.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName())) {
      bytes.push_back(128); // a tensor map stays where the call holds it
    } else {
      bytes.push_back(layout.getTypeSize(argument.getType()).getFixedValue());
      value = LLVM::LoadOp::create(builder, host.getLoc(), argument.getType(), value);
    }
    argument.replaceAllUsesWith(value);
  }
  entry.eraseArguments(0, count);
  return bytes;
}

// mblm_sim_NAME_code; fields as in KernelCode.
static void addDescription(OpBuilder &builder, LLVM::LLVMFuncOp host, const Sites &sites, const SharedLayout &shared,
                           const std::vector<uint32_t> &argumentBytes, bool synchronises,
                           uint32_t maxThreads) {
  Location loc = host.getLoc();
  std::string symbol = host.getName().str();
  std::vector<uint32_t> words = sites.words();
  std::string texts = sites.texts();
  LLVM::GlobalOp siteTable = addWords(builder, loc, symbol + "_sites", words);
  LLVM::GlobalOp argumentTable = addWords(builder, loc, symbol + "_arguments", argumentBytes);
  LLVM::GlobalOp textTable = addConstant(builder, loc, LLVM::LLVMArrayType::get(builder.getI8Type(), texts.size()),
                                         symbol + "_texts", builder.getStringAttr(texts));
  Type pointer = pointerType(builder), word = builder.getI32Type();
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                               {pointer, pointer, pointer, pointer, word, word, word, word, word});
  auto code = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::External, symbol + "_code",
                                     Attribute());
  OpBuilder init(builder.getContext());
  init.createBlock(&code.getInitializerRegion());
  Value fields[] = {
      LLVM::AddressOfOp::create(init, loc, host),
      LLVM::AddressOfOp::create(init, loc, siteTable),
      LLVM::AddressOfOp::create(init, loc, textTable),
      LLVM::AddressOfOp::create(init, loc, argumentTable),
      LLVM::ConstantOp::create(init, loc, word, int32_t(sites.count())),
      LLVM::ConstantOp::create(init, loc, word, int32_t(argumentBytes.size())),
      LLVM::ConstantOp::create(init, loc, word, int32_t(shared.bytes)),
      LLVM::ConstantOp::create(init, loc, word, int32_t(synchronises)),
      LLVM::ConstantOp::create(init, loc, word, int32_t(maxThreads)),
  };
  Value value = LLVM::UndefOp::create(init, loc, type);
  for (auto [i, field] : llvm::enumerate(fields)) {
    value = LLVM::InsertValueOp::create(init, loc, value, field, int64_t(i));
  }
  LLVM::ReturnOp::create(init, loc, value);
}

static void addTable(OpBuilder &builder, Location loc) {
  Type pointer = pointerType(builder);
  auto table = LLVM::GlobalOp::create(builder, loc, pointer, /*isConstant=*/false, LLVM::Linkage::External, tableSymbol,
                                      Attribute());
  LLVM::GlobalOp::create(builder, loc, builder.getI64Type(), /*isConstant=*/true, LLVM::Linkage::External,
                         "mblm_sim_version", builder.getI64IntegerAttr(int64_t(sim::tableVersion)));
  OpBuilder init(builder.getContext());
  init.createBlock(&table.getInitializerRegion());
  LLVM::ReturnOp::create(init, loc, LLVM::ZeroOp::create(init, loc, pointer));
}

static void addKernel(OpBuilder &builder, LLVM::LLVMFuncOp kernel, const SharedLayout &shared) {
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), {pointerType(builder)});
  auto host = LLVM::LLVMFuncOp::create(builder, kernel.getLoc(), "mblm_sim_" + kernel.getName().str(), type);
  host.getBody().takeBody(kernel.getBody());
  Sites sites;
  bool synchronises = simulateOps(host, shared, sites);
  std::vector<uint32_t> argumentBytes = takeArguments(kernel, host);
  uint32_t maxThreads = 0;
  if (auto most = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.maxntid")) {
    maxThreads = uint32_t(most[0]);
  }
  addDescription(builder, host, sites, shared, argumentBytes, synchronises, maxThreads);
}

void target::lowerToSimulation(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  addTable(builder, module.getLoc());
  for (gpu::GPUModuleOp kernels : llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>())) {
    SharedLayout shared = layOutShared(kernels);
    for (Operation &op : llvm::make_early_inc_range(*kernels.getBody())) {
      auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
      auto global = dyn_cast<LLVM::GlobalOp>(op);
      if (function && function->hasAttr("nvvm.kernel")) {
        addKernel(builder, function, shared);
      } else if (global && global.getAddrSpace() != 3) {
        op.moveBefore(module.getBody(), module.getBody()->end());
      }
    }
    kernels.erase();
  }
}

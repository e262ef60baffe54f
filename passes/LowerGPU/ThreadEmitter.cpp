// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/ThreadEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

constexpr StringLiteral sharedName = "mblm_shared";

// 16 bytes at a time are the widest access there is.
static Machine threadMachine() {
  Machine machine;
  machine.lanes = 4;
  machine.aligned = true;
  return machine;
}

ThreadEmitter::ThreadEmitter(OpBuilder builder, Location loc, int64_t threads)
    : Emitter(builder, loc, threadMachine()), threads(threads) {
  thread = mlir::gpu::ThreadIdOp::create(b, mlir::gpu::Dimension::x);
  blockX = mlir::gpu::BlockIdOp::create(b, mlir::gpu::Dimension::x);
  blockY = mlir::gpu::BlockIdOp::create(b, mlir::gpu::Dimension::y);
}

void ThreadEmitter::barrier() {
  if (helpers == 0) {
    mlir::gpu::BarrierOp::create(b);
    return;
  }
  auto number = [&](int64_t n) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(n)).getResult(); };
  NVVM::BarrierOp::create(b, Type(), number(1), number(threads), NVVM::BarrierReductionAttr(), Value()); // 0 is the whole block's
}

Value ThreadEmitter::shuffle(Value value, int64_t distance, NVVM::ShflKind kind, int64_t count) {
  Type i32 = b.getI32Type();
  auto number = [&](int64_t n) { return arith::ConstantOp::create(b, b.getIntegerAttr(i32, APInt(32, n, true))).getResult(); };
  Value members = number(-1);
  if (count < warpSize) {
    Value first = mul(div(lane(), count), count);
    members = arith::ShLIOp::create(b, number((int64_t(1) << count) - 1), arith::IndexCastOp::create(b, i32, first));
  }
  // The last lane that may be asked, or, upwards, the first one.
  Value bound = number(kind == NVVM::ShflKind::up ? 0 : warpSize - 1);
  return NVVM::ShflOp::create(b, value.getType(), members, value, number(distance), bound, kind, UnitAttr());
}

Value ThreadEmitter::exchange(Value value, int64_t distance, int64_t count) {
  return shuffle(value, distance, NVVM::ShflKind::bfly, count);
}
Value ThreadEmitter::fromEarlier(Value value, int64_t distance) { return shuffle(value, distance, NVVM::ShflKind::up); }
Value ThreadEmitter::fromLater(Value value, int64_t distance) { return shuffle(value, distance, NVVM::ShflKind::down); }

Value ThreadEmitter::acrossThreads(Value value, int64_t count, const Combine &combine) {
  for (int64_t distance = count / 2; distance > 0; distance /= 2) {
    value = combine(value, exchange(value, distance, count));
  }
  return value;
}

Value ThreadEmitter::sumOfBlock(Value value) {
  Type type = value.getType();
  int64_t mark = sharedBytes();
  Value line = shared(threads * type.getIntOrFloatBitWidth() / 8);
  auto place = [&](Value i) { return at(line, i, type); };
  LLVM::StoreOp::create(b, value, place(thread));
  barrier();
  for (int64_t half = threads / 2; half > 0; half /= 2) {
    when(less(thread, index(half)), [&] {
      Value mine = LLVM::LoadOp::create(b, type, place(thread)), other = LLVM::LoadOp::create(b, type, place(add(thread, half)));
      LLVM::StoreOp::create(b, addf(mine, other), place(thread));
    });
    barrier();
  }
  Value total = LLVM::LoadOp::create(b, type, place(index(0)));
  barrier(); // the line may serve another sum
  releaseShared(mark);
  return total;
}

SmallVector<Value> ThreadEmitter::valuesWhen(Value condition, const std::function<SmallVector<Value>()> &yes,
                                             const std::function<SmallVector<Value>()> &no) {
  auto branch = [&](const std::function<SmallVector<Value>()> &body) {
    return [&, body](OpBuilder &inner, Location) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(inner.getInsertionBlock());
      scf::YieldOp::create(b, body());
    };
  };
  return scf::IfOp::create(b, condition, branch(yes), branch(no)).getResults();
}

Value ThreadEmitter::valueWhen(Value condition, const std::function<Value()> &value) {
  return valuesWhen(condition, [&] { return SmallVector<Value>{value()}; }, [&] { return SmallVector<Value>{number(0)}; })[0];
}

Value ThreadEmitter::shared(int64_t bytes, int64_t alignment) {
  auto type = LLVM::LLVMPointerType::get(b.getContext(), 3);
  if (!sharedBase) {
    OpBuilder::InsertionGuard guard(b);
    auto function = b.getBlock()->getParent()->getParentOfType<mlir::gpu::GPUFuncOp>();
    auto module = function->getParentOfType<mlir::gpu::GPUModuleOp>();
    auto global = module.lookupSymbol<LLVM::GlobalOp>(sharedName);
    if (!global) {
      b.setInsertionPointToStart(module.getBody());
      auto none = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
      global = LLVM::GlobalOp::create(b, none, /*isConstant=*/false, LLVM::Linkage::External, sharedName, Attribute(),
                                      /*alignment=*/1024, /*addrSpace=*/3);
    }
    b.setInsertionPointToStart(&function.getBody().front());
    sharedBase = LLVM::AddressOfOp::create(b, type, global.getSymName());
  }
  used = (used + alignment - 1) / alignment * alignment;
  Value at = this->at(sharedBase, index(used), b.getI8Type());
  used += bytes;
  most = std::max(most, used);
  return at;
}

void ThreadEmitter::share(int64_t count, const std::function<void(Value)> &body) {
  if (count % threads == 0 && count / threads <= 8) { // as many for each
    for (int64_t first = 0; first < count; first += threads) {
      body(add(thread, first));
    }
    return;
  }
  share(index(count), body);
}

void ThreadEmitter::keepRolled() {
  auto unroll = LLVM::LoopUnrollAttr::get(b.getContext(), /*disable=*/b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  auto licm = LLVM::LoopLICMAttr::get(b.getContext(), b.getBoolAttr(true), {});
  auto loop = cast<scf::ForOp>(b.getBlock()->getParentOp());
  loop->setAttr("loop_annotation", LLVM::LoopAnnotationAttr::get(b.getContext(), {}, {}, {}, unroll, {}, licm, {}, {}, {}, {},
                                                                      {}, {}, {}, {}, {}));
}

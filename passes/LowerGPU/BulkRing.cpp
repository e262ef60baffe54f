// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/BulkRing.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

constexpr int64_t barrierBytes = 8;

static Value number(ThreadEmitter &e, int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(n)); }

BulkRing::BulkRing(ThreadEmitter &e, int64_t slots, int64_t readers)
    : e(e), slots(slots), readers(readers), barriers(e.shared(2 * slots * barrierBytes)) {}

void BulkRing::initialise() {
  for (int64_t slot = 0; slot < slots; ++slot) {
    NVVM::MBarrierInitOp::create(e.b, full(e.index(slot)), number(e, 1), Value());
    NVVM::MBarrierInitOp::create(e.b, empty(e.index(slot)), number(e, readers), Value());
  }
}

void BulkRing::publish(ThreadEmitter &e) { NVVM::FenceMbarrierInitOp::create(e.b); }

BulkRing::Turn BulkRing::first() { return Turn({e.index(0), number(e, 0)}); }

BulkRing::Turn BulkRing::next(const Turn &turn) {
  Value slot = e.add(turn.slot, 1), wraps = e.equal(slot, e.index(slots));
  Value other = arith::XOrIOp::create(e.b, turn.round, number(e, 1));
  return Turn({e.select(wraps, e.index(0), slot), e.select(wraps, other, turn.round)});
}

Value BulkRing::fill(const Turn &turn, int64_t bytes) {
  wait(empty(turn.slot), arith::XOrIOp::create(e.b, turn.round, number(e, 1)));
  Value barrier = full(turn.slot);
  NVVM::MBarrierArriveExpectTxOp::create(e.b, Type(), barrier, number(e, bytes), NVVM::MemScopeKind::CTA, /*relaxed=*/false,
                                         Value());
  return barrier;
}

void BulkRing::waitFull(const Turn &turn) { wait(full(turn.slot), turn.round); }

void BulkRing::release(Value slot) {
  NVVM::MBarrierArriveOp::create(e.b, e.b.getI64Type(), empty(slot), Value(), NVVM::MemScopeKind::CTA, false);
}

Value BulkRing::full(Value slot) { return e.at(barriers, slot, e.b.getI64Type()); }
Value BulkRing::empty(Value slot) { return full(e.add(slot, slots)); }

void BulkRing::wait(Value barrier, Value parity) {
  constexpr int64_t nanoseconds = 10'000'000; // until the thread looks again
  NVVM::MBarrierTryWaitParityOp::create(e.b, barrier, parity, number(e, nanoseconds));
}

void cuda::fetchTile(ThreadEmitter &e, Value to, Value map, Value column, Value row, Value full, Value matrix) {
  SmallVector<Value> place;
  for (Value at : {column, row, matrix}) {
    if (at) {
      place.push_back(arith::IndexCastOp::create(e.b, e.b.getI32Type(), at));
    }
  }
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(e.b, to, map, place, full, ValueRange(), Value(), Value(),
                                                         NVVM::TMALoadMode::TILE, /*isCTAOnly=*/true, NVVM::CTAGroupKindAttr(),
                                                         Value());
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clipping and the optimizer, over all parameters at once: sums of squares by pieces, their total, then one pass that reads
// gradient, parameter and moments and writes them back.
#include "passes/LowerGPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
enum { HyperAt, DecayAt, NormAt, ParamsAt, GradsAt, MAt, VAt, PiecesAt, SumsAt, PointerCount };

// A piece of a parameter: where it begins in the flat buffers, how long it is, and the parameter's number.
struct Piece {
  Piece(ThreadEmitter &e, Value table) {
    auto field = [&](int64_t n) {
      Value value = LLVM::LoadOp::create(e.b, e.b.getI64Type(), e.at(table, e.add(e.mul(e.blockX, 3), n), e.b.getI64Type()));
      return arith::IndexCastOp::create(e.b, e.b.getIndexType(), value).getResult();
    };
    begin = field(0);
    count = field(1);
    owner = field(2);
  }
  // Its elements that are to be taken by whole vectors: none where it begins within one.
  Value vectors(ThreadEmitter &e) const {
    int64_t lanes = e.machine.lanes;
    Value aligned = e.equal(e.rem(begin, e.index(lanes)), e.index(0));
    return e.select(aligned, e.mul(e.div(count, lanes), lanes), e.index(0));
  }
  Value begin, count, owner;
};
} // namespace

SymbolicDim cuda::updateTemporary(int64_t pieces) { return SymbolicDim::constant(2 * (pieces + 1)); } // of f64

static Value wide(ThreadEmitter &e, double x) { return arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(x)); }

// This thread's elements, by vectors as far as they go.
static void overElements(ThreadEmitter &e, const Piece &piece, const std::function<void(Value i)> &body) {
  int64_t lanes = e.machine.lanes;
  Value full = piece.vectors(e);
  e.loop(e.mul(e.thread, lanes), full, lanes * e.threads, body);
  WithLanes one(e, 1);
  e.loop(e.add(full, e.thread), piece.count, e.threads, body);
}

static void emitSquares(KernelWriter::Step &s) {
  ThreadEmitter &e = s.e;
  Type f64 = e.b.getF64Type();
  Piece piece(e, s.pointers[PiecesAt]);
  Memory grads{e.at(s.pointers[GradsAt], piece.begin), {}, e.f32(), true};
  auto squares = [&](int64_t lanes, Value from, Value to) {
    WithLanes guard(e, lanes);
    Value sum = e.loop(e.add(from, e.mul(e.thread, lanes)), to, lanes * e.threads, e.splat(0.0), [&](Value i, ValueRange so) {
      Value g = e.loadNumbers(grads, i, /*wide=*/true);
      return SmallVector<Value>{e.fma(g, g, so[0])};
    })[0];
    return arith::ExtFOp::create(e.b, f64, e.sumLanes(sum)).getResult();
  };
  Value full = piece.vectors(e);
  Value mine = e.addf(squares(e.machine.lanes, e.index(0), full), squares(1, full, piece.count));
  Value total = e.sumOfBlock(mine);
  e.when(e.equal(e.thread, e.index(0)), [&] { LLVM::StoreOp::create(e.b, total, e.at(s.pointers[SumsAt], e.blockX, f64)); });
}

// The norm, and the factor behind the sums.
static void emitFactor(KernelWriter::Step &s, int64_t pieces) {
  ThreadEmitter &e = s.e;
  Type f64 = e.b.getF64Type();
  Value mine = e.loop(e.thread, e.index(pieces), e.threads, wide(e, 0), [&](Value piece, ValueRange so) {
    Value part = LLVM::LoadOp::create(e.b, f64, e.at(s.pointers[SumsAt], piece, f64));
    return SmallVector<Value>{e.addf(so[0], part)};
  })[0];
  Value norm = math::SqrtOp::create(e.b, e.sumOfBlock(mine));
  e.when(e.equal(e.thread, e.index(0)), [&] {
    e.store(arith::TruncFOp::create(e.b, e.f32(), norm), s.pointers[NormAt]);
    Value clip = arith::ExtFOp::create(e.b, f64, e.load(e.at(s.pointers[HyperAt], e.index(5))));
    Value factor = e.divf(clip, e.addf(norm, wide(e, 1e-6)));
    Value off = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLE, clip, wide(e, 0));
    Value above = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, factor, wide(e, 1));
    factor = e.select(arith::OrIOp::create(e.b, off, above), wide(e, 1), factor);
    LLVM::StoreOp::create(e.b, factor, e.at(s.pointers[SumsAt], e.index(pieces), f64));
  });
}

// x^n for whole n >= 0, by squaring.
static Value power(ThreadEmitter &e, Value x, Value n) {
  auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(n)).getResult(); };
  SmallVector<Value> init{wide(e, 1), x, n};
  return e.loop(e.index(0), e.index(32), 1, init, [&](Value, ValueRange so) {
    Value odd = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, arith::AndIOp::create(e.b, so[2], number(1)), number(0));
    return SmallVector<Value>{e.select(odd, e.mulf(so[0], so[1]), so[0]), e.mulf(so[1], so[1]),
                              arith::ShRUIOp::create(e.b, so[2], number(1))};
  })[0];
}

static void emitStep(KernelWriter::Step &s, int64_t pieces) {
  ThreadEmitter &e = s.e;
  Type f64 = e.b.getF64Type();
  auto hyper = [&](int64_t n) { return e.load(e.at(s.pointers[HyperAt], e.index(n))); };
  auto widen = [&](Value x) { return arith::ExtFOp::create(e.b, f64, x).getResult(); };
  auto narrow = [&](Value x) { return arith::TruncFOp::create(e.b, e.f32(), x).getResult(); };
  Value lr = hyper(0), beta1 = hyper(1), beta2 = hyper(2), eps = hyper(3), weightDecay = hyper(4);
  Value step = arith::FPToUIOp::create(e.b, e.b.getI64Type(), hyper(6));
  Value coupled = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, hyper(7), e.number(0));
  Value one = e.number(1), zero = e.number(0);
  Value stepSize = narrow(e.divf(widen(lr), e.subf(wide(e, 1), power(e, widen(beta1), step))));
  Value root2 = narrow(math::SqrtOp::create(e.b, e.subf(wide(e, 1), power(e, widen(beta2), step))));
  Value clip = narrow(LLVM::LoadOp::create(e.b, f64, e.at(s.pointers[SumsAt], e.index(pieces), f64)));
  Piece piece(e, s.pointers[PiecesAt]);
  Value decay = e.mulf(weightDecay, e.load(e.at(s.pointers[DecayAt], piece.owner)));
  Value added = e.select(coupled, decay, zero), kept = e.subf(one, e.mulf(lr, e.select(coupled, zero, decay)));
  auto memory = [&](int64_t pointer) { return Memory{e.at(s.pointers[pointer], piece.begin), {}, e.f32(), true}; };
  Memory params = memory(ParamsAt), grads = memory(GradsAt), m = memory(MAt), v = memory(VAt);
  overElements(e, piece, [&](Value i) {
    auto load = [&](const Memory &from) { return e.loadNumbers(from, i, /*wide=*/true); };
    Value param = load(params);
    Value grad = e.fma(e.splat(added), param, e.mulf(load(grads), e.splat(clip)));
    Value first = e.fma(e.splat(beta1), load(m), e.mulf(e.splat(e.subf(one, beta1)), grad));
    Value second = e.fma(e.splat(beta2), load(v), e.mulf(e.splat(e.subf(one, beta2)), e.mulf(grad, grad)));
    Value root = e.addf(e.divf(math::SqrtOp::create(e.b, second), e.splat(root2)), e.splat(eps));
    Value next = e.subf(e.mulf(param, e.splat(kept)), e.mulf(e.splat(stepSize), e.divf(first, root)));
    e.storeNumbers(next, params, i);
    e.storeNumbers(first, m, i);
    e.storeNumbers(second, v, i);
    e.storeNumbers(e.splat(0.0), grads, i);
  });
}

void cuda::emitUpdate(KernelWriter &writer, kernel::UpdateOp op, int64_t pieces) {
  Grid perPiece{SymbolicDim::constant(pieces)}, single{SymbolicDim::constant(1)};
  writer.step(op.getLoc(), PointerCount, perPiece, blockThreads, emitSquares);
  writer.step(op.getLoc(), PointerCount, single, blockThreads, [&](KernelWriter::Step &s) { emitFactor(s, pieces); });
  writer.step(op.getLoc(), PointerCount, perPiece, blockThreads, [&](KernelWriter::Step &s) { emitStep(s, pieces); });
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clipping and the optimizer, over all parameters at once: partial sums of squares, their total, then one pass that reads
// gradient, parameter and moments and writes them back. Parameters are cut into pieces that do not depend on threads.
#include "passes/LowerCPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

constexpr int64_t pieceFloats = 1 << 15;

// Where each piece begins, how long it is, and whose it is: a constant of the module.
static LLVM::GlobalOp pieceTable(KernelWriter &writer, Location loc, ArrayRef<std::pair<int64_t, int64_t>> parameters,
                                 int64_t &pieces) {
  SmallVector<int64_t> table;
  for (auto [number, parameter] : llvm::enumerate(parameters)) {
    for (int64_t at = 0; at < parameter.second; at += pieceFloats) {
      table.append({parameter.first + at, std::min(pieceFloats, parameter.second - at), static_cast<int64_t>(number)});
    }
  }
  pieces = table.size() / 3;
  if (auto known = writer.module.lookupSymbol<LLVM::GlobalOp>("parameter_pieces")) {
    return known;
  }
  OpBuilder builder = OpBuilder::atBlockBegin(writer.module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI64Type(), table.size());
  return LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, "parameter_pieces",
                                builder.getI64TensorAttr(table));
}

void cpu::emitUpdate(KernelWriter &writer, kernel::UpdateOp op, ArrayRef<std::pair<int64_t, int64_t>> parameters) {
  Location loc = op.getLoc();
  int64_t pieces = 0;
  LLVM::GlobalOp table = pieceTable(writer, loc, parameters, pieces);
  // Pointers: hyper, decay, norm, params, grads, m, v, partial sums (one double a piece, then the clip factor).
  enum { HyperAt, DecayAt, NormAt, ParamsAt, GradsAt, MAt, VAt, SumsAt, PointerCount };
  auto entry = [&](Emitter &e, Value piece, int64_t field) {
    Value base = LLVM::AddressOfOp::create(e.b, table);
    Value value = LLVM::LoadOp::create(e.b, e.b.getI64Type(), e.at(base, e.add(e.mul(piece, 3), field), e.b.getI64Type()));
    return arith::IndexCastOp::create(e.b, e.b.getIndexType(), value).getResult();
  };

  writer.step(loc, PointerCount, {SymbolicDim::constant(pieces)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t lanes = e.machine.lanes;
    Type f64 = e.b.getF64Type();
    e.loop(s.begin, s.end, 1, [&](Value piece) {
      Value grads = e.at(s.pointers[GradsAt], entry(e, piece, 0)), count = entry(e, piece, 1);
      // Short stretches in f32, their sums in f64.
      constexpr int64_t stretch = 512;
      Value zero = arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(0));
      Value total = e.loop(e.index(0), count, stretch, zero, [&](Value from, ValueRange so) {
        Value end = e.min(count, e.add(from, stretch));
        Value sum = e.loop(from, end, lanes, e.splat(0.0), [&](Value i, ValueRange partial) {
          Value g = e.select(e.mask(e.sub(end, i)), e.loadVector(e.at(grads, i)), e.splat(0.0));
          return SmallVector<Value>{e.fma(g, g, partial[0])};
        })[0];
        Value wide = arith::ExtFOp::create(e.b, f64, e.sumLanes(sum));
        return SmallVector<Value>{arith::AddFOp::create(e.b, so[0], wide)};
      })[0];
      LLVM::StoreOp::create(e.b, total, e.at(s.pointers[SumsAt], piece, f64));
    });
  });

  writer.step(loc, PointerCount, {SymbolicDim::constant(1)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Type f64 = e.b.getF64Type();
    auto wide = [&](double x) { return arith::ConstantOp::create(e.b, e.b.getF64FloatAttr(x)).getResult(); };
    Value total = e.loop(e.index(0), e.index(pieces), 1, wide(0), [&](Value piece, ValueRange so) {
      Value part = LLVM::LoadOp::create(e.b, f64, e.at(s.pointers[SumsAt], piece, f64));
      return SmallVector<Value>{arith::AddFOp::create(e.b, so[0], part)};
    })[0];
    Value norm = math::SqrtOp::create(e.b, total);
    e.store(arith::TruncFOp::create(e.b, e.f32(), norm), s.pointers[NormAt]);
    Value clip = arith::ExtFOp::create(e.b, f64, e.load(e.at(s.pointers[HyperAt], e.index(5))));
    Value factor = arith::DivFOp::create(e.b, clip, arith::AddFOp::create(e.b, norm, wide(1e-6)));
    Value off = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLE, clip, wide(0));
    Value above = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, factor, wide(1));
    factor = e.select(arith::OrIOp::create(e.b, off, above), wide(1), factor);
    LLVM::StoreOp::create(e.b, factor, e.at(s.pointers[SumsAt], e.index(pieces), f64));
  });

  writer.step(loc, PointerCount, {SymbolicDim::constant(pieces)}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t lanes = e.machine.lanes;
    auto hyper = [&](int64_t n) { return e.load(e.at(s.pointers[HyperAt], e.index(n))); };
    Value lr = hyper(0), beta1 = hyper(1), beta2 = hyper(2), eps = hyper(3), weightDecay = hyper(4), step = hyper(6);
    Value coupled = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, hyper(7), e.number(0));
    Value one = e.number(1);
    Type f64 = e.b.getF64Type();
    auto widen = [&](Value x) { return arith::ExtFOp::create(e.b, f64, x).getResult(); };
    // beta^step in f64, once per call of this step.
    auto power = [&](Value beta) {
      StringRef name = "pow";
      if (!writer.module.lookupSymbol(name)) {
        OpBuilder::InsertionGuard guard(e.b);
        e.b.setInsertionPointToEnd(writer.module.getBody());
        func::FuncOp::create(e.b, name, e.b.getFunctionType({f64, f64}, {f64})).setPrivate();
      }
      return func::CallOp::create(e.b, FlatSymbolRefAttr::get(e.b.getContext(), name), f64,
                                  ValueRange{widen(beta), widen(step)})
          .getResult(0);
    };
    auto narrow = [&](Value x) { return arith::TruncFOp::create(e.b, e.f32(), x).getResult(); };
    Value oneWide = widen(one);
    Value correction1 = arith::SubFOp::create(e.b, oneWide, power(beta1));
    Value correction2 = arith::SubFOp::create(e.b, oneWide, power(beta2));
    Value stepSize = narrow(arith::DivFOp::create(e.b, widen(lr), correction1));
    Value root2 = narrow(math::SqrtOp::create(e.b, correction2));
    Value clip = narrow(LLVM::LoadOp::create(e.b, f64, e.at(s.pointers[SumsAt], e.index(pieces), f64)));
    e.loop(s.begin, s.end, 1, [&](Value piece) {
      Value begin = entry(e, piece, 0), count = entry(e, piece, 1), owner = entry(e, piece, 2);
      Value decay = e.mulf(weightDecay, e.load(e.at(s.pointers[DecayAt], owner)));
      Value zero = e.number(0);
      Value added = e.splat(e.select(coupled, decay, zero));
      Value kept = e.splat(e.subf(one, e.mulf(lr, e.select(coupled, zero, decay))));
      Value wideClip = e.splat(clip), b1 = e.splat(beta1), b2 = e.splat(beta2), size = e.splat(stepSize);
      Value a1 = e.splat(e.subf(one, beta1)), a2 = e.splat(e.subf(one, beta2)), r2 = e.splat(root2), epsilon = e.splat(eps);
      Value p = e.at(s.pointers[ParamsAt], begin), g = e.at(s.pointers[GradsAt], begin), m = e.at(s.pointers[MAt], begin),
            v = e.at(s.pointers[VAt], begin);
      auto work = [&](Value i, Value mask) {
        Value param = e.loadVector(e.at(p, i));
        Value grad = e.fma(added, param, e.mulf(e.loadVector(e.at(g, i)), wideClip));
        Value first = e.fma(b1, e.loadVector(e.at(m, i)), e.mulf(a1, grad));
        Value second = e.fma(b2, e.loadVector(e.at(v, i)), e.mulf(a2, e.mulf(grad, grad)));
        Value root = e.addf(e.divf(math::SqrtOp::create(e.b, second), r2), epsilon);
        Value next = e.subf(e.mulf(param, kept), e.mulf(size, e.divf(first, root)));
        e.store(next, e.at(p, i), mask);
        e.store(first, e.at(m, i), mask);
        e.store(second, e.at(v, i), mask);
        e.store(e.splat(0.0), e.at(g, i), mask);
      };
      Value full = e.mul(e.div(count, lanes), lanes);
      e.loop(e.index(0), full, lanes, [&](Value i) { work(i, {}); });
      e.when(e.less(full, count), [&] { work(full, e.mask(e.sub(count, full))); });
    });
  });
}

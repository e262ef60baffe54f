// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/Pools.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

RowRange::RowRange(Emitter &e, Value spans, kernel::SpaceAttr space, kernel::SpaceAttr rows, Value item) {
  auto bound = [&](Value range, int64_t which) {
    Value id = e.load(e.at(spans, e.add(e.mul(range, 2), which), e.b.getI32Type()), e.b.getI32Type());
    return arith::IndexCastOp::create(e.b, e.b.getIndexType(), id).getResult();
  };
  Value ranges = e.form(space.getPositions()), positions = e.form(rows.getPositions()), m = e.rem(item, ranges);
  row = e.mul(e.div(item, ranges), positions);
  first = bound(item, 0);
  end = bound(item, 1);
  // What belongs to no range: between the one before and this one, and behind the last one.
  Value isFirst = e.equal(m, e.index(0));
  gap = e.select(isFirst, e.index(0), bound(e.select(isFirst, item, e.sub(item, e.index(1))), 1));
  rest = e.select(e.equal(e.add(m, 1), ranges), positions, end);
}

Value emit::emitPooled(Emitter &e, const RowRange &range, PoolKind kind, const LoadRow &load) {
  Value any = e.less(range.first, range.end), safe = e.select(any, range.first, e.index(0));
  Value count = arith::SIToFPOp::create(e.b, e.f32(), e.i64(e.sub(range.end, range.first)));
  Value factor = e.select(any, kind == PoolKind::Mean ? e.divf(e.number(1), count) : e.number(1), e.number(0));
  Value pooled = e.loop(e.add(safe, 1), range.end, 1, load(e.add(range.row, safe)), [&](Value t, ValueRange so) -> SmallVector<Value> {
    Value next = load(e.add(range.row, t));
    switch (kind) {
    case PoolKind::Max:
      return {arith::MaximumFOp::create(e.b, so[0], next)};
    case PoolKind::Min:
      return {arith::MinimumFOp::create(e.b, so[0], next)};
    case PoolKind::Mean:
    case PoolKind::Sum:
      return {e.addf(so[0], next)};
    }
    llvm_unreachable("every kind has its combination");
  })[0];
  return e.select(any, e.mulf(pooled, e.splat(factor)), e.splat(0.0));
}

void emit::emitPoolGrads(Emitter &e, const RowRange &range, Value grad, Value pooled, const LoadRow &load, const StoreRow &store) {
  Value one = e.splat(1.0), none = e.splat(0.0);
  auto hit = [&](Value t) {
    return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, load(e.add(range.row, t)), pooled).getResult();
  };
  Value ties = e.loop(range.first, range.end, 1, none, [&](Value t, ValueRange so) {
    return SmallVector<Value>{e.addf(so[0], e.select(hit(t), one, none))};
  })[0];
  Value share = e.divf(grad, ties);
  e.loop(range.first, range.end, 1, [&](Value t) { store(e.add(range.row, t), e.select(hit(t), share, none)); });
  for (auto [from, to] : {std::pair{range.gap, range.first}, {range.end, range.rest}}) {
    e.loop(from, to, 1, [&](Value t) { store(e.add(range.row, t), none); });
  }
}

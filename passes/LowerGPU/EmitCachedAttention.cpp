// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of a call's queries to the keys and values of a state: to those that a mask shows, or to ranges. A block has a few
// queries of one sequence and head; groups of its threads take the keys in turn, each with a softmax of its own, and these are
// joined in order. The keys of a long state are cut into parts, a block each, which a second kernel joins.
#include "passes/Emit/AttentionShape.h"
#include "passes/LowerGPU/AttentionBlock.h"
#include "passes/LowerGPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

namespace {
constexpr int64_t keysTogether = 4; // of a group, so that several loads are on their way
constexpr int64_t longState = 1024, partsOfLong = 8;

struct CachedPlan {
  explicit CachedPlan(kernel::CachedAttentionOp op) : CachedPlan(op, attentionShape(op), op.getHeads()) {}
  explicit CachedPlan(kernel::RangedAttentionOp op) : CachedPlan(op, rangedQueries(op), op.getKvHeads()) {
    ranges = 3;
    lse = result + 1;
  }

  Value query, key, value;
  AttentionShape shape;
  int64_t keyHeads; // groups of the queries' heads share one
  RowShape form;
  int64_t length, together, turns; // queries: all, of a block, and how many blocks these make
  int64_t parts;
  // Each query's parts, one behind the other in the temporary: maximum, sum, and the features.
  int64_t partFloats() const { return 2 + shape.width; }
  SymbolicDim temporaryFloats() const {
    return parts == 1 ? SymbolicDim() : scaled(shape.pairs(), length * parts * partFloats());
  }
  // Numbers of pointers; those of query, key and value are 0 to 2.
  unsigned result, temporary;
  std::optional<unsigned> ranges, lse;

private:
  CachedPlan(Operation *op, const AttentionShape &shape, int64_t keyHeads)
      : query(op->getOperand(0)), key(op->getOperand(1)), value(op->getOperand(2)), shape(shape), keyHeads(keyHeads),
        form(rowShape(shape.width, 1, shape.width)), length(shape.space.getPositions().one),
        together(std::min<int64_t>(4, length)), turns(ceilDiv(length, together)), result(op->getNumOperands()),
        temporary(result + op->getNumResults()) {
    SymbolicDim ring = kernel::shapeOf(key)[1];
    parts = ring.isConstant() && ring.one <= longState ? 1 : partsOfLong;
  }
};

// Where a number of the result belongs.
struct ResultPlace {
  Value row, head, column;
};

// What was mixed, divided by the probabilities' sum up to the maximum; zeros where a range was empty.
void writeNumber(KernelWriter::Step &s, const CachedPlan &plan, Value resultTensor, const ResultPlace &at, Value sum, Value mixed,
                 const std::function<Value()> &top) {
  ThreadEmitter &e = s.e;
  Value any;
  if (plan.ranges) {
    any = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, sum, e.number(0));
    sum = e.select(any, sum, e.number(1));
  }
  Value line = e.add(e.mul(at.row, plan.shape.heads), at.head);
  e.storeNumbers(e.divf(mixed, sum), memoryOf(s.pointers[plan.result], resultTensor), e.add(e.mul(line, plan.shape.width), at.column));
  if (plan.lse) {
    e.when(e.equal(at.column, e.index(0)), [&] {
      Value lse = e.addf(top(), math::LogOp::create(e.b, sum));
      e.store(e.select(any, lse, e.number(0)), e.at(s.pointers[*plan.lse], line));
    });
  }
}

class CachedAttention {
public:
  using Sums = SmallVector<Value>;

  CachedAttention(KernelWriter::Step &s, Value resultTensor, const CachedPlan &plan)
      : s(s), e(s.e), resultTensor(resultTensor), plan(plan), shape(plan.shape), form(plan.form),
        pieces(ceilDiv(shape.width, form.lanes * form.group)), groups(e.threads / form.group), together(plan.together),
        length(plan.length), lanes(e, form.lanes) {
    turn = e.div(e.blockY, plan.parts);
    part = e.rem(e.blockY, e.index(plan.parts));
    sequence = e.div(e.blockX, shape.heads);
    head = e.rem(e.blockX, e.index(shape.heads));
    group = e.div(e.thread, form.group);
    Value lane = e.rem(e.thread, e.index(form.group));
    for (int64_t n = 0; n < pieces; ++n) {
      columns.push_back(e.add(e.mul(lane, form.lanes), n * form.lanes * form.group));
    }
    ring = e.form(kernel::shapeOf(plan.key)[1]);
    for (int64_t q = 0; q < together; ++q) {
      Value t = e.add(e.mul(turn, together), q);
      queries.push_back(length % together ? e.min(t, e.index(length - 1)) : t); // the last one may come again
    }
    tops = e.shared(groups * together * 4);
    totals = e.shared(groups * together * 4);
    partials = e.shared(groups * together * shape.width * 4);
  }

  void emit() {
    for (Value t : queries) {
      findKeys(t);
    }
    first = begins.front() ? begins.front() : e.index(0);
    Value end = ends.back();
    firstRow = shape.mask == MaskKind::BlockCausal ? e.rem(first, ring) : first;
    Memory query = memoryOf(s.pointers[0], plan.query);
    for (Value t : queries) {
      numbers.append(loadRow(query, e.add(e.mul(sequence, length), t), shape.heads, head));
    }
    // For each query: maximum, sum, and the features.
    Sums init;
    for (int64_t q = 0; q < together; ++q) {
      init.append({e.number(lowestScore), e.number(0)});
      init.append(pieces, e.splat(0.0));
    }
    // Whole turns of all groups for each part.
    Value perPart =
        e.mul(e.ceilDiv(e.ceilDiv(e.sub(end, first), plan.parts), groups * keysTogether), groups * keysTogether);
    Value from = e.add(first, e.mul(part, perPart)), to = e.min(e.add(from, perPart), end);
    Sums state = e.loop(from, to, groups * keysTogether, init,
                        [&](Value key, ValueRange before) { return takeKeys(e.add(key, group), end, before); });
    join(state);
    write();
  }

private:
  int64_t perQuery() const { return 2 + pieces; }

  // The keys [begin, end) that query t sees.
  void findKeys(Value t) {
    if (!plan.ranges) {
      Value i = e.add(e.position, t);
      begins.push_back(shape.mask == MaskKind::BlockCausal ? shape.firstKey(e, i) : Value());
      ends.push_back(e.add(i, 1));
      return;
    }
    auto bound = [&](int64_t which) {
      Value place = e.add(e.mul(e.add(e.mul(sequence, length), t), 2), which);
      Value number = e.load(e.at(s.pointers[*plan.ranges], place, e.b.getI32Type()), e.b.getI32Type());
      return arith::IndexCastOp::create(e.b, e.b.getIndexType(), number).getResult();
    };
    begins.push_back(bound(0));
    ends.push_back(bound(1));
  }

  // This thread's features of a head's row, zeros where it has none.
  Sums loadRow(const Memory &memory, Value row, int64_t heads, Value head) {
    Sums values;
    for (Value column : columns) {
      bool whole = pieces * form.lanes * form.group == shape.width;
      Value there = e.less(column, e.index(shape.width)), safe = whole ? column : e.select(there, column, e.index(0));
      Value place = e.add(e.mul(row, heads * shape.width), e.add(e.mul(head, shape.width), safe));
      Value value = e.loadNumbers(memory, place, /*wide=*/true);
      values.push_back(whole ? value : e.select(there, value, e.splat(0.0)));
    }
    return values;
  }

  // Of one group: keys `key`, `key + groups`, ... below `end`. All groups come here equally often, so that a warp's
  // threads meet in the sums.
  Sums takeKeys(Value key, Value end, ValueRange before) {
    Memory keys = memoryOf(s.pointers[1], plan.key), values = memoryOf(s.pointers[2], plan.value);
    Value keyHead = e.div(head, shape.heads / plan.keyHeads);
    Sums places, rows, features;
    for (int64_t n = 0; n < keysTogether; ++n) {
      Value j = e.add(key, n * groups), safe = e.select(e.less(j, end), j, first);
      Value row = e.add(firstRow, e.sub(safe, first));
      row = e.add(e.mul(sequence, ring), e.select(e.less(row, ring), row, e.sub(row, ring)));
      places.push_back(j);
      rows.append(loadRow(keys, row, plan.keyHeads, keyHead));
      features.append(loadRow(values, row, plan.keyHeads, keyHead));
    }
    Sums after;
    for (int64_t q = 0; q < together; ++q) {
      ValueRange so = before.slice(q * perQuery(), perQuery());
      Value top = so[0];
      Sums scores, visible;
      for (int64_t n = 0; n < keysTogether; ++n) {
        Value seen = e.less(places[n], ends[q]);
        if (begins[q]) {
          seen = arith::AndIOp::create(e.b, seen,
                                       arith::CmpIOp::create(e.b, arith::CmpIPredicate::sge, places[n], begins[q]));
        }
        Value sum = e.splat(0.0);
        for (int64_t p = 0; p < pieces; ++p) {
          sum = e.fma(numbers[q * pieces + p], rows[n * pieces + p], sum);
        }
        Value score = e.acrossThreads(e.sumLanes(sum), form.group, [&](Value x, Value y) { return e.addf(x, y); });
        scores.push_back(e.mulf(score, e.number(shape.scale)));
        visible.push_back(seen);
        top = arith::MaximumFOp::create(e.b, top, e.select(seen, scores.back(), e.number(lowestScore)));
      }
      Value shrink = math::ExpOp::create(e.b, e.subf(so[0], top)), total = e.mulf(so[1], shrink);
      Sums mixed;
      for (int64_t p = 0; p < pieces; ++p) {
        mixed.push_back(e.mulf(so[2 + p], e.splat(shrink)));
      }
      for (int64_t n = 0; n < keysTogether; ++n) {
        Value weight = e.select(visible[n], math::ExpOp::create(e.b, e.subf(scores[n], top)), e.number(0));
        total = e.addf(total, weight);
        for (int64_t p = 0; p < pieces; ++p) {
          mixed[p] = e.fma(e.splat(weight), features[n * pieces + p], mixed[p]);
        }
      }
      after.append({top, total});
      after.append(mixed);
    }
    return after;
  }

  Value line(Value group, Value q) { return e.add(e.mul(group, together), q); }
  Value line(Value group, int64_t q) { return line(group, e.index(q)); }
  // The largest score of a query in all groups.
  Value topOf(Value q) {
    return e.loop(e.index(0), e.index(groups), 1, e.number(lowestScore), [&](Value other, ValueRange so) {
      return Sums{arith::MaximumFOp::create(e.b, so[0], e.load(e.at(tops, line(other, q))))};
    })[0];
  }

  // Each group's sums, relative to the maximum of all, go to shared memory.
  void join(ValueRange state) {
    Value leads = e.equal(e.rem(e.thread, e.index(form.group)), e.index(0));
    e.when(leads, [&] {
      for (int64_t q = 0; q < together; ++q) {
        e.store(state[q * perQuery()], e.at(tops, line(group, q)));
      }
    });
    e.barrier();
    for (int64_t q = 0; q < together; ++q) {
      Value top = topOf(e.index(q));
      Value shrink = math::ExpOp::create(e.b, e.subf(state[q * perQuery()], top));
      e.when(leads, [&] { e.store(e.mulf(state[q * perQuery() + 1], shrink), e.at(totals, line(group, q))); });
      if (plan.parts > 1) {
        e.when(e.equal(e.thread, e.index(0)), [&] { e.store(top, partOf(queries[q], part)); });
      }
      for (auto [p, column] : llvm::enumerate(columns)) {
        e.when(e.less(column, e.index(shape.width)), [&, p = p, column = column] {
          Value value = e.mulf(state[q * perQuery() + 2 + p], e.splat(shrink));
          e.storeNumbers(value, {partials, {}, e.f32(), true}, e.add(e.mul(line(group, q), shape.width), column));
        });
      }
    }
    e.barrier();
  }

  Value partOf(Value t, Value part) {
    Value pair = e.add(e.mul(sequence, shape.heads), head), query = e.add(e.mul(pair, length), t);
    return e.at(s.pointers[plan.temporary], e.mul(e.add(e.mul(query, plan.parts), part), plan.partFloats()));
  }

  void write() {
    e.share(together * shape.width, [&](Value number) {
      Value q = e.div(number, shape.width), column = e.rem(number, e.index(shape.width));
      Sums zeros(2, e.number(0));
      Sums sums = e.loop(e.index(0), e.index(groups), 1, zeros, [&](Value other, ValueRange so) {
        Value place = line(other, q);
        return Sums{e.addf(so[0], e.load(e.at(totals, place))),
                    e.addf(so[1], e.load(e.at(partials, e.add(e.mul(place, shape.width), column))))};
      });
      Value t = e.add(e.mul(turn, together), q);
      e.when(e.less(t, e.index(length)), [&] {
        if (plan.parts > 1) {
          Value place = partOf(t, part);
          e.when(e.equal(column, e.index(0)), [&] { e.store(sums[0], e.at(place, e.index(1))); });
          e.store(sums[1], e.at(place, e.add(column, 2)));
          return;
        }
        writeNumber(s, plan, resultTensor, {e.add(e.mul(sequence, length), t), head, column}, sums[0], sums[1], [&] { return topOf(q); });
      });
    });
  }

  KernelWriter::Step &s;
  ThreadEmitter &e;
  Value resultTensor;
  const CachedPlan &plan;
  const AttentionShape &shape;
  const RowShape form;
  const int64_t pieces, groups, together, length;
  WithLanes lanes;
  Value sequence, head, turn, part, group, ring, first, firstRow;
  Sums columns, queries, numbers; // `numbers`: the queries' features
  Sums begins, ends;              // of the keys that they see; a null begin is 0
  Value tops, totals, partials;
};
} // namespace

// The parts of every query, in order.
static void joinParts(KernelWriter &writer, Location loc, Value resultTensor, const CachedPlan &plan) {
  int64_t width = plan.shape.width, heads = plan.shape.heads;
  SymbolicDim elements = scaled(plan.shape.pairs(), plan.length * width);
  writer.step(loc, plan.temporary + 1, {elements, blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value number = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(number, e.form(elements)), [&] {
      Value query = e.div(number, width), column = e.rem(number, e.index(width));
      auto load = [&](int64_t part, Value offset) {
        Value place = e.mul(e.add(e.mul(query, plan.parts), part), plan.partFloats());
        return e.load(e.at(s.pointers[plan.temporary], e.add(place, offset)));
      };
      Value top = e.number(lowestScore), sum = e.number(0), mixed = e.number(0);
      for (int64_t part = 0; part < plan.parts; ++part) {
        top = arith::MaximumFOp::create(e.b, top, load(part, e.index(0)));
      }
      for (int64_t part = 0; part < plan.parts; ++part) {
        Value shrink = math::ExpOp::create(e.b, e.subf(load(part, e.index(0)), top));
        sum = math::FmaOp::create(e.b, shrink, load(part, e.index(1)), sum);
        mixed = math::FmaOp::create(e.b, shrink, load(part, e.add(column, 2)), mixed);
      }
      Value pair = e.div(query, plan.length), t = e.rem(query, e.index(plan.length));
      Value sequence = e.div(pair, heads), head = e.rem(pair, e.index(heads));
      writeNumber(s, plan, resultTensor, {e.add(e.mul(sequence, plan.length), t), head, column}, sum, mixed, [&] { return top; });
    });
  });
}

static void emitSteps(KernelWriter &writer, Location loc, Value resultTensor, const CachedPlan &plan) {
  Grid grid{plan.shape.pairs(), 1, plan.turns * plan.parts};
  writer.step(loc, plan.temporary + (plan.parts > 1 ? 1 : 0), grid, blockThreads,
              [&](KernelWriter::Step &s) { CachedAttention(s, resultTensor, plan).emit(); });
  if (plan.parts > 1) {
    joinParts(writer, loc, resultTensor, plan);
  }
}

SymbolicDim cuda::cachedAttentionTemporary(kernel::CachedAttentionOp op) { return CachedPlan(op).temporaryFloats(); }

void cuda::emitCachedAttention(KernelWriter &writer, kernel::CachedAttentionOp op) {
  emitSteps(writer, op.getLoc(), op.getResult(), CachedPlan(op));
}

SymbolicDim cuda::rangedStepTemporary(kernel::RangedAttentionOp op) { return CachedPlan(op).temporaryFloats(); }

void cuda::emitRangedStep(KernelWriter &writer, kernel::RangedAttentionOp op) {
  emitSteps(writer, op.getLoc(), op.getResult(), CachedPlan(op));
}

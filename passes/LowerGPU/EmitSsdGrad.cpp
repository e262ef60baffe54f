// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Backward of Mamba-2's recurrence, by the formulas of `kernel.ssd_grad`. Two sweeps leave what chunks begin with; then a block
// has a chunk and some heads of a group, which share the products of c and b.
#include "passes/LowerGPU/SsdBorders.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

static int64_t scratchBytes(const SsdShape &shape) {
  auto bytes = [](int64_t rows, int64_t columns) { return SsdBlock::tileBytes(rows, columns, 4); };
  return std::max({bytes(shape.states, shape.width), bytes(shape.chunk, shape.width), bytes(shape.chunk, shape.states)});
}

static int64_t tileBytesOf(const SsdPlan &plan) {
  const SsdShape &shape = plan.shape;
  auto bytes = [&](int64_t columns) { return SsdBlock::tileBytes(shape.chunk, columns, 4); };
  return 2 * bytes(shape.states) + 2 * bytes(shape.width) + bytes(shape.chunk) + scratchBytes(shape) +
         4 * (9 * shape.chunk + shape.width);
}

namespace {
class SsdGradEmitter {
public:
  SsdGradEmitter(KernelWriter &writer, KernelWriter::Step &s, const SsdPlan &plan, kernel::SsdGradOp op);
  void emit();

private:
  using Sums = TileProduct::Sums;
  struct Grads {
    Sums b, c;
  };
  enum Result { InputGrad, DtGrad, BGrad, CGrad };
  static SsdPlan whole(SsdPlan plan) {
    plan.slice = plan.shape.width;
    return plan;
  }
  Grads emitHead(const Grads &so);
  void pairTerms(ValueRange pairs);
  void fromBorder(Value border) { a.bring({{border, {}, e.f32(), true}, shape.width, e.index(0), e.index(shape.states),
                                           e.index(shape.width), shape.width, {}}, scratch); }
  void addDots(TileProduct &product, ValueRange sums, const SsdBlock::Tile &rows, int64_t columns, Value line);
  void writeInput(ValueRange v);
  void skipSums();
  void stepGrads();
  void writeGroup(ValueRange sums, unsigned result, Value column);
  Memory result(unsigned number) const {
    auto type = cast<RankedTensorType>(op->getResult(number).getType());
    return {a.s.pointers[op->getNumOperands() + number], {}, type.getElementType(), true};
  }
  int64_t pairStride() const { return padded(shape.chunk) + 4; }
  Value pairAt(Value i, Value j) { return e.at(mixing.base, e.add(e.mul(i, pairStride()), j)); }
  static Sums addEach(ValueRange x, ValueRange y, ThreadEmitter &e) {
    return llvm::map_to_vector(llvm::zip(x, y), [&](auto pair) { return e.addf(std::get<0>(pair), std::get<1>(pair)); });
  }

  kernel::SsdGradOp op;
  SsdBlock a;
  ThreadEmitter &e;
  const SsdShape &shape;
  const Memory grad;
  SsdBorders borders;
  const bool single;
  Value unit;
  std::unique_ptr<TileProduct> square, byWidth, byStates;
  SsdBlock::Tile b, c, x, g;
  SsdBlock::Tile mixing;  // a row and a column a position: pairs, then G, then W
  SsdBlock::Tile scratch; // a border, then products
  Value along, across, self, skips; // see pairTerms(); a line of features
  Sums scores;                      // c b^T
};
} // namespace

SsdGradEmitter::SsdGradEmitter(KernelWriter &writer, KernelWriter::Step &s, const SsdPlan &plan, kernel::SsdGradOp op)
    : op(op), a(writer, s, whole(plan), ArrayRef(s.pointers).drop_front(), op->getOperands().drop_front()), e(s.e), shape(a.shape),
      grad{s.pointers[0], {}, cast<RankedTensorType>(op.getGrad().getType()).getElementType(), true},
      borders(e, plan, s.pointers.back()), single(plan.units().single()) {
  square = a.product(shape.chunk, shape.chunk);
  byWidth = a.product(shape.chunk, shape.width);
  byStates = a.product(shape.chunk, shape.states);
  b = a.allocate(shape.chunk, shape.states);
  c = a.allocate(shape.chunk, shape.states);
  x = a.allocate(shape.chunk, shape.width);
  g = a.allocate(shape.chunk, shape.width);
  // Numbers in f32 take these places too.
  mixing = a.allocate(shape.chunk, shape.chunk, SsdBlock::tileBytes(shape.chunk, shape.chunk, 4));
  scratch = a.allocate(shape.states, shape.width, scratchBytes(shape));
  a.allocateSteps();
  along = a.line();
  across = a.line();
  self = a.line();
  skips = e.shared(shape.width * 4);
  a.firstColumn = e.index(0);
}

// What a pair of positions i > j gives to a, `grad[i]·X[j] G[i, j] d[j]`, counts for i in `along` and (without d[j]) for j in
// `across`; a position's pair with itself would count on both sides.
void SsdGradEmitter::pairTerms(ValueRange pairs) {
  square->store(pairs, mixing.base, pairStride());
  e.barrier();
  Value count = e.index(shape.chunk), zero = e.number(0);
  a.sumLines(
      count, count,
      [&](Value i, Value j) { return e.select(e.equal(i, j), zero, e.mulf(e.load(pairAt(i, j)), a.get(a.steps.d, j))); },
      [&](Value i, Value sum) { e.store(sum, e.at(along, i)); });
  a.sumLines(
      count, count, [&](Value j, Value i) { return e.select(e.equal(i, j), zero, e.load(pairAt(i, j))); },
      [&](Value j, Value sum) {
        e.store(sum, e.at(across, j));
        e.store(e.load(pairAt(j, j)), e.at(self, j));
      });
  e.barrier();
}

// line[i] += the product of row i of a tile and the sums' row; all have read the scratch before.
void SsdGradEmitter::addDots(TileProduct &product, ValueRange sums, const SsdBlock::Tile &rows, int64_t columns, Value line) {
  int64_t stride = product.columns + 4;
  product.store(product.map(sums, [&](Value row, Value column, Value sum) { return e.mulf(sum, a.get(rows, row, column)); }),
                scratch.base, stride);
  e.barrier();
  a.sumLines(
      e.index(shape.chunk), e.index(columns),
      [&](Value i, Value j) { return e.load(e.at(scratch.base, e.add(e.mul(i, stride), j))); },
      [&](Value i, Value sum) {
        Value place = e.at(line, i);
        e.store(e.addf(e.load(place), sum), place);
      });
}

void SsdGradEmitter::writeInput(ValueRange v) {
  Memory target = result(InputGrad);
  byWidth->visit(v, [&](Value i, Value column, ArrayRef<Value> neighbours) {
    for (auto [n, sum] : llvm::enumerate(neighbours)) {
      Value p = e.add(column, n), exists = arith::AndIOp::create(e.b, e.less(i, a.count), e.less(p, e.index(shape.width)));
      e.when(exists, [&, sum = sum] {
        Value at = a.place(i, shape.heads * shape.width, e.add(e.mul(a.head, shape.width), p));
        e.storeNumbers(e.fma(a.get(a.steps.d, i), sum, e.mulf(a.skipOf(p), a.get(g, i, p))), target, at);
      });
    }
  });
}

void SsdGradEmitter::skipSums() {
  Value sums = e.at(borders.sums(unit), e.add(e.mul(a.head, shape.width), 2 * shape.heads));
  a.sumLines(
      e.index(shape.width), e.index(shape.chunk), [&](Value p, Value i) { return e.mulf(a.get(g, i, p), a.get(x, i, p)); },
      [&](Value p, Value sum) { e.store(sum, shape.skipPerFeature ? e.at(sums, p) : e.at(skips, p)); });
}

// From the last position to the first: a, the gradient of the step, and what a_log, dt_bias and skip have of it.
void SsdGradEmitter::stepGrads() {
  e.when(a.inFirstWarp(), [&] {
    Value rate = e.mulf(a.rate(), e.number(M_LN2)), dot = single ? e.number(0) : borders.dot(unit, a.head);
    a.scan(
        /*forward=*/false, [&](Value i) { return e.subf(a.get(along, i), e.mulf(a.get(a.steps.d, i), a.get(across, i))); },
        [&](Value i, Value sum) {
          Value slope, d = a.get(a.steps.d, i), own = e.addf(a.get(across, i), a.get(self, i));
          Value step = softplus(e, a.get(a.steps.raw, i), &slope);
          sum = e.addf(dot, sum);
          Value raw = e.mulf(e.fma(rate, sum, own), shape.limits.inside(e, step, slope)), exists = e.less(i, a.count);
          e.when(exists, [&] { e.storeNumbers(raw, result(DtGrad), a.place(i, shape.heads, a.head)); });
          e.store(e.mulf(rate, e.mulf(d, sum)), e.at(along, i));
          e.store(e.select(exists, raw, e.number(0)), e.at(across, i));
        });
  });
  e.barrier();
  Value sums = borders.sums(unit);
  a.sumLines(
      e.index(2), e.index(shape.chunk), [&](Value n, Value i) { return e.select(e.equal(n, e.index(0)), a.get(along, i), a.get(across, i)); },
      [&](Value n, Value sum) { e.store(sum, e.at(sums, e.add(e.mul(n, shape.heads), a.head))); });
  if (!shape.skipPerFeature) {
    a.sumLines(
        e.index(1), e.index(shape.width), [&](Value, Value p) { return e.load(e.at(skips, p)); },
        [&](Value, Value sum) { e.store(sum, e.at(sums, e.add(a.head, 2 * shape.heads))); });
  }
}

SsdGradEmitter::Grads SsdGradEmitter::emitHead(const Grads &so) {
  Grads next = so;
  int64_t chunk = shape.chunk;
  a.bring(a.rowsOf(SsdBlock::Input), x);
  a.bring(a.featuresOf(grad), g);
  a.bringSteps();
  auto products = square->multiply(square->zeros(), g.byRows(), x.byRows(), x.columns), decays = a.decays(*square);
  Sums mixed, pairs;
  for (auto [score, product, decay] : llvm::zip(scores, products, decays)) {
    mixed.push_back(e.mulf(score, decay));
    pairs.push_back(e.mulf(mixed.back(), product));
    product = e.mulf(product, decay);
  }
  Sums weights = square->map(products, [&](Value, Value j, Value sum) { return e.mulf(sum, a.get(a.steps.d, j)); });
  pairTerms(pairs);
  a.put(*square, mixed, mixing);
  // V = exp(s[last] - s) (b L) + G^T grad; b's gradient: exp(s[last] - s) d (X L^T) + W^T c
  Sums v = byWidth->zeros();
  if (!single) {
    fromBorder(borders.grad(unit, a.head));
    e.barrier();
    v = a.scaleRows(*byWidth, byWidth->multiply(v, b.byRows(), scratch.byColumns(), b.columns), a.steps.out);
    Sums own = byStates->multiply(byStates->zeros(), x.byRows(), scratch.byRows(), x.columns);
    next.b = addEach(next.b, a.scaleRows(*byStates, own, a.steps.update), e);
    e.barrier();
    addDots(*byWidth, v, x, shape.width, across);
  } else {
    e.barrier();
  }
  writeInput(byWidth->multiply(v, mixing.byColumns(), g.byColumns(), chunk));
  skipSums();
  e.barrier();
  a.put(*square, weights, mixing);
  // c's: exp(s) (grad S^T) + W b
  if (!single) {
    fromBorder(borders.state(unit, a.head));
    e.barrier();
    Sums own = byStates->multiply(byStates->zeros(), g.byRows(), scratch.byRows(), g.columns);
    own = a.scaleRows(*byStates, own, a.steps.in);
    next.c = addEach(next.c, own, e);
    e.barrier();
    addDots(*byStates, own, c, shape.states, along);
  }
  e.barrier();
  next.c = byStates->multiply(next.c, mixing.byRows(), b.byColumns(), chunk);
  next.b = byStates->multiply(next.b, mixing.byColumns(), c.byColumns(), chunk);
  stepGrads();
  e.barrier();
  return next;
}

void SsdGradEmitter::writeGroup(ValueRange sums, unsigned number, Value column) {
  Memory target = result(number);
  int64_t columns = shape.groups * shape.parts() * shape.states;
  byStates->visit(sums, [&](Value i, Value first, ArrayRef<Value> neighbours) {
    for (auto [next, sum] : llvm::enumerate(neighbours)) {
      Value n = e.add(first, next), exists = arith::AndIOp::create(e.b, e.less(i, a.count), e.less(n, e.index(shape.states)));
      e.when(exists, [&, sum = sum] { e.storeNumbers(sum, target, a.place(i, columns, e.add(column, n))); });
    }
  });
}

void SsdGradEmitter::emit() {
  int64_t parts = shape.groups * shape.parts(), perItem = shape.headsPerItem();
  unit = e.div(e.blockX, parts);
  Value within = e.rem(e.blockX, e.index(parts)), group = e.div(within, shape.parts()), chunks = a.plan.units().perSequence(e);
  Value before = e.mul(e.rem(within, e.index(shape.parts())), perItem), firstHead = e.add(e.mul(group, shape.headsPerGroup()), before);
  Value heads = e.min(e.index(perItem), e.sub(e.index(shape.headsPerGroup()), before));
  e.when(e.less(unit, a.plan.units().count(e)), [&] {
    a.sequence = e.div(unit, chunks);
    a.setChunk(e.rem(unit, chunks));
    a.head = firstHead;
    a.bring(a.rowsOf(SsdBlock::B), b);
    a.bring(a.rowsOf(SsdBlock::C), c);
    e.barrier();
    scores = square->multiply(square->zeros(), c.byRows(), b.byRows(), b.columns);
    Sums init = byStates->zeros();
    size_t each = init.size();
    llvm::append_range(init, byStates->zeros());
    auto sums = e.loop(e.index(0), heads, 1, init, [&](Value n, ValueRange so) {
      e.keepRolled();
      a.head = e.add(firstHead, n);
      Grads next = emitHead({Sums(so.take_front(each)), Sums(so.drop_front(each))});
      llvm::append_range(next.b, next.c);
      return next.b;
    });
    Value column = e.mul(within, shape.states);
    writeGroup(ArrayRef(sums).take_front(each), BGrad, column);
    writeGroup(ArrayRef(sums).drop_front(each), CGrad, column);
  });
}

// The parameters' sums of a sequence: those of its chunks, in order.
static void addChunks(KernelWriter &writer, kernel::SsdGradOp op, const SsdPlan &plan, unsigned tensors) {
  int64_t heads = plan.shape.heads, columns = SsdBorders::sumFloats(plan.shape);
  SymbolicDim numbers = *plan.shape.space.getSequences().times(SymbolicDim::constant(columns));
  writer.step(op.getLoc(), tensors, {numbers, blockThreads}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    SsdBorders borders(e, plan, s.pointers.back());
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread), chunks = plan.units().perSequence(e);
    e.when(e.less(i, e.form(numbers)), [&] {
      Value k = e.div(i, columns), column = e.rem(i, e.index(columns));
      Value sum = e.loop(e.index(0), chunks, 1, e.number(0), [&](Value n, ValueRange so) {
        return SmallVector<Value>{e.addf(so[0], e.load(e.at(borders.sums(e.add(e.mul(k, chunks), n)), column)))};
      })[0];
      int64_t from = 0;
      for (unsigned number : {4, 5, 6}) { // a_log_sums, dt_bias_sums, skip_sums
        Memory target = memoryOf(s.pointers[op->getNumOperands() + number], op->getResult(number));
        int64_t width = number == 6 ? columns - 2 * heads : heads;
        Value own = e.sub(column, e.index(from)), inside = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, own, e.index(width));
        e.when(inside, [&] { e.storeNumbers(sum, target, e.add(e.mul(k, width), own)); });
        from += width;
      }
    });
  });
}

SymbolicDim cuda::ssdGradTemporary(kernel::SsdGradOp op) { return SsdBorders::floats(ssdPlan(op, tileBytesOf)); }

void cuda::emitSsdGrad(KernelWriter &writer, kernel::SsdGradOp op) {
  SsdPlan plan = ssdPlan(op, tileBytesOf);
  unsigned tensors = op->getNumOperands() + op->getNumResults() + 1;
  if (!plan.units().single()) {
    emitSsdBorders(writer, op, plan, tensors);
  }
  Grid grid = plan.units().grid(plan.shape.groups * plan.shape.parts());
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) { SsdGradEmitter(writer, s, plan, op).emit(); });
  addChunks(writer, op, plan, tensors);
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/SsdEmitter.h"
#include "passes/LowerCPU/Lanes.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

SsdEmitter::SsdEmitter(KernelWriter &writer, KernelWriter::Step &step, const SsdShape &shape, ValueRange operands)
    : writer(writer), s(step), e(step.e), shape(shape), input(operands[0]), dt(operands[1]), b(operands[2]),
      c(operands[3]), bias(operands[4]), aLog(operands[5]), skip(operands[6]) {}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

void SsdEmitter::forItems(const std::function<void(const Item &)> &body) {
  int64_t parts = shape.parts(), perGroup = shape.headsPerGroup(), perItem = shape.headsPerItem();
  e.loop(s.begin, s.end, 1, [&](Value item) {
    Value sequence = e.div(item, shape.groups * parts), inSequence = e.rem(item, e.index(shape.groups * parts));
    Value group = e.div(inSequence, parts), part = e.rem(inSequence, e.index(parts)), before = e.mul(part, perItem);
    Value heads = e.min(e.index(perItem), e.sub(e.index(perGroup), before));
    body({sequence, group, part, e.add(e.mul(group, perGroup), before), heads});
  });
}

SsdEmitter::Chunk SsdEmitter::chunkAt(Value sequence, Value number) {
  Value first = e.mul(number, shape.chunk);
  return {sequence, first, e.min(e.index(shape.chunk), e.sub(positions(), first))};
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value SsdEmitter::rowOf(unsigned number, Value base, Value sequence, Value t, Value column) {
  Value row = e.add(e.mul(sequence, positions()), t);
  return e.at(base, e.add(e.mul(row, shape.strides[number]), e.add(column, shape.offsets[number])));
}

void SsdEmitter::copyRows(const Chunk &chunk, Value base, int64_t stride, Value column, int64_t columns, Value target,
                          int64_t targetStride) {
  Value source = e.at(base, e.add(e.mul(e.add(e.mul(chunk.sequence, positions()), chunk.first), stride), column));
  e.loop(chunk.count, [&](Value i) {
    Value from = e.at(source, e.mul(i, stride)), to = e.at(target, e.mul(i, targetStride));
    e.columns(columns, [&](Value at, Value mask) { e.store(e.loadVector(e.at(from, at)), e.at(to, at), mask); });
  });
  e.loop(chunk.count, e.index(shape.chunk), 1, [&](Value i) {
    Value to = e.at(target, e.mul(i, targetStride));
    e.columns(columns, [&](Value at, Value mask) { e.store(e.splat(0.0), e.at(to, at), mask); });
  });
}

void SsdEmitter::copyInput(const Chunk &chunk, Value head, Value target) {
  Value column = e.add(e.mul(head, shape.width), shape.offsets[0]);
  copyRows(chunk, input, shape.strides[0], column, shape.width, target, wide(shape.width));
}

void SsdEmitter::copyGroup(const Chunk &chunk, unsigned number, Value group, Value target) {
  Value column = e.add(e.mul(group, shape.states), shape.offsets[number]);
  copyRows(chunk, number == 2 ? b : c, shape.strides[number], column, shape.states, target, wide(shape.states));
}

void SsdEmitter::scaleRows(Value from, Value to, int64_t stride, int64_t columns, Value factors) {
  e.loop(e.index(shape.chunk), [&](Value i) {
    Value factor = e.splat(e.load(e.at(factors, i))), row = e.mul(i, stride);
    e.loop(e.index(0), e.index(columns), lanes(), [&](Value column) {
      Value at = e.add(row, column);
      e.store(e.mulf(e.loadVector(e.at(from, at)), factor), e.at(to, at));
    });
  });
}

void SsdEmitter::scaleAll(Value from, Value to, int64_t floats, Value factor) {
  Value wideFactor = e.splat(factor);
  e.loop(e.index(0), e.index(floats), lanes(),
         [&](Value at) { e.store(e.mulf(e.loadVector(e.at(from, at)), wideFactor), e.at(to, at)); });
}

void SsdEmitter::transposeRows(Value rows, int64_t stride, int64_t count, int64_t columns, Value target,
                               int64_t targetStride) {
  e.loop(e.index(0), e.index(count), lanes(), [&](Value first) {
    e.loop(e.index(0), e.index(columns), lanes(), [&](Value column) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < lanes(); ++i) {
        square.push_back(e.loadVector(e.at(rows, e.add(e.mul(e.add(first, i), stride), column))));
      }
      transpose(e, square);
      for (int64_t i = 0; i < lanes(); ++i) {
        e.store(square[i], e.at(target, e.add(e.mul(e.add(column, i), targetStride), first)));
      }
    });
  });
}

Value SsdEmitter::dotInto(Value sum, Value x, Value y, int64_t columns) {
  int64_t full = columns / lanes() * lanes();
  auto next = [&](Value at, Value so) { return e.fma(e.loadVector(e.at(x, at)), e.loadVector(e.at(y, at)), so); };
  sum = e.loop(e.index(0), e.index(full), lanes(), sum, [&](Value at, ValueRange so) {
    return SmallVector<Value>{next(at, so[0])};
  })[0];
  return columns > full ? e.select(e.mask(e.index(columns - full)), next(e.index(full), sum), sum) : sum;
}

Value SsdEmitter::skipAt(Value head, Value column) {
  if (shape.skipPerFeature) {
    return e.loadVector(e.at(skip, e.add(e.mul(head, shape.width), column)));
  }
  return e.splat(e.load(e.at(skip, head)));
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

SsdEmitter::Steps SsdEmitter::allocateSteps() {
  auto line = [&] { return s.allocate(wide(shape.chunk)); };
  Value raw = line(), d = line(), sums = line(), in = line(), out = line(), update = line(), factors = line();
  return {raw, d, sums, in, out, update, factors};
}

Value SsdEmitter::decayRate(Value head) { return e.subf(e.number(0), e.exp1(e.load(e.at(aLog, head)))); }

// Without an overflow on either side.
Value SsdEmitter::softplus(Value x) {
  Value zero = e.splat(0.0), size = math::AbsFOp::create(e.b, x);
  Value rest = math::Log1pOp::create(e.b, e.exp(e.subf(zero, size)));
  return e.addf(arith::MaximumFOp::create(e.b, x, zero), rest);
}

void SsdEmitter::computeSteps(const Chunk &chunk, Value head, const Steps &steps) {
  Value shift = e.load(e.at(bias, head)), rate = decayRate(head), last = e.sub(chunk.count, e.index(1));
  int64_t rounded = kernel::ceilDiv(shape.chunk, lanes()) * lanes();
  e.loop(e.index(rounded), [&](Value i) {
    Value t = e.add(chunk.first, e.min(i, last));
    e.store(e.addf(e.load(rowOf(1, dt, chunk.sequence, t, head)), shift), e.at(steps.raw, i));
  });
  forVectors([&](Value at) {
    Value d = softplus(e.loadVector(e.at(steps.raw, at)));
    d = shape.limits.clamp(e, d);
    e.store(e.select(e.mask(e.sub(chunk.count, at)), d, e.splat(0.0)), e.at(steps.d, at));
  });
  e.loop(e.index(0), e.index(rounded), 1, e.number(0), [&](Value i, ValueRange so) {
    Value sum = e.addf(so[0], e.mulf(e.load(e.at(steps.d, i)), rate));
    e.store(sum, e.at(steps.sums, i));
    return SmallVector<Value>{sum};
  });
  Value end = e.splat(e.load(e.at(steps.sums, e.index(rounded - 1))));
  forVectors([&](Value at) {
    Value sums = e.loadVector(e.at(steps.sums, at)), out = e.exp(e.subf(end, sums));
    e.store(e.exp(sums), e.at(steps.in, at));
    e.store(out, e.at(steps.out, at));
    e.store(e.mulf(e.loadVector(e.at(steps.d, at)), out), e.at(steps.update, at));
  });
}

// Beside the diagonal the exponential splits at the last position of the column's vector into two that are not positive
// either: one exponential a row and one a column instead of one a pair.
void SsdEmitter::forDecays(const Steps &steps, const std::function<void(Value, Value, Value)> &body) {
  Value end = e.index(shape.chunk);
  forVectors([&](Value j) {
    Value columns = e.loadVector(e.at(steps.sums, j)), next = e.add(j, lanes());
    e.loop(j, e.min(next, end), 1, [&](Value i) {
      Value difference = e.subf(e.splat(e.load(e.at(steps.sums, i))), columns);
      Value decay = e.exp(arith::MinimumFOp::create(e.b, difference, e.splat(0.0)));
      body(i, j, e.select(e.mask(e.add(e.sub(i, j), 1)), decay, e.splat(0.0)));
    });
    Value border = e.splat(e.load(e.at(steps.sums, e.add(j, lanes() - 1))));
    Value right = e.exp(e.subf(border, columns));
    e.loop(next, end, lanes(), [&](Value i) {
      e.store(e.exp(e.subf(e.loadVector(e.at(steps.sums, i)), border)), e.at(steps.factors, i));
    });
    e.loop(next, end, 1, [&](Value i) {
      body(i, j, e.mulf(e.splat(e.load(e.at(steps.factors, i))), right));
    });
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

BlockProduct SsdEmitter::blockProduct(Matrix x, bool transposed, Matrix y, Matrix z, int64_t columns) {
  BlockProduct product;
  product.a = x.pointer;
  product.lda = e.index(x.stride);
  product.columnMajor = transposed;
  product.b = y.pointer;
  product.ldb = e.index(y.stride);
  product.panelStride = e.index(kernel::panelWidth);
  product.columns = e.index(columns);
  product.c = z.pointer;
  product.ldc = e.index(z.stride);
  return product;
}

void SsdEmitter::multiply(Matrix x, bool transposed, Matrix y, Matrix z, int64_t rows, int64_t depth, int64_t columns,
                          bool accumulate) {
  BlockProduct product = blockProduct(x, transposed, y, z, columns);
  product.rows = e.index(rows);
  product.depth = e.index(depth);
  product.accumulate = flag(accumulate);
  writer.product(e, product);
}

void SsdEmitter::multiplyLower(Value x, bool transposed, Matrix y, Matrix z, int64_t columns) {
  int64_t tile = e.machine.tileRows, stride = chunkStride();
  e.loop(e.index(0), e.index(shape.chunk), tile, [&](Value i) {
    Matrix rows{e.at(x, e.mul(i, transposed ? stride + 1 : stride)), stride};
    Matrix right = transposed ? Matrix{e.at(y.pointer, e.mul(i, y.stride)), y.stride} : y;
    BlockProduct product = blockProduct(rows, transposed, right, {e.at(z.pointer, e.mul(i, z.stride)), z.stride}, columns);
    product.rows = e.index(tile);
    product.depth = transposed ? e.sub(e.index(shape.chunk), i) : e.add(i, tile);
    product.accumulate = flag(true);
    writer.product(e, product);
  });
}

void SsdEmitter::multiplyToLower(Matrix x, Value y, Value z, int64_t depth) {
  int64_t tile = e.machine.tileRows, columns = e.machine.tileColumns(), stride = chunkStride();
  for (int64_t column = 0; column < shape.chunk; column += columns) {
    int64_t row = column / tile * tile;
    Matrix rows{e.at(x.pointer, e.index(row * x.stride)), x.stride};
    Matrix target{e.at(z, e.index(row * stride + column)), stride};
    multiply(rows, false, {e.at(y, e.index(column)), stride}, target, shape.chunk - row, depth, columns, false);
  }
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/ScanTile.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

constexpr int64_t mostLength = 8;

// Many chunks for long sequences, as few as need be for short ones, whose number keeps the device busy. Tiles with more than a
// quarter of positions that are not there are no gain.
ScanSchedule::ScanSchedule(const ScanShape &shape, int64_t mostChannels, int64_t mostChunks, int64_t mostThreads)
    : length(mostLength), chunks(mostChunks), single(false) {
  SymbolicDim positions = shape.space.getPositions();
  if (positions.isConstant()) {
    int64_t count = positions.one;
    length = std::min<int64_t>(llvm::PowerOf2Ceil(count), mostLength);
    auto padded = [&] { return ceilDiv(count, length * chunks) * length * chunks; };
    while (chunks > 1 && padded() * 4 > count * 5) {
      chunks /= 2;
    }
    single = count <= length * chunks;
  }
  int64_t useful = std::min<int64_t>(llvm::PowerOf2Ceil(mostChannels), mostThreads / chunks);
  lines = std::max(useful, warpSize / chunks);
}

ScanTile::ScanTile(KernelWriter::Step &step, const ScanShape &shape, const ScanSchedule &schedule, Operation *op, unsigned first,
                   ArrayRef<int64_t> at)
    : s(step), e(step.e), shape(shape), schedule(schedule), line(e.div(e.thread, schedule.chunks)),
      chunk(e.rem(e.thread, e.index(schedule.chunks))), positions(e.form(shape.space.getPositions())),
      aLog(s.pointers[first + 4]), skipPointer(s.pointers[first + 5]) {
  for (auto [number, offset] : llvm::enumerate(at)) {
    unsigned operand = first + (number == Gate ? 6 : number);
    auto type = cast<RankedTensorType>(op->getOperand(operand).getType());
    sources[number] = {s.pointers[operand], {}, type.getElementType(), true};
    strides[number] = type.getShape().back();
    offsets[number] = offset;
  }
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

Value ScanTile::decay(Value channel, Value state) {
  Value rate = e.load(e.at(aLog, e.add(e.mul(channel, shape.states), state)));
  return e.mulf(math::ExpOp::create(e.b, rate), e.number(-M_LOG2E));
}

void ScanTile::bringDecays(Value target, Value state, int64_t count) {
  Value lastChannel = e.index(shape.channels - 1), lastState = e.index(shape.states - 1);
  e.share(count * schedule.lines, [&](Value i) {
    Value n = e.min(e.add(state, e.div(i, schedule.lines)), lastState);
    Value channel = e.min(e.add(firstChannel, e.rem(i, e.index(schedule.lines))), lastChannel);
    e.store(decay(channel, n), e.at(target, i));
  });
}

ScanTile::Values ScanTile::load(Value tile, Value row) {
  int64_t lanes = std::min<int64_t>(schedule.length, 4);
  WithLanes guard(e, lanes);
  Memory memory{tile, {}, e.f32(), true};
  Value place = e.add(e.mul(row, schedule.stride()), e.mul(chunk, schedule.length));
  Values values;
  for (int64_t n = 0; n < schedule.length; n += lanes) {
    Value vector = e.loadNumbers(memory, e.add(place, n), /*wide=*/true);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      values.push_back(e.extract(vector, lane));
    }
  }
  return values;
}

void ScanTile::store(ArrayRef<Value> values, Value tile, Value row) {
  int64_t lanes = std::min<int64_t>(values.size(), 4);
  WithLanes guard(e, lanes);
  Memory memory{tile, {}, e.f32(), true};
  Value place = e.add(e.mul(row, schedule.stride()), e.mul(chunk, schedule.length));
  for (int64_t n = 0; n < static_cast<int64_t>(values.size()); n += lanes) {
    Value vector = vector::FromElementsOp::create(e.b, e.vec(), values.slice(n, lanes));
    e.storeNumbers(vector, memory, e.add(place, n));
  }
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void ScanTile::forElements(const Element &body) {
  Value column = e.rem(e.thread, e.index(schedule.lines)), row = e.div(e.thread, schedule.lines);
  Value channel = e.add(firstChannel, column), channelExists = e.less(channel, endChannel);
  channel = e.select(channelExists, channel, firstChannel);
  // Some at a time are asked for together. As a loop, so that no addresses stay in registers from one use of the tile to the next.
  int64_t together = std::min<int64_t>(schedule.length, 4);
  e.loop(e.index(0), e.index(schedule.length), together, [&](Value first) {
    e.keepRolled();
    for (int64_t n = 0; n < together; ++n) {
      Value r = e.add(row, e.mul(e.add(first, n), schedule.chunks)), t = e.add(from, r), exists = e.less(t, positions);
      body(e.select(exists, t, from), channel, arith::AndIOp::create(e.b, exists, channelExists),
           e.add(e.mul(column, schedule.stride()), r));
    }
  });
}

Value ScanTile::rowOffset(int64_t width, Value t, Value column) {
  return e.add(e.mul(e.add(e.mul(sequence, positions), t), width), column);
}

Value ScanTile::number(Source source, Value t, Value column) {
  return e.loadNumbers(sources[source], rowOffset(strides[source], t, e.add(column, offsets[source])), /*wide=*/false);
}

void ScanTile::bringInput(Value input, Value delta) {
  forElements([&](Value t, Value channel, Value exists, Value place) {
    Value x = number(Input, t, channel), d = softplus(e, number(Delta, t, channel));
    e.store(e.select(exists, x, e.number(0)), e.at(input, place));
    e.store(e.select(exists, d, e.number(0)), e.at(delta, place));
  });
}

void ScanTile::bringGradient(const Memory &grad, Value target) {
  forElements([&](Value t, Value channel, Value exists, Value place) {
    Value g = e.loadNumbers(grad, rowOffset(shape.channels, t, channel), /*wide=*/false);
    if (shape.gated) {
      Value z = number(Gate, t, channel);
      g = e.mulf(g, e.mulf(z, sigmoid(e, z)));
    }
    e.store(e.select(exists, g, e.number(0)), e.at(target, place));
  });
}

void ScanTile::bringStates(Value b, Value c, Value state, int64_t count) {
  Value last = e.sub(positions, e.index(1)), lastState = e.index(shape.states - 1);
  e.share(e.index(count * schedule.positions()), [&](Value i) {
    Value n = e.rem(i, e.index(count)), r = e.div(i, count), t = e.min(e.add(from, r), last);
    Value column = e.min(e.add(state, n), lastState), place = e.add(e.mul(n, schedule.stride()), r);
    e.store(number(B, t, column), e.at(b, place));
    e.store(number(C, t, column), e.at(c, place));
  });
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

ScanTile::Affine ScanTile::chunkOf(ArrayRef<Value> powers, ArrayRef<Value> terms) {
  Affine all{powers[0], terms[0]};
  for (size_t n = 1; n < powers.size(); ++n) {
    all = {e.mulf(all.factor, powers[n]), e.fma(powers[n], all.term, terms[n])};
  }
  return all;
}

ScanTile::Affine ScanTile::chunkBackOf(ArrayRef<Value> powers, ArrayRef<Value> grads) {
  Affine all{powers[0], e.mulf(powers.back(), grads.back())};
  for (size_t n = 1; n < powers.size(); ++n) {
    size_t back = powers.size() - 1 - n;
    all = {e.mulf(all.factor, powers[n]), e.mulf(powers[back], e.addf(grads[back], all.term))};
  }
  return all;
}

ScanTile::Affine ScanTile::behind(Affine own, Direction direction) {
  for (int64_t distance = 1; distance < schedule.chunks; distance *= 2) {
    bool forward = direction == Forward;
    auto other = [&](Value value) { return forward ? e.fromEarlier(value, distance) : e.fromLater(value, distance); };
    Value factor = other(own.factor), term = other(own.term);
    Value there = forward ? e.less(e.index(distance - 1), chunk) : e.less(chunk, e.index(schedule.chunks - distance));
    own.term = e.select(there, e.fma(own.factor, term, own.term), own.term);
    own.factor = e.select(there, e.mulf(own.factor, factor), own.factor);
  }
  return own;
}

ScanTile::Affine ScanTile::before(Affine behind, Direction direction) {
  bool forward = direction == Forward;
  auto other = [&](Value value) { return forward ? e.fromEarlier(value, 1) : e.fromLater(value, 1); };
  Value first = e.equal(chunk, e.index(forward ? 0 : schedule.chunks - 1));
  return {e.select(first, e.number(1), other(behind.factor)), e.select(first, e.number(0), other(behind.term))};
}

Value ScanTile::sumOfChunks(Value value) {
  for (int64_t distance = schedule.chunks / 2; distance > 0; distance /= 2) { // by whole warps, which stay together
    value = e.addf(value, e.exchange(value, distance));
  }
  return value;
}

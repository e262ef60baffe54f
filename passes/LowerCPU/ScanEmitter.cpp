// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/ScanEmitter.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

ScanEmitter::ScanEmitter(KernelWriter::Step &step, const ScanShape &shape, ValueRange operands, ArrayRef<int64_t> at,
                         ArrayRef<Value> pointers)
    : s(step), e(step.e), shape(shape), aLog(pointers[4]), skipPointer(pointers[5]) {
  for (auto [number, offset] : llvm::enumerate(at)) {
    unsigned operand = number == Gate ? 6 : number;
    sources[number] = pointers[operand];
    strides[number] = cast<RankedTensorType>(operands[operand].getType()).getShape().back();
    offsets[number] = offset;
  }
  decay = s.allocate(stateFloats());
}

//===----------------------------------------------------------------------===//
// Items, groups, addresses
//===----------------------------------------------------------------------===//

void ScanEmitter::setItem(Value channelGroup) {
  firstChannel = e.mul(channelGroup, shape.itemChannels());
  count = e.min(e.index(shape.itemChannels()), e.sub(e.index(shape.channels), firstChannel));
}

void ScanEmitter::prepareDecays() {
  e.zero(decay, e.index(stateFloats())); // lanes without a channel
  e.loop(count, [&](Value c) {
    Value row = e.at(aLog, e.mul(e.add(firstChannel, c), shape.states));
    Value column = e.add(e.mul(e.div(c, lanes()), shape.states * lanes()), e.rem(c, e.index(lanes())));
    e.loop(e.index(shape.states),
           [&](Value n) { e.store(e.load(e.at(row, n)), e.at(decay, e.add(column, e.mul(n, lanes())))); });
  });
  e.loop(e.index(0), e.index(stateFloats()), lanes(),
         [&](Value i) { e.store(e.mulf(e.exp(e.loadVector(e.at(decay, i))), e.splat(-M_LOG2E)), e.at(decay, i)); });
}

void ScanEmitter::forGroups(const std::function<void(Value)> &body) {
  e.loop(e.ceilDiv(count, lanes()), [&](Value group) {
    Value first = e.mul(group, lanes());
    channel = e.add(firstChannel, first);
    mask = shape.channels % lanes() ? e.mask(e.min(e.index(lanes()), e.sub(count, first))) : Value();
    body(group);
  });
}

void ScanEmitter::forStates(int64_t block, const std::function<void(Value, int64_t)> &body) {
  int64_t whole = shape.states / block * block;
  if (whole == block) {
    body(e.index(0), block);
  } else if (whole) {
    e.loop(e.index(0), e.index(whole), block, [&](Value n) { body(n, block); });
  }
  if (shape.states > whole) {
    body(e.index(whole), shape.states - whole);
  }
}

Value ScanEmitter::stateOffset(Value group, Value state) {
  return e.mul(e.add(e.mul(group, shape.states), state), lanes());
}

Value ScanEmitter::at(Value base, int64_t width, Value k, Value t, Value column) {
  Value row = e.add(e.mul(k, positions()), t);
  return e.at(base, e.add(e.mul(row, width), column));
}

Value ScanEmitter::at(Source source, Value k, Value t, Value column) {
  return at(sources[source], strides[source], k, t, e.add(column, offsets[source]));
}

Value ScanEmitter::loadChannels(Value pointer) {
  Value value = e.loadVector(pointer);
  return mask ? e.select(mask, value, e.splat(0.0)) : value;
}

void ScanEmitter::prefetch(Source source, Value k, Value t) {
  // To be read, into the second cache. Rows outside the tensor do no harm.
  LLVM::Prefetch::create(e.b, at(source, k, t, channel), /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

ScanEmitter::Values ScanEmitter::loadStates(Value pointer, int64_t states) {
  Values values;
  for (int64_t n = 0; n < states; ++n) {
    values.push_back(e.loadVector(e.at(pointer, e.index(n * lanes()))));
  }
  return values;
}

void ScanEmitter::storeStates(ArrayRef<Value> states, Value pointer) {
  for (auto [n, state] : llvm::enumerate(states)) {
    e.store(state, e.at(pointer, e.index(n * lanes())));
  }
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

void ScanEmitter::advance(MutableArrayRef<Value> h, ArrayRef<Value> decays, Value d, Value dx, Value b,
                          SmallVectorImpl<Value> *w) {
  for (auto [n, state] : llvm::enumerate(h)) {
    Value power = powerOfTwo(e, e.mulf(d, decays[n]));
    state = e.fma(power, state, e.mulf(dx, e.splat(e.load(e.at(b, e.index(n))))));
    if (w) {
      w->push_back(power);
    }
  }
}

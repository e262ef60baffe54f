// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where patches begin, and how long they are, as integer code.
#include "passes/ConvertToKernel/IntegerCode.h"
#include "runtime/Tokenizer.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

// Whether an id is a mark or a byte that ends a word: no letter or digit of ASCII and no continuation of a character.
static Value endsWord(IntegerCode &c, Value id) {
  Value inWord;
  for (auto [first, last] : {std::pair<int64_t, int64_t>{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {0x80, 0xBF}}) {
    Value within = c.both(c.less(c.index(rt::byteOffset + first - 1), id), c.less(id, rt::byteOffset + last + 1));
    inWord = inWord ? c.either(inWord, within) : within;
  }
  return c.opposite(inWord);
}

// What entropies say of position t > 0.
static Value beginsByEntropy(IntegerCode &c, PatchStartsOp op, Value t) {
  auto number = [&](const APFloat &n) -> Value { return arith::ConstantOp::create(c.b, c.b.getFloatAttr(c.b.getF32Type(), n)); };
  auto above = [&](Value x, const APFloat &n) -> Value {
    return arith::CmpFOp::create(c.b, arith::CmpFPredicate::OGT, x, number(n));
  };
  APFloat threshold = *op.getThreshold();
  Value here = c.getElement(1, c.sub(t, c.index(1)));
  if (!op.getMonotonic() && !op.getThresholdAdd()) {
    return above(here, threshold);
  }
  Value before = c.getElement(1, c.max(c.sub(t, c.index(2)), c.index(0)));
  Value step = arith::SubFOp::create(c.b, here, before), second = c.equal(t, 2);
  if (op.getMonotonic()) {
    return c.either(second, above(step, threshold));
  }
  Value rises = c.both(above(step, *op.getThresholdAdd()), above(here, threshold));
  return c.either(second, c.both(c.less(c.index(3), t), rises));
}

// What the rule says of position t > 0.
static Value begins(IntegerCode &c, PatchStartsOp op, Value t) {
  Value first = c.equal(t, 1), opens;
  auto idBefore = [&](int64_t n) { return c.get(0, c.max(c.sub(t, c.index(n)), c.index(0))); };
  switch (op.getMode()) {
  case PatchMode::Static: {
    Value rest = arith::RemUIOp::create(c.b, c.add(t, op.getLead()), c.index(op.getSize()));
    opens = c.equal(rest, 0);
    return op.getAlone() ? c.either(first, opens) : opens;
  }
  case PatchMode::Byte:
    return c.always();
  case PatchMode::Space: {
    Value id = idBefore(1);
    opens = c.either(c.less(id, rt::byteOffset), c.both(endsWord(c, id), c.opposite(endsWord(c, idBefore(2)))));
    break;
  }
  case PatchMode::Bpe:
    opens = c.both(c.equal(idBefore(1), rt::delimiterId), c.less(t, c.extent(0)));
    break;
  case PatchMode::Entropy:
    opens = beginsByEntropy(c, op, t);
    break;
  }
  return c.either(first, opens);
}

// Goes along a row with the place where the open patch begins.
void kernel::writePatchStarts(IntegerCode &c, PatchStartsOp op) {
  c.set(c.index(0), c.index(1));
  c.loop(c.index(1), c.extent(c.result()), c.index(0), [&](Value t, ValueRange carried) {
    Value opens = begins(c, op, t);
    if (op.getMaxLength()) {
      opens = c.either(opens, c.equal(c.sub(t, carried[0]), *op.getMaxLength()));
    }
    c.set(t, c.select(opens, c.index(1), c.index(0)));
    return SmallVector<Value>{c.select(opens, t, carried[0])};
  });
}

// Each position makes its patch longer by one; behind the last patch is nothing.
void kernel::writePatchLengths(IntegerCode &c) {
  Value positions = c.extent(0), zero = c.index(0), one = c.index(1);
  Value last = c.loop(zero, positions, {c.index(-1), zero}, [&](Value t, ValueRange carried) {
    Value opens = c.either(c.equal(t, 0), c.opposite(c.equal(c.get(0, t), 0)));
    Value patch = c.add(carried[0], c.select(opens, one, zero)), length = c.select(opens, one, c.add(carried[1], one));
    c.set(patch, length);
    return SmallVector<Value>{patch, length};
  })[0];
  c.loop(c.add(last, one), positions, [&](Value patch) { c.set(patch, zero); });
}

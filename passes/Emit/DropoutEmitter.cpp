// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of Philox 4x32-10 side by side in 64-bit lanes: a round's products of 32-bit words are one instruction each there,
// and what they leave in the upper halves is cut off where it would count.
#include "passes/Emit/DropoutEmitter.h"

#include "runtime/Support/Dropout.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

DropoutEmitter::DropoutEmitter(Emitter &e, Value key) : e(e) {
  Type i32 = e.b.getI32Type();
  auto word = [&](int64_t n, Type type) { return e.load(e.at(key, e.index(n), i32), type); };
  auto wide = [&](int64_t n) { return arith::ExtUIOp::create(e.b, e.b.getI64Type(), word(n, i32)).getResult(); };
  seed[0] = wide(0);
  seed[1] = wide(1);
  draw = wide(2);
  site = wide(3);
  threshold = word(4, i32);
  factor = word(5, e.f32());
}

Value DropoutEmitter::rowBlock(Value row, Value columns) const { return e.mul(row, e.ceilDiv(columns, perBlock)); }

// Four vectors of words, one lane a block, with anything in the upper halves.
DropoutEmitter::Words DropoutEmitter::philox(Value block) const {
  auto type = cast<VectorType>(block.getType());
  auto splat = [&](Value x) { return vector::BroadcastOp::create(e.b, type, x).getResult(); };
  auto number = [&](uint64_t n) {
    return arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, APInt(64, n))).getResult();
  };
  auto exclusive = [&](Value x, Value y) { return arith::XOrIOp::create(e.b, x, y).getResult(); };
  Value low = number(0xFFFFFFFF), half = number(32);
  auto upper = [&](Value x) { return arith::ShRUIOp::create(e.b, x, half).getResult(); };
  auto product = [&](Value x, uint64_t factor) {
    return arith::MulIOp::create(e.b, arith::AndIOp::create(e.b, x, low), number(factor)).getResult();
  };
  Words c{block, upper(block), splat(draw), splat(site)};
  for (uint64_t round = 0; round < 10; ++round) {
    auto roundKey = [&](int n, uint64_t step) {
      Value moved = arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(static_cast<int64_t>(round * step)));
      return splat(arith::AddIOp::create(e.b, seed[n], moved));
    };
    Value p0 = product(c[0], 0xD2511F53), p1 = product(c[2], 0xCD9E8D57);
    c = {exclusive(exclusive(upper(p1), c[1]), roundKey(0, 0x9E3779B9)), p1,
         exclusive(exclusive(upper(p0), c[3]), roundKey(1, 0xBB67AE85)), p0};
  }
  return c;
}

Value DropoutEmitter::factors(Value words) const {
  auto type = cast<VectorType>(words.getType());
  Value limit = vector::BroadcastOp::create(e.b, type, threshold);
  Value kept = arith::CmpIOp::create(e.b, arith::CmpIPredicate::uge, words, limit);
  int64_t lanes = type.getNumElements();
  return e.select(kept, e.splat(factor, lanes), e.splat(e.number(0), lanes));
}

// The numbers from `first` on, as 64-bit lanes.
static Value countedFrom(Emitter &e, Value first, int64_t lanes) {
  auto type = VectorType::get({lanes}, e.b.getI64Type());
  SmallVector<int64_t> steps = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  Value base = vector::BroadcastOp::create(e.b, type, e.i64(first));
  return arith::AddIOp::create(e.b, base, arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, ArrayRef(steps))));
}

Value DropoutEmitter::blocks(Value block, int64_t count) const {
  Words words = philox(countedFrom(e, block, count));
  auto type = cast<VectorType>(words[0].getType());
  auto number = [&](uint64_t n) {
    return arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, APInt(64, n))).getResult();
  };
  // Pairs of words in one lane, then pairs of lanes side by side.
  auto pair = [&](Value x, Value y) {
    Value lower = arith::AndIOp::create(e.b, x, number(0xFFFFFFFF));
    return arith::OrIOp::create(e.b, lower, arith::ShLIOp::create(e.b, y, number(32))).getResult();
  };
  SmallVector<int64_t> zip;
  for (int64_t n = 0; n < count; ++n) {
    zip.append({n, count + n});
  }
  Value inOrder = vector::ShuffleOp::create(e.b, pair(words[0], words[1]), pair(words[2], words[3]), zip);
  return factors(vector::BitCastOp::create(e.b, VectorType::get({count * perBlock}, e.b.getI32Type()), inOrder));
}

Value DropoutEmitter::columns(Value rowBlock, Value column, bool aligned) const {
  int64_t lanes = e.machine.lanes;
  if (aligned) {
    return blocks(e.add(rowBlock, e.div(column, perBlock)), lanes / perBlock);
  }
  // Each lane computes its own block and picks its word.
  Value place = countedFrom(e, column, lanes);
  auto type = cast<VectorType>(place.getType());
  auto number = [&](uint64_t n) {
    return arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, APInt(64, n))).getResult();
  };
  Value first = vector::BroadcastOp::create(e.b, type, e.i64(rowBlock));
  Words words = philox(arith::AddIOp::create(e.b, first, arith::ShRUIOp::create(e.b, place, number(2))));
  Value which = arith::AndIOp::create(e.b, place, number(3)), chosen = words[3];
  for (uint64_t n = 0; n < 3; ++n) {
    chosen = e.select(arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, which, number(n)), words[n], chosen);
  }
  return factors(arith::TruncIOp::create(e.b, VectorType::get({lanes}, e.b.getI32Type()), chosen));
}

void emit::writeDropoutKey(Emitter &e, kernel::DropoutKeyOp op, Value from, Value to) {
  double rate = op.getRate().convertToDouble();
  auto counter = static_cast<int64_t>(op.getSite()) | static_cast<int64_t>(rt::Stream::Dropout) << 24;
  Type i32 = e.b.getI32Type();
  auto word = [&](int64_t n) { return e.load(e.at(from, e.index(n), i32), i32); };
  auto number = [&](int64_t n) { return arith::ConstantOp::create(e.b, e.b.getIntegerAttr(i32, APInt(32, n))).getResult(); };
  Value none = number(0), off = e.equal(word(3), none);
  Value threshold = e.select(off, none, number(rt::dropoutThreshold(rate)));
  Value factor = e.select(off, e.number(1), e.number(1 / (1 - rate)));
  const Value words[] = {word(0), word(1), word(2), number(counter), threshold, factor};
  for (auto [n, value] : llvm::enumerate(words)) {
    e.store(value, e.at(to, e.index(n), i32));
  }
}

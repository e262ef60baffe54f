// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on patches that the data decides: integer code for what stands where, anchors along ranges.
#include "passes/ConvertToKernel/Converter.h"

#include "dialects/MBLM/IR/NgramHash.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

namespace {
// The inside of a `kernel.integers` while it is being written.
class IntegerCode {
public:
  IntegerCode(OpBuilder builder, Location loc, Block &body)
      : b(loc, builder), body(body), k(body.getArgument(body.getNumArguments() - 2)), t(body.getArguments().back()) {}

  ImplicitLocOpBuilder b;
  Block &body;
  Value k, t; // the row

  Value index(int64_t n) { return arith::ConstantIndexOp::create(b, n); }
  Value word(uint64_t n) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(static_cast<int64_t>(n))); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value add(Value x, int64_t n) { return n ? add(x, index(n)) : x; }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value mul(Value x, int64_t n) { return n == 1 ? x : mul(x, index(n)); }
  Value min(Value x, Value y) { return arith::MinSIOp::create(b, x, y); }
  Value max(Value x, Value y) { return arith::MaxSIOp::create(b, x, y); }
  Value less(Value x, Value y) { return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y); }
  Value equal(Value x, int64_t n) { return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, index(n)); }
  Value select(Value condition, Value yes, Value no) { return arith::SelectOp::create(b, condition, yes, no); }
  Value toWord(Value x) { return arith::IndexCastOp::create(b, b.getI64Type(), x); }
  Value toIndex(Value x) { return arith::IndexCastOp::create(b, b.getIndexType(), x); }

  Value get(unsigned input, Value column) { return GetIdOp::create(b, b.getIndexType(), body.getArgument(input), k, column); }
  // 0 where `there` does not hold; `column` may be anything then.
  Value getWhere(Value there, unsigned input, Value column) {
    return select(there, get(input, select(there, column, index(0))), index(0));
  }
  void set(Value column, Value value) { SetIdOp::create(b, value, body.getArgument(body.getNumArguments() - 3), k, column); }
  Value extent(unsigned input) { return ExtentOp::create(b, b.getIndexType(), body.getArgument(input)); }

  // Both numbers of range `n`.
  void setRange(Value n, Value first, Value end) {
    set(mul(n, 2), first);
    set(add(mul(n, 2), 1), end);
  }

  using Values = SmallVector<Value>;
  Values loop(Value from, Value to, ValueRange init, const std::function<Values(Value, ValueRange)> &step) {
    auto loop = scf::ForOp::create(b, from, to, index(1), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values next = step(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!next.empty()) { // else the loop has its end already
      scf::YieldOp::create(b, next);
    }
    return Values(loop.getResults());
  }
  void loop(Value from, Value to, const std::function<void(Value)> &step) {
    loop(from, to, {}, [&](Value i, ValueRange) {
      step(i);
      return Values();
    });
  }
};
} // namespace

using Code = std::function<void(IntegerCode &)>;

// `code` runs for each row of `rows`.
static Value buildIntegers(OpBuilder &builder, Operation *op, SpaceAttr rows, SpaceAttr result, const Code &code) {
  auto integers = IntegersOp::create(builder, op->getLoc(), op->getResult(0).getType(), op->getOperands(), rows, result);
  SmallVector<Type> types(op->getOperandTypes());
  types.push_back(op->getResult(0).getType());
  types.append(2, builder.getIndexType());
  Block *body = builder.createBlock(&integers.getBody(), {}, types, SmallVector<Location>(types.size(), op->getLoc()));
  IntegerCode inside(OpBuilder::atBlockEnd(body), op->getLoc(), *body);
  code(inside);
  builder.setInsertionPoint(op);
  return integers.getResult();
}

//===----------------------------------------------------------------------===//
// N-grams
//===----------------------------------------------------------------------===//

// Number of the row in a table of `rows` rows, for the polynomial of the ids `before[s - 1]` (the oldest) to `before[0]`.
static Value hashRow(IntegerCode &c, ArrayRef<Value> before, int64_t prime, int64_t rows) {
  Value sum = c.word(0);
  uint64_t power = 1;
  for (Value id : llvm::reverse(before)) {
    sum = c.add(sum, c.mul(c.toWord(id), c.word(power)));
    power *= static_cast<uint64_t>(prime);
  }
  Value remainder = arith::RemSIOp::create(c.b, sum, c.word(rows));
  Value positive = c.add(remainder, c.word(rows));
  return c.toIndex(c.select(c.less(remainder, c.word(0)), positive, remainder));
}

static Value listRow(IntegerCode &c, ArrayRef<Value> before, int64_t vocab, DenseI64ArrayAttr keys, DenseI64ArrayAttr places) {
  Value key = c.word(0);
  for (Value id : llvm::reverse(before)) {
    key = c.add(c.mul(key, c.word(vocab)), c.toWord(id));
  }
  return FindOp::create(c.b, c.b.getIndexType(), key, keys, places);
}

static void writeNgramRows(IntegerCode &c, NgramRowsOp op) {
  int64_t vocab = op.getVocab(), rows = op.getRows(), n = op.perPosition(), number = 0, first = vocab;
  SmallVector<Value> before;
  auto upTo = [&](int64_t length) { // ids before the sequence are 0
    while (static_cast<int64_t>(before.size()) < length) {
      Value column = c.sub(c.t, c.index(before.size()));
      before.push_back(c.getWhere(c.less(c.index(-1), column), 0, column));
    }
    return ArrayRef(before).take_front(length);
  };
  auto put = [&](Value row) { c.set(c.add(c.mul(c.t, n), number++), row); };
  put(c.get(0, c.t));
  for (uint64_t function = 0; function < op.getFunctions(); ++function) {
    for (int64_t size : op.getSizes()) {
      put(c.add(hashRow(c, upTo(size), ngramPrimes[function], rows), first));
      first += rows;
    }
  }
  for (auto [length, keys, places] : llvm::zip(op.getListLengths(), op.getListKeys(), op.getListPlaces())) {
    auto list = cast<DenseI64ArrayAttr>(keys);
    put(c.add(listRow(c, upTo(length), vocab, list, cast<DenseI64ArrayAttr>(places)), first));
    first += 4 + list.size();
  }
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

// Where the id at `column` ends a document; null where nothing does.
static Value endsDocument(IntegerCode &c, Value column, std::optional<uint64_t> end) {
  return end ? c.equal(c.get(0, column), *end) : Value();
}

static void writeVisibleBytes(IntegerCode &c, VisibleBytesOp op) {
  int64_t skip = op.getSkip();
  auto behind = [&](Value t, Value begin) { // where the document of position t + 1 begins
    Value ends = endsDocument(c, t, op.getEnd());
    return SmallVector<Value>{ends ? c.select(ends, c.add(t, 1), begin) : begin};
  };
  Value begin = c.index(0);
  if (skip && op.getEnd()) {
    begin = c.loop(c.index(0), c.index(skip), begin, [&](Value t, ValueRange carried) { return behind(t, carried[0]); })[0];
  }
  c.loop(c.index(skip), c.extent(0), begin, [&](Value t, ValueRange carried) {
    Value begin = carried[0], next = c.add(t, 1);
    Value first = op.getWindow() ? c.max(begin, c.sub(next, c.index(*op.getWindow()))) : begin;
    c.setRange(skip ? c.sub(t, c.index(skip)) : t, first, next);
    return behind(t, begin);
  });
}

// How many of the position's bytes may be seen decides.
static void writeHiddenKeys(IntegerCode &c, HiddenKeysOp op) {
  Value first = c.mul(c.t, op.getBytes()), zero = c.index(0), one = c.index(1), bytes = c.index(op.getBytes());
  Value seen = c.loop(zero, bytes, zero, [&](Value j, ValueRange so) {
    return SmallVector<Value>{c.add(so[0], c.select(c.equal(c.get(0, c.add(first, j)), 0), zero, one))};
  })[0];
  Value hidden = op.getAll() ? c.less(seen, bytes) : c.equal(seen, 0);
  c.set(c.t, c.select(hidden, one, zero));
}

// Of patch m, `lead` included; 0 where it is none.
static Value lengthOf(IntegerCode &c, unsigned lengths, Value m, int64_t lead) {
  Value there = arith::CmpIOp::create(c.b, arith::CmpIPredicate::ult, m, c.extent(lengths));
  Value length = c.getWhere(there, lengths, m);
  return lead ? c.add(length, c.select(c.equal(m, 0), c.index(lead), c.index(0))) : length;
}

static void writeVisiblePatches(IntegerCode &c, VisiblePatchesOp op) {
  Value bytes = c.extent(0), zero = c.index(0);
  c.loop(zero, c.extent(1), {zero, zero}, [&](Value m, ValueRange carried) {
    Value sum = carried[0], begin = carried[1], next = c.add(m, 1), end = c.add(sum, lengthOf(c, 1, m, op.getLead()));
    c.setRange(m, begin, next);
    Value behind = begin;
    if (op.getEnd()) {
      behind = c.loop(c.min(sum, bytes), c.min(end, bytes), begin, [&](Value t, ValueRange so) {
        return SmallVector<Value>{c.select(endsDocument(c, t, op.getEnd()), next, so[0])};
      })[0];
    }
    return SmallVector<Value>{end, behind};
  });
}

// With s(m) the sum of the lengths before patch m, bytes begin at s(m), or one before s(m + 1) where they belong to the patch before
// the next byte's.
static void writePatchBytes(IntegerCode &c, PatchBytesOp op) {
  Value bytes = c.extent(1), patches = c.extent(0), zero = c.index(0);
  int64_t rows = op.getRows(), window = op.getWindow(), lead = op.getLead();
  auto length = [&](Value m) { return lengthOf(c, 0, m, lead); };
  auto border = [&](Value sum, Value m) { // of patch m, with s(m)
    Value place = op.getAhead() ? c.sub(c.add(sum, length(m)), c.index(1)) : sum;
    return c.min(bytes, place);
  };
  c.loop(zero, patches, {zero, zero}, [&](Value m, ValueRange carried) {
    Value next = c.add(m, 1), sum = c.add(carried[0], length(m)), oldest = c.sub(next, c.index(window));
    Value first = border(carried[1], c.max(oldest, zero));
    Value last = c.equal(c.sub(patches, next), 0);
    Value end = c.select(last, bytes, border(sum, next));
    for (int64_t r = 0; r < rows; ++r) {
      c.setRange(c.add(c.mul(m, rows), r), first, end);
    }
    Value lagging = c.select(c.less(oldest, zero), carried[1], c.add(carried[1], length(c.max(oldest, zero))));
    return SmallVector<Value>{sum, lagging};
  });
}

static void writeBytePatches(IntegerCode &c, BytePatchesOp op) {
  Value bytes = c.extent(1), zero = c.index(0);
  int64_t rows = op.getRows(), window = op.getWindow(), ahead = op.getAhead();
  auto border = [&](Value sum) { return c.min(bytes, c.max(c.sub(sum, c.index(ahead)), zero)); };
  c.loop(zero, c.extent(0), zero, [&](Value m, ValueRange carried) {
    Value sum = c.add(carried[0], lengthOf(c, 0, m, op.getLead())), patch = c.sub(m, c.index(ahead));
    Value first = c.mul(c.max(c.sub(patch, c.index(window - 1)), zero), rows), end = c.mul(c.add(patch, 1), rows);
    c.loop(border(carried[0]), border(sum), [&](Value t) { c.setRange(t, first, end); });
    return SmallVector<Value>{sum};
  });
}

//===----------------------------------------------------------------------===//
// What goes along ranges
//===----------------------------------------------------------------------===//

// The owner's row, of the positions that have one; divided by the number of its positions where asked for.
void Converter::convertSpread(SpreadOp op) {
  replaceWithRows(op, Columns::plain(widthOf(op.getResult())), op->getOperands(), [&](RowBody &r) {
    auto bound = [&](unsigned ranges, Value n, int64_t which) -> Value {
      return r.load(ranges, {r.at.sequence, r.plus(r.times(n, r.index(2)), which)});
    };
    Value first = bound(1, r.at.position, 0), end = bound(1, r.at.position, 1);
    Value owned = arith::CmpIOp::create(r.b, arith::CmpIPredicate::slt, first, end);
    Value none = arith::ConstantOp::create(r.b, r.b.getI32IntegerAttr(0));
    Value owner = arith::IndexCastOp::create(r.b, r.b.getIndexType(), r.select(owned, first, none));
    Value factor = r.number(1);
    if (op.getMean()) {
      Value count = arith::SubIOp::create(r.b, bound(2, owner, 1), bound(2, owner, 0));
      factor = r.div(factor, arith::SIToFPOp::create(r.b, r.b.getF32Type(), count));
    }
    factor = r.select(owned, factor, r.number(0));
    return SmallVector<Value>{r.mul(r.load(0, {r.at.sequence, owner, r.at.column}), factor)};
  });
}

void Converter::convertEntropy(EntropyOp op) {
  Columns columns = Columns::plain(widthOf(op.getLogits()));
  replaceWithRows(op, columns, op->getOperands(), [&](RowBody &r) {
    Value x = r.here(0), below = r.sub(x, RowMaxOp::create(r.b, r.b.getF32Type(), x));
    Value p = math::ExpOp::create(r.b, below), sum = r.rowSum(p);
    return SmallVector<Value>{r.sub(math::LogOp::create(r.b, sum), r.div(r.rowSum(r.mul(p, below)), sum))};
  });
}

LogicalResult Converter::convertPatches(Operation *op) {
  Location loc = op->getLoc();
  auto integers = [&](SpaceAttr rows, const Code &code) {
    replace(op, buildIntegers(builder, op, rows, spaceOf(resultShape(op)), code));
  };
  SpaceAttr perSequence = spaceOf(shapeOf(op->getOperand(0))[0], SymbolicDim::constant(1));
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](HiddenKeysOp op) { integers(spaceOf(resultShape(op)), [&](IntegerCode &c) { writeHiddenKeys(c, op); }); })
      .Case([&](LeadOp op) {
        integers(spaceOf(resultShape(op)), [&](IntegerCode &c) {
          Value column = c.sub(c.t, c.index(op.getCount()));
          c.set(c.t, c.getWhere(c.less(c.index(-1), column), 0, column));
        });
      })
      .Case([&](NgramRowsOp op) {
        integers(spaceOf(shapeOf(op.getIds())), [&](IntegerCode &c) { writeNgramRows(c, op); });
      })
      .Case([&](VisibleBytesOp op) { integers(perSequence, [&](IntegerCode &c) { writeVisibleBytes(c, op); }); })
      .Case([&](VisiblePatchesOp op) { integers(perSequence, [&](IntegerCode &c) { writeVisiblePatches(c, op); }); })
      .Case([&](PatchBytesOp op) { integers(perSequence, [&](IntegerCode &c) { writePatchBytes(c, op); }); })
      .Case([&](BytePatchesOp op) { integers(perSequence, [&](IntegerCode &c) { writeBytePatches(c, op); }); })
      .Case([&](mblm::PoolOp op) {
        replace(op, kernel::PoolOp::create(builder, loc, op.getType(), op.getInput(), op.getSpans(), spaceOf(resultShape(op)),
                                           spaceOf(shapeOf(op.getInput())), op.getKind())
                        .getResult());
      })
      .Case([&](mblm::PoolGradOp op) {
        replace(op, kernel::PoolGradOp::create(builder, loc, op.getType(), op.getGrad(), op.getInput(), op.getResult(), op.getSpans(),
                                               spaceOf(shapeOf(op.getGrad())), spaceOf(shapeOf(op.getInput())))
                        .getResult());
      })
      .Case([&](SpreadOp op) { convertSpread(op); })
      .Case([&](mblm::RangedAttentionOp op) {
        int64_t heads = op.getHeads(), perRow = op.getPerRow();
        SymbolicShape rows = shapeOf(op.getKey());
        SpaceAttr keySpace = spaceOf(rows[0], rows[1].scaled(perRow));
        auto keys = [&](Value value) -> Value { // those of a row one below the other
          auto type = cast<RankedTensorType>(value.getType());
          auto each = RankedTensorType::get({type.getDimSize(0), ShapedType::kDynamic, type.getDimSize(2) / perRow}, type.getElementType());
          return perRow == 1 ? value : ViewOp::create(builder, loc, each, value, keySpace).getResult();
        };
        auto attention = kernel::RangedAttentionOp::create(builder, loc, op->getResultTypes(), op.getQuery(), keys(op.getKey()),
                                                           keys(op.getValue()), op.getRanges(), spaceOf(resultShape(op)), keySpace,
                                                           heads, op.getKvHeads(), widthOf(op.getQuery()) / heads, op.getScale());
        replace(op, attention.getResults());
      })
      .Case([&](mblm::RangedAttentionGradOp op) {
        int64_t heads = op.getHeads();
        auto grads = kernel::RangedAttentionGradOp::create(
            builder, loc, op->getResultTypes(), op.getGrad(), op.getQuery(), op.getKey(), op.getValue(), op.getResult(), op.getLse(),
            op.getRanges(), spaceOf(shapeOf(op.getQuery())), spaceOf(shapeOf(op.getKey())), heads, op.getKvHeads(),
            widthOf(op.getQuery()) / heads, op.getScale());
        replace(op, grads.getResults());
      })
      .Case([&](EntropyOp op) { convertEntropy(op); });
  return success();
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that mix positions: shifts, rotations, attention.
#include "passes/ConvertToKernel/Converter.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

Value Converter::ropeTable(Location loc, SymbolicDim positions, int64_t width, double base, Pairing pairing,
                           IntegerAttr origin) {
  // One table serves a whole function.
  SpaceAttr space = spaceOf(SymbolicDim::constant(1), positions);
  int64_t columns = pairing == Pairing::HalfSplit ? width : 2 * width;
  for (auto table : function.getOps<RopeTableOp>()) {
    if (table.getSpace() == space && static_cast<int64_t>(table.getWidth()) == width && table.getPairing() == pairing &&
        table.getBase().convertToDouble() == base && table.getOriginAttr() == origin) {
      return table;
    }
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  int64_t rows = positions.isConstant() ? positions.one : ShapedType::kDynamic;
  return RopeTableOp::create(builder, loc, RankedTensorType::get({rows, columns}, builder.getF32Type()), space, width,
                             llvm::APFloat(base), pairing, origin);
}

void Converter::convertRope(RopeOp op) {
  int64_t heads = op.getHeads(), head = widthOf(op.getInput()) / heads, rotated = op.getRotated() ? op.getRotated() : head;
  double base = op.getBase().convertToDouble();
  SymbolicShape shape = resultShape(op);
  Value table = ropeTable(op->getLoc(), shape[1], rotated, base, op.getPairing(), op.getOriginAttr());
  SmallVector<Value> inputs{op.getInput(), table};
  double sign = op.getInverse() ? -1 : 1;
  if (op.getPairing() == Pairing::Interleaved) {
    replaceWithRows(op, {heads * head, heads, head}, inputs, [&](RowBody &r) {
      Value x = r.here(0), y = SwapPairsOp::create(r.b, r.b.getF32Type(), x);
      Value cosine = r.load(1, {r.at.position, r.at.offset});
      Value sine = r.load(1, {r.at.position, r.plus(r.at.offset, head)});
      return SmallVector<Value>{r.add(r.mul(x, cosine), r.mul(r.mul(y, sine), r.number(sign)))};
    });
    return;
  }
  // Segments never straddle the two halves of what is rotated and what is not; a half's partner is the other one.
  int64_t half = rotated / 2, width = std::gcd(half, head);
  replaceWithRows(op, {heads * head, heads * head / width, width}, inputs, [&](RowBody &r) {
    Value inHead = arith::RemUIOp::create(r.b, r.at.segment, r.index(head / width)), second, passes, angle = r.at.offset;
    if (rotated == head) {
      second = r.equal(inHead, 1);
    } else { // by the segment's first feature in its head
      inHead = r.times(inHead, r.index(width));
      auto reaches = [&](int64_t n) { return arith::CmpIOp::create(r.b, arith::CmpIPredicate::sge, inHead, r.index(n)); };
      second = reaches(half);
      passes = reaches(rotated);
      Value inHalf = r.select(second, r.minus(inHead, r.index(half)), inHead);
      angle = r.plus(r.select(passes, r.index(0), inHalf), r.at.offset); // some angle, where none is asked for
    }
    Value partner = r.select(second, r.minus(r.at.column, r.index(half)), r.plus(r.at.column, half));
    Value x = r.here(0), y = r.load(0, {r.at.sequence, r.at.position, partner});
    Value cosine = r.load(1, {r.at.position, angle}), sine = r.load(1, {r.at.position, r.plus(angle, half)});
    Value turned = r.mul(r.mul(y, sine), r.select(second, r.number(sign), r.number(-sign)));
    Value result = r.add(r.mul(x, cosine), turned);
    return SmallVector<Value>{passes ? r.select(passes, x, result) : result};
  });
}

namespace {
// Where attention reads one of its operands: a source tensor, the first feature, and whether it is to be rotated.
struct Read {
  Value source;
  int64_t offset = 0;
  RopeOp rotation;
};
} // namespace

// Looks through a rotation over the same whole heads and through a split. Both are still `mblm` ops when they wait for attention.
static Read readThrough(Value value, int64_t heads, bool mayRotate) {
  Read read{value, 0, {}};
  if (auto rope = value.getDefiningOp<RopeOp>();
      rope && mayRotate && rope.getPairing() == Pairing::HalfSplit && static_cast<int64_t>(rope.getHeads()) == heads &&
      !rope.getInverse() && !rope.getRotated()) {
    read.rotation = rope;
    read.source = rope.getInput();
  }
  if (auto split = read.source.getDefiningOp<SplitOp>()) {
    for (Value part : split.getResults()) {
      if (part == read.source) {
        break;
      }
      read.offset += widthOf(part);
    }
    read.source = split.getInput();
  }
  return read;
}

void Converter::convertAttention(mblm::AttentionOp op) {
  int64_t heads = op.getHeads(), width = widthOf(op.getQuery()) / heads;
  AttentionReads reads = attentionReads(op->getLoc(), op.getQuery(), op.getKey(), op.getValue(), heads);
  auto attention = kernel::AttentionOp::create(
      builder, op->getLoc(), op->getResultTypes(), reads.query, reads.key, reads.value, reads.table, op.getHidden(),
      dropoutKey(op->getLoc(), op.getDropoutKey(), op.getRateAttr(), op.getSiteAttr()), spaceOf(resultShape(op)),
      reads.offsets, heads, width, op.getScale(), op.getMask(), op.getBlockAttr());
  if (Attribute again = op->getAttr("mblm.recompute")) { // joined before the walk, which else sees to it
    attention->setAttr("mblm.recompute", again);
  }
  replace(op, attention.getResults());
}

Converter::AttentionReads Converter::attentionReads(Location loc, Value query, Value key, Value value, int64_t heads) {
  AttentionReads reads{query, key, value, {}, {0, 0, 0}};
  if (!fuse) {
    return reads;
  }
  Read q = readThrough(query, heads, true), k = readThrough(key, heads, true), v = readThrough(value, heads, false);
  bool rotated = q.rotation && k.rotation && q.rotation.getBase() == k.rotation.getBase() &&
                 q.rotation.getOriginAttr() == k.rotation.getOriginAttr();
  if (!rotated && (q.rotation || k.rotation)) {
    return reads;
  }
  reads = {q.source, k.source, v.source, {}, {q.offset, k.offset, v.offset}};
  if (rotated) {
    reads.table = ropeTable(loc, shapeOf(q.source)[1], widthOf(query) / heads, q.rotation.getBase().convertToDouble(),
                            Pairing::HalfSplit, q.rotation.getOriginAttr());
  }
  return reads;
}

// The concat that puts the three gradients side by side, the first two rotated back.
static ConcatOp gradientConcat(mblm::AttentionGradOp op, bool rotated, SmallVectorImpl<Operation *> &between) {
  auto only = [](Value value) { return value.hasOneUse() ? *value.user_begin() : nullptr; };
  SmallVector<Value> parts;
  for (auto [number, grad] : llvm::enumerate(op.getResults())) {
    Value part = grad;
    if (rotated && number < 2) {
      auto rope = dyn_cast_or_null<RopeOp>(only(grad));
      if (!rope || !rope.getInverse()) {
        return {};
      }
      between.push_back(rope);
      part = rope.getResult();
    }
    parts.push_back(part);
  }
  auto concat = dyn_cast_or_null<ConcatOp>(only(parts[0]));
  if (!concat || SmallVector<Value>(concat.getInputs()) != parts || !parts[1].hasOneUse() || !parts[2].hasOneUse()) {
    return {};
  }
  return concat;
}

void Converter::convertAttentionGrad(mblm::AttentionGradOp op) {
  int64_t heads = op.getHeads(), width = widthOf(op.getQuery()) / heads;
  AttentionReads reads = attentionReads(op->getLoc(), op.getQuery(), op.getKey(), op.getValue(), heads);
  SmallVector<Operation *> between;
  ConcatOp concat = fuse ? gradientConcat(op, static_cast<bool>(reads.table), between) : ConcatOp();
  if (reads.table && !concat) { // the rotation back has no place: read what the model says
    reads = {op.getQuery(), op.getKey(), op.getValue(), {}, {0, 0, 0}};
  }
  auto type = cast<RankedTensorType>(op.getQuery().getType());
  auto together = RankedTensorType::get({type.getDimSize(0), type.getDimSize(1), 3 * heads * width}, type.getElementType());
  SpaceAttr space = spaceOf(shapeOf(op.getGrad()));
  Value key = dropoutKey(op->getLoc(), op.getDropoutKey(), op.getRateAttr(), op.getSiteAttr());
  auto grads = kernel::AttentionGradOp::create(builder, op->getLoc(), together, op.getGrad(), reads.query, reads.key,
                                               reads.value, op.getResult(), op.getLse(), reads.table, op.getHidden(), key, space,
                                               reads.offsets, heads, width, op.getScale(), op.getMask(), op.getBlockAttr());
  if (concat) {
    for (Operation *rope : between) {
      converted.push_back(rope);
    }
    converted.push_back(op);
    replace(concat, grads.getResult());
    return;
  }
  SmallVector<Value> parts;
  for (int64_t n = 0; n < 3; ++n) {
    auto rows = buildRows(builder, op->getLoc(), space, Columns::plain(heads * width), grads.getResult(), type,
                          [&](RowBody &r) {
                            Value column = r.plus(r.at.column, n * heads * width);
                            return SmallVector<Value>{r.load(0, {r.at.sequence, r.at.position, column})};
                          });
    parts.push_back(rows.getResult(0));
  }
  replace(op, parts);
}

LogicalResult Converter::convertSequence(Operation *op) {
  if (auto shift = dyn_cast<TokenShiftOp>(op)) {
    int64_t columns = widthOf(shift.getResult());
    int64_t width = ceilDiv(columns, 2);
    replaceWithRows(op, {columns, ceilDiv(columns, width), width}, op->getOperands(), [&](RowBody &r) {
      Value position = shift.getReverse() ? r.plus(r.at.position, r.at.segment) : r.minus(r.at.position, r.at.segment);
      return SmallVector<Value>{r.loadOrZero(0, {r.at.sequence, position, r.at.column})};
    });
  } else if (auto rope = dyn_cast<RopeOp>(op)) {
    convertRope(rope);
  } else if (auto attention = dyn_cast<mblm::AttentionOp>(op)) {
    convertAttention(attention);
  } else if (auto grad = dyn_cast<mblm::AttentionGradOp>(op)) {
    convertAttentionGrad(grad);
  } else if (auto scan = dyn_cast<mblm::ScanOp>(op)) {
    convertScan(scan);
  } else if (auto grad = dyn_cast<mblm::ScanGradOp>(op)) {
    convertScanGrad(grad);
  } else if (auto ssd = dyn_cast<mblm::SsdOp>(op)) {
    convertSsd(ssd);
  } else {
    convertSsdGrad(cast<mblm::SsdGradOp>(op));
  }
  return success();
}

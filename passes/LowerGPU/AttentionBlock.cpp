// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/AttentionBlock.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

Grid AttentionBlock::grid(const AttentionShape &shape, const TileSizes &sizes) {
  // Where the number of positions is known only later, some blocks may have no rows.
  SymbolicDim positions = shape.space.getPositions();
  SymbolicDim most = positions.isConstant() ? SymbolicDim::constant(ceilDiv(positions.one, sizes.rows) * sizes.rows)
                                            : positions + SymbolicDim::constant(sizes.rows - 1);
  return {*shape.space.getSequences().times(most), sizes.rows, shape.heads};
}

AttentionBlock::AttentionBlock(KernelWriter::Step &s, const AttentionShape &shape, AttentionTiles &tiles,
                               Value dropoutKey, bool lastFirst)
    : s(s), e(s.e), shape(shape), tiles(tiles), positions(e.form(shape.space.getPositions())), head(e.blockY) {
  Value blocks = e.ceilDiv(positions, tiles.sizes.rows);
  sequence = e.div(e.blockX, blocks);
  Value number = e.rem(e.blockX, blocks);
  first = e.mul(lastFirst ? e.sub(e.sub(blocks, e.index(1)), number) : number, tiles.sizes.rows);
  present = e.less(sequence, e.form(shape.space.getSequences()));
  if (dropoutKey) {
    dropout.emplace(e, dropoutKey);
  }
}

void AttentionBlock::commit() { NVVM::CpAsyncCommitGroupOp::create(e.b); }

void AttentionBlock::arrive() {
  NVVM::CpAsyncWaitGroupOp::create(e.b, 0);
  e.barrier();
}

static int64_t factorLine(int64_t keys) { return keys + 4; }

Value AttentionBlock::allocateFactors(int64_t queries, int64_t keys) {
  return dropout ? e.shared(queries * factorLine(keys) * 4) : Value();
}

void AttentionBlock::writeFactors(Value target, Value query, int64_t queries, Value key, int64_t keys) {
  if (!dropout) {
    return;
  }
  constexpr int64_t together = DropoutEmitter::perBlock;
  Value pair = e.add(e.mul(sequence, shape.heads), head), row = e.add(e.mul(pair, positions), query);
  e.share(queries * keys / together, [&](Value number) {
    Value line = e.div(number, keys / together), piece = e.rem(number, e.index(keys / together));
    Value block = e.add(dropout->rowBlock(e.add(row, line), positions), e.add(e.div(key, together), piece));
    Memory memory{target, {}, e.f32(), true};
    e.storeNumbers(dropout->blocks(block, 1), memory, e.add(e.mul(line, factorLine(keys)), e.mul(piece, together)));
  });
  e.barrier();
}

Value AttentionBlock::drop(Value probability, Value factors, Value query, Value key, int64_t keys) {
  return dropout ? e.mulf(probability, e.load(e.at(factors, e.add(e.mul(query, factorLine(keys)), key)))) : probability;
}

AttentionBlock::Window AttentionBlock::window(Value at, Value first, Value end) {
  Value origin = e.add(at, tiles.columnsOfThread(tiles.sizes.columns).first);
  auto relative = [&](Value place) {
    return place ? arith::IndexCastOp::create(e.b, e.b.getI32Type(), e.sub(place, origin)).getResult() : Value();
  };
  return {relative(first), relative(end)};
}

Value AttentionBlock::masked(Value score, const Window &window, int64_t offset) {
  Value column = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(offset));
  Value lowest = e.number(-std::numeric_limits<float>::infinity());
  auto where = [&](arith::CmpIPredicate predicate, Value bound) {
    if (bound) {
      score = e.select(arith::CmpIOp::create(e.b, predicate, column, bound), score, lowest);
    }
  };
  where(arith::CmpIPredicate::slt, window.end);
  where(arith::CmpIPredicate::sge, window.first);
  return score;
}

Value AttentionBlock::lastRow() {
  return e.sub(e.min(e.add(first, tiles.sizes.rows), positions), e.index(1));
}

Sight AttentionBlock::keysSeen() {
  int64_t step = tiles.sizes.columns;
  Sight sight;
  sight.first = shape.firstKey(e, first);
  sight.end = shape.endKey(e, lastRow());
  sight.ofRow = [this](Value row) {
    Value i = e.add(first, row);
    return std::pair(shape.mask == MaskKind::BlockCausal ? shape.firstKey(e, i) : Value(), shape.endKey(e, i));
  };
  if (shape.mask == MaskKind::Causal) {
    sight.whole = e.mul(e.div(e.add(first, 1), step), step);
  } else if (shape.mask == MaskKind::Full) {
    sight.whole = e.mul(e.div(positions, step), step);
  }
  return sight;
}

Sight AttentionBlock::queriesSeeing() {
  Sight sight;
  sight.first = shape.firstQuery(e, first);
  sight.end = shape.endQuery(e, lastRow());
  sight.ofRow = [this](Value row) {
    Value j = e.add(first, row);
    return std::pair(shape.mask == MaskKind::Full ? Value() : j, shape.endQuery(e, j));
  };
  return sight;
}

AttentionTiles::Sums AttentionBlock::seen(ValueRange scores, Value at, const Sight &sight) {
  AttentionTiles::Sums all;
  for (Value score : scores) {
    all.push_back(scaled(score));
  }
  auto hide = [&] {
    AttentionTiles::Sums left;
    Places rows = tiles.rowsOfThread(), columns = tiles.columnsOfThread(tiles.sizes.columns);
    for (size_t r = 0, n = 0; r < rows.size(); ++r) {
      auto [begin, end] = sight.ofRow(rows.at(e, r));
      Window bounds = window(at, begin, end);
      for (int64_t offset : columns.offsets) {
        left.push_back(masked(all[n++], bounds, offset));
      }
    }
    return left;
  };
  return sight.partly ? e.valuesWhen(sight.partly(at), hide, [&] { return all; }) : hide();
}

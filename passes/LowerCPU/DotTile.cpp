// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A register tile of dot products. Neither side is packed: each is read once, in order, which is what products of few rows
// are bound by.
#include "passes/LowerCPU/KernelWriter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

// Sums are kept in vectors: `chains` of them for each product, which take turns along the depth, so that they do not wait for each
// other where a tile has few products. Integers take an instruction or two each to become numbers; one column at a time they come as
// one stream, in the order of memory, and numbers of several rows of A share that work.
struct DotTile {
  int64_t rows, columns, chains;
};
// Those of a machine, the tallest first; the last has one row. Accumulators, a vector of each row of B and one of A must fit the
// registers: those that the tile of packed products fills.
static SmallVector<DotTile> tilesOf(const Machine &machine, Type element) {
  int64_t registers = machine.tileRows * machine.tileVectors;
  if (element.isInteger(8)) {
    return {{registers >= 24 ? 6 : 3, 1, 4}, {1, 1, 4}};
  }
  if (registers < 12) {
    return {{2, 4, 1}, {1, 4, 1}};
  }
  return {registers >= 24 ? DotTile{6, 4, 1} : DotTile{4, 3, 1}, {2, 4, 1}, {1, 4, 1}};
}

constexpr int64_t ahead = 4096; // bytes of the one stream of integers that are asked for before their turn

// A vector of f32, or of i8 that become f32.
static Value loadWidened(Emitter &e, Value pointer, Type element) {
  if (!element.isInteger(8)) {
    return e.loadVector(pointer);
  }
  Value bytes = LLVM::LoadOp::create(e.b, VectorType::get({e.machine.lanes}, element), pointer, 1);
  Value words = arith::ExtSIOp::create(e.b, VectorType::get({e.machine.lanes}, e.b.getI32Type()), bytes);
  return arith::SIToFPOp::create(e.b, e.vec(), words);
}

// What Emitter::sumLanes makes of each of four vectors, by the same trees side by side.
static Value sumFour(Emitter &e, ArrayRef<Value> vectors) {
  // The halves of each block of so many lanes of x, and behind them those of y.
  auto fold = [&](Value x, Value y, int64_t block, int64_t lanes) -> Value {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      (lane % block < block / 2 ? low : high).push_back(lane);
    }
    return e.addf(vector::ShuffleOp::create(e.b, x, y, low), vector::ShuffleOp::create(e.b, x, y, high));
  };
  int64_t lanes = e.machine.lanes;
  Value left = fold(vectors[0], vectors[1], lanes, 2 * lanes), right = fold(vectors[2], vectors[3], lanes, 2 * lanes);
  Value sums = fold(left, right, lanes / 2, 2 * lanes);
  for (int64_t block = lanes / 4; block > 1; block /= 2) {
    sums = fold(sums, sums, block, 4 * block);
  }
  return sums;
}

func::FuncOp KernelWriter::dotFunction(int64_t rows, int64_t columns, int64_t depth, Type element) {
  int64_t lanes = machine.lanes, chains = tilesOf(machine, element).front().chains, rest = depth % (chains * lanes);
  std::string function = "dot_tile_" + std::to_string(rows) + "x" + std::to_string(columns) +
                         (element.isInteger(8) ? "_int8" : "") + (rest ? "_rest" + std::to_string(rest) : "");
  if (auto known = module.lookupSymbol<func::FuncOp>(function)) {
    return known;
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), index = builder.getIndexType();
  auto func = func::FuncOp::create(builder, loc, function,
                                   builder.getFunctionType({ptr, index, ptr, index, ptr, index, index}, {}));
  func.setPrivate();
  func->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *entry = func.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, machine);
  Value a = entry->getArgument(0), lda = entry->getArgument(1), b = entry->getArgument(2), ldb = entry->getArgument(3),
        c = entry->getArgument(4), ldc = entry->getArgument(5), whole = entry->getArgument(6);
  SmallVector<Value> rowsOfA, rowsOfB;
  for (int64_t i = 0; i < rows; ++i) {
    rowsOfA.push_back(e.at(a, e.mul(e.index(i), lda)));
  }
  for (int64_t j = 0; j < columns; ++j) {
    rowsOfB.push_back(e.at(b, e.mul(e.index(j), ldb), element));
  }
  // The sums of product (i, j) stand from (i * columns + j) * chains on. Of the vectors from `k` on, only `count` lanes count.
  auto accumulate = [&](Value k, ValueRange sums, int64_t count) {
    SmallVector<Value> next(sums.begin(), sums.end());
    for (int64_t chain = 0; chain < chains && chain * lanes < count; ++chain) {
      Value at = e.add(k, chain * lanes), mask;
      if (count < (chain + 1) * lanes) {
        mask = e.mask(e.index(count - chain * lanes));
      }
      auto load = [&](Value row, Type type) {
        Value value = loadWidened(e, e.at(row, at, type), type);
        return mask ? e.select(mask, value, e.splat(0.0)) : value;
      };
      SmallVector<Value> columnsOfB;
      for (Value row : rowsOfB) {
        columnsOfB.push_back(load(row, element));
      }
      for (int64_t i = 0; i < rows; ++i) {
        Value value = load(rowsOfA[i], e.f32());
        for (int64_t j = 0; j < columns; ++j) {
          Value &sum = next[(i * columns + j) * chains + chain];
          sum = e.fma(value, columnsOfB[j], sum);
        }
      }
    }
    return next;
  };
  SmallVector<Value> sums(rows * columns * chains, e.splat(0.0));
  sums = e.loop(e.index(0), whole, chains * lanes, sums, [&](Value k, ValueRange partial) {
    if (element.isInteger(8)) {
      e.prefetch(e.at(rowsOfB[0], e.add(k, ahead), element));
    }
    return accumulate(k, partial, chains * lanes);
  });
  if (rest) {
    sums = accumulate(whole, sums, rest);
  }
  SmallVector<Value> products; // row by row
  for (int64_t n = 0; n < rows * columns; ++n) {
    Value *first = &sums[n * chains];
    for (int64_t half = chains / 2; half > 0; half /= 2) {
      for (int64_t chain = 0; chain < half; ++chain) {
        first[chain] = e.addf(first[chain], first[chain + half]);
      }
    }
    products.push_back(first[0]);
  }
  auto store = [&](Value sum, int64_t n) { e.store(sum, e.at(c, e.add(e.mul(e.index(n / columns), ldc), n % columns))); };
  int64_t n = 0;
  for (; n + 4 <= rows * columns; n += 4) {
    Value four = sumFour(e, ArrayRef(products).slice(n, 4));
    for (int64_t i = 0; i < 4; ++i) {
      store(e.extract(four, i), n + i);
    }
  }
  for (; n < rows * columns; ++n) {
    store(e.sumLanes(products[n]), n);
  }
  func::ReturnOp::create(e.b);
  return func;
}

void KernelWriter::dots(Emitter &e, const DotBlock &p) {
  SmallVector<DotTile> tiles = tilesOf(machine, p.element);
  int64_t step = tiles.front().chains * machine.lanes;
  Value whole = e.index(p.depth / step * step);
  auto call = [&](Value i, int64_t rows, Value j, int64_t columns) {
    func::CallOp::create(e.b, dotFunction(rows, columns, p.depth, p.element),
                         ValueRange{e.at(p.a, e.mul(i, p.lda)), p.lda, e.at(p.b, e.mul(j, p.ldb), p.element), p.ldb,
                                    e.at(p.c, e.add(e.mul(i, p.ldc), j)), p.ldc, whole});
  };
  auto stopOf = [&](Value begin, Value end, int64_t step) { // as far as whole steps go
    return step == 1 ? end : e.add(begin, e.mul(e.div(e.sub(end, begin), step), step));
  };
  // Some rows of A stay in the nearest cache while those of B pass by, which serve them all before the next ones come.
  int64_t tallest = tiles.front().rows, fitting = machine.nearBytes / 2 / (4 * p.depth);
  int64_t block = std::max<int64_t>(fitting / tallest, 1) * tallest;
  e.loop(e.index(0), p.rows, block, [&](Value first) {
    Value i = first, end = e.min(e.add(first, block), p.rows);
    for (const DotTile &tile : tiles) {
      Value stop = stopOf(i, end, tile.rows);
      e.when(e.less(i, stop), [&] {
        Value j = e.index(0);
        for (int64_t columns = tile.columns; columns > 0; columns = columns > 2 ? 2 : columns - 1) {
          Value next = stopOf(j, p.columns, columns);
          e.loop(j, next, columns, [&](Value column) {
            e.loop(i, stop, tile.rows, [&](Value row) { call(row, tile.rows, column, columns); });
          });
          j = next;
        }
      });
      i = stop;
    }
  });
}

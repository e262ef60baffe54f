// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A register tile of dot products. Neither side is packed: each is read once, in order, which is what products of few rows
// are bound by.
#include "passes/LowerCPU/KernelWriter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

// Accumulators, a vector of each row of B and one of A must fit the registers: those that the tile of packed products fills.
constexpr int64_t tileColumns = 4;
static int64_t tileRows(const Machine &machine) { return machine.tileRows * machine.tileVectors >= 6 * tileColumns ? 6 : 2; }

func::FuncOp KernelWriter::dotFunction(int64_t rows, int64_t columns, int64_t depth) {
  int64_t lanes = machine.lanes, rest = depth % lanes;
  std::string function = "dot_tile_" + std::to_string(rows) + "x" + std::to_string(columns) +
                         (rest ? "_rest" + std::to_string(rest) : "");
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
    rowsOfB.push_back(e.at(b, e.mul(e.index(j), ldb)));
  }
  auto accumulate = [&](Value k, ValueRange sums, Value mask) {
    auto load = [&](Value row) {
      Value value = e.loadVector(e.at(row, k));
      return mask ? e.select(mask, value, e.splat(0.0)) : value;
    };
    SmallVector<Value> next(sums.begin(), sums.end()), columnsOfB;
    for (Value row : rowsOfB) {
      columnsOfB.push_back(load(row));
    }
    for (int64_t i = 0; i < rows; ++i) {
      Value value = load(rowsOfA[i]);
      for (int64_t j = 0; j < columns; ++j) {
        next[i * columns + j] = e.fma(value, columnsOfB[j], next[i * columns + j]);
      }
    }
    return next;
  };
  SmallVector<Value> sums(rows * columns, e.splat(0.0));
  sums = e.loop(e.index(0), whole, lanes, sums, [&](Value k, ValueRange partial) { return accumulate(k, partial, {}); });
  if (rest) {
    sums = accumulate(whole, sums, e.mask(e.index(rest)));
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      e.store(e.sumLanes(sums[i * columns + j]), e.at(c, e.add(e.mul(e.index(i), ldc), j)));
    }
  }
  func::ReturnOp::create(e.b);
  return func;
}

void KernelWriter::dots(Emitter &e, const DotBlock &p) {
  Value whole = e.index(p.depth / machine.lanes * machine.lanes);
  int64_t rows = tileRows(machine);
  // Whole tiles first, then what is left one by one. Columns outside: their rows of B stay in the nearest cache.
  auto tiles = [&](Value to, int64_t step, Value from, const std::function<void(Value, int64_t)> &body) {
    Value middle = e.add(from, e.mul(e.div(e.sub(to, from), step), step));
    e.loop(from, middle, step, [&](Value i) { body(i, step); });
    e.loop(middle, to, 1, [&](Value i) { body(i, 1); });
  };
  tiles(p.columns, tileColumns, e.index(0), [&](Value j, int64_t columns) {
    tiles(p.rows, rows, e.index(0), [&](Value i, int64_t tall) {
      func::CallOp::create(e.b, dotFunction(tall, columns, p.depth),
                           ValueRange{e.at(p.a, e.mul(i, p.lda)), p.lda, e.at(p.b, e.mul(j, p.ldb)), p.ldb,
                                      e.at(p.c, e.add(e.mul(i, p.ldc), j)), p.ldc, whole});
    });
  });
}

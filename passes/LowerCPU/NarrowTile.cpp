// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The register tile of products with bf16 factors, in each of the ways that machines have.
#include "passes/LowerCPU/KernelWriter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

// Tile registers hold 16 rows of 64 bytes.
constexpr int64_t lineBytes = 64, registerRows = 16, registerDepth = 32;

namespace {
struct Arguments {
  explicit Arguments(Block *entry)
      : a(entry->getArgument(0)), lda(entry->getArgument(1)), b(entry->getArgument(2)), ldb(entry->getArgument(3)),
        c(entry->getArgument(4)), ldc(entry->getArgument(5)), depth(entry->getArgument(6)),
        accumulate(entry->getArgument(7)), rows(entry->getArgument(8)) {}
  Value a, lda, b, ldb, c, ldc, depth, accumulate;
  Value rows; // fewer than a tile's may count; the others are computed or left alone, as suits
};
} // namespace

func::FuncOp KernelWriter::narrowTileFunction() {
  bool tiles = machine.narrow == NarrowProducts::Tiles;
  usesTiles |= tiles;
  if (auto known = module.lookupSymbol<func::FuncOp>("narrow_tile")) {
    return known;
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), index = builder.getIndexType();
  auto type = builder.getFunctionType({ptr, index, ptr, index, ptr, index, index, builder.getI1Type(), index}, {});
  auto func = func::FuncOp::create(builder, loc, "narrow_tile", type);
  func.setPrivate();
  func->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *entry = func.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, machine);
  tiles ? writeTiles(e, entry) : writePairs(e, entry);
  func::ReturnOp::create(e.b);
  return func;
}

// Vectors of sums: a pair of A, spread over the lanes, with pairs of B.
void KernelWriter::writePairs(Emitter &e, Block *entry) {
  Arguments p(entry);
  int64_t rows = machine.tileRows, vectors = machine.tileVectors, lanes = machine.lanes;
  Type i16 = e.b.getI16Type(), i32 = e.b.getI32Type(), pairs = VectorType::get({lanes}, i32);
  Type narrow = VectorType::get({2 * lanes}, e.b.getBF16Type());
  bool widened = machine.narrow == NarrowProducts::Widened;
  auto spread = [&](Value pair) { return vector::BroadcastOp::create(e.b, pairs, pair).getResult(); };
  auto number = [&](uint32_t n) { return spread(arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(n)))); };
  auto first = [&](Value pair) -> Value {
    return arith::BitcastOp::create(e.b, e.vec(), arith::ShLIOp::create(e.b, pair, number(16)));
  };
  auto second = [&](Value pair) -> Value {
    return arith::BitcastOp::create(e.b, e.vec(), arith::AndIOp::create(e.b, pair, number(0xffff0000)));
  };
  SmallVector<Value> rowsOfA, rowsOfC, zeros(rows * vectors, e.splat(0.0));
  for (int64_t i = 0; i < rows; ++i) {
    rowsOfA.push_back(e.at(p.a, e.mul(e.index(i), p.lda), i16));
    rowsOfC.push_back(e.at(p.c, e.mul(e.index(i), p.ldc)));
  }
  auto sums = e.loop(e.index(0), e.div(p.depth, 2), 1, zeros, [&](Value k, ValueRange accumulators) {
    SmallVector<Value> next(accumulators.begin(), accumulators.end()), columns;
    Value rowOfB = e.at(p.b, e.mul(k, p.ldb), i16);
    for (int64_t j = 0; j < vectors; ++j) {
      columns.push_back(LLVM::LoadOp::create(e.b, pairs, e.at(rowOfB, e.index(2 * j * lanes), i16), 4));
    }
    for (int64_t i = 0; i < rows; ++i) {
      Value pair = spread(e.load(e.at(rowsOfA[i], k, i32), i32));
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = next[i * vectors + j];
        if (widened) {
          sum = e.fma(second(pair), second(columns[j]), sum);
          sum = e.fma(first(pair), first(columns[j]), sum);
        } else {
          auto numbers = [&](Value x) { return vector::BitCastOp::create(e.b, cast<VectorType>(narrow), x).getResult(); };
          sum = LLVM::CallIntrinsicOp::create(e.b, e.vec(), e.b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                              ValueRange{sum, numbers(pair), numbers(columns[j])})
                    .getResult(0);
        }
      }
    }
    return next;
  });
  auto storeAll = [&](bool add) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < vectors; ++j) {
        Value pointer = e.at(rowsOfC[i], e.index(j * lanes)), sum = sums[i * vectors + j];
        e.store(add ? e.addf(e.loadVector(pointer), sum) : sum, pointer);
      }
    }
  };
  e.when(p.accumulate, [&] { storeAll(true); }, [&] { storeAll(false); });
}

//===----------------------------------------------------------------------===//
// Tile registers
//===----------------------------------------------------------------------===//

static void callTile(Emitter &e, StringRef name, ArrayRef<int64_t> registers, ValueRange memory = {}) {
  SmallVector<Value> arguments;
  for (int64_t number : registers) {
    arguments.push_back(LLVM::ConstantOp::create(e.b, e.b.getI8Type(), e.b.getI8IntegerAttr(number)));
  }
  llvm::append_range(arguments, memory);
  LLVM::CallIntrinsicOp::create(e.b, e.b.getStringAttr("llvm.x86." + name.str()), arguments);
}

// Sums of 16 x `tall` rows and two vectors of columns in registers 0 to 5; 6 has a piece of B, 7 one of A.
static void writeTall(Emitter &e, const Arguments &p, int64_t tall) {
  Type i8 = e.b.getI8Type();
  Value strideA = e.i64(e.mul(p.lda, 2)), strideB = e.i64(e.mul(p.ldb, 2)), strideC = e.i64(e.mul(p.ldc, 4));
  auto forSums = [&](const std::function<void(int64_t, Value)> &body) {
    for (int64_t i = 0; i < tall; ++i) {
      Value row = e.at(p.c, e.mul(e.index(i * registerRows), p.ldc));
      for (int64_t j = 0; j < 2; ++j) {
        body(2 * i + j, e.at(row, e.index(j * registerRows)));
      }
    }
  };
  e.when(
      p.accumulate,
      [&] { forSums([&](int64_t sum, Value place) { callTile(e, "tileloadd64", {sum}, {place, strideC}); }); },
      [&] { forSums([&](int64_t sum, Value) { callTile(e, "tilezero", {sum}); }); });
  e.loop(e.index(0), p.depth, registerDepth, [&](Value k) {
    Value rowsOfB = e.at(p.b, e.mul(e.div(k, 2), p.ldb), e.b.getI16Type());
    for (int64_t j = 0; j < 2; ++j) {
      callTile(e, "tileloadd64", {6}, {e.at(rowsOfB, e.index(j * lineBytes), i8), strideB});
      for (int64_t n = 0; n < tall; ++n) {
        int64_t i = j ? tall - 1 - n : n; // back again: the last piece of A is still there
        if (j == 0 || n > 0) {
          Value rows = e.at(p.a, e.add(e.mul(e.index(i * registerRows), p.lda), k), e.b.getI16Type());
          callTile(e, "tileloadd64", {7}, {rows, strideA});
        }
        callTile(e, "tdpbf16ps", {2 * i + j, 7, 6});
      }
    }
  });
  forSums([&](int64_t sum, Value place) { callTile(e, "tilestored64", {sum}, {place, strideC}); });
}

void KernelWriter::writeTiles(Emitter &e, Block *entry) {
  Arguments p(entry);
  auto more = [&](int64_t rows) { return e.less(e.index(rows), p.rows); };
  e.when(
      more(2 * registerRows), [&] { writeTall(e, p, 3); },
      [&] { e.when(more(registerRows), [&] { writeTall(e, p, 2); }, [&] { writeTall(e, p, 1); }); });
}

// The thread's tile registers: set where the step begins, given back at its end, so that what is saved and restored with the
// thread is no larger than it must be.
void KernelWriter::configureTiles(Emitter &e, Block *entry) {
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(entry);
    Type i64 = e.b.getI64Type();
    // Palette 1, no row to start at; bytes of a row of each register, as 16 i16; rows of each, as 16 i8.
    constexpr int64_t lines = lineBytes * 0x0001000100010001, rows = registerRows * 0x0101010101010101;
    constexpr int64_t words[] = {1, 0, lines, lines, 0, 0, rows, 0};
    auto constant = [&](int64_t n) { return LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(n)).getResult(); };
    Value place = LLVM::AllocaOp::create(e.b, e.ptr(), i64, constant(std::size(words)));
    for (auto [number, word] : llvm::enumerate(words)) {
      LLVM::StoreOp::create(e.b, constant(word), e.at(place, e.index(number), i64));
    }
    callTile(e, "ldtilecfg", {}, place);
  }
  callTile(e, "tilerelease", {});
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/KernelWriter.h"
#include "passes/LowerCPU/NarrowOperands.h"
#include "passes/Memory/ArenaPlan.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

Value KernelWriter::Step::allocate(SymbolicDim floats) {
  // Whole cache lines, so that pieces do not share one.
  Value piece = e.at(scratch, e.form(used));
  used = used + floats.mapped([](int64_t n) { return kernel::ceilDiv(n, 16) * 16; });
  return piece;
}

Value KernelWriter::Step::allocateNarrow(SymbolicDim numbers) {
  return allocate(numbers.mapped([](int64_t n) { return kernel::ceilDiv(n, 2); }));
}

void KernelWriter::step(Location loc, unsigned tensors, Items items, const std::function<void(Step &)> &body) {
  MLIRContext *context = module.getContext();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type ptr = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  std::string function = name;
  for (unsigned n = 2; module.lookupSymbol(function); ++n) {
    function = name + "_" + std::to_string(n);
  }
  auto func = func::FuncOp::create(builder, loc, function, builder.getFunctionType({ptr, i64, i64, ptr}, {}));
  func.setPrivate();
  Block *entry = func.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Step step{Emitter(builder, loc, machine), {}, {}, {}, {}, entry->getArgument(3), {}};
  Emitter &e = step.e;
  auto argument = [&](unsigned n, Type type) {
    Value slot = e.at(entry->getArgument(0), e.index(n), i64);
    return LLVM::LoadOp::create(e.b, type, slot).getResult();
  };
  auto asIndex = [&](Value value) { return arith::IndexCastOp::create(e.b, e.b.getIndexType(), value).getResult(); };
  step.begin = asIndex(entry->getArgument(1));
  step.end = asIndex(entry->getArgument(2));
  for (unsigned n = 0; n < tensors; ++n) {
    step.pointers.push_back(argument(n, ptr));
  }
  e.batch = asIndex(argument(tensors, i64));
  e.slots = asIndex(argument(tensors + 1, i64));
  step.part = asIndex(argument(tensors + 2, i64));
  e.position = asIndex(argument(tensors + 3, i64));
  e.patches = asIndex(argument(tensors + 4, i64));
  usesTiles = false;
  body(step);
  if (usesTiles) {
    configureTiles(e, entry);
  }
  func::ReturnOp::create(e.b);
  kernel.scratch = bound(kernel.scratch, step.used);
  kernel.launches.push_back({function, items});
}

Value PanelLayout::begin(Emitter &e, Value v) const {
  return columns == kernel::panelWidth ? v : e.add(e.mul(e.div(v, columns), depth * columns), e.rem(v, e.index(columns)));
}

void PanelLayout::describe(Emitter &e, BlockProduct &product) const {
  product.panelStride = e.index(depth * kernel::panelWidth);
  product.groupStride = e.index(depth * columns);
  product.ldb = e.index(pitch());
}

func::FuncOp KernelWriter::tileFunction(bool columnMajor) {
  StringRef tileName = columnMajor ? "gemm_tile_columns" : "gemm_tile_rows";
  if (auto known = module.lookupSymbol<func::FuncOp>(tileName)) {
    return known;
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  Type ptr = LLVM::LLVMPointerType::get(module.getContext()), index = builder.getIndexType();
  auto type = builder.getFunctionType({ptr, index, ptr, index, ptr, index, index, builder.getI1Type()}, {});
  auto func = func::FuncOp::create(builder, loc, tileName, type);
  func.setPrivate();
  func->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *entry = func.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter e(builder, loc, machine);
  Value a = entry->getArgument(0), lda = entry->getArgument(1), b = entry->getArgument(2), ldb = entry->getArgument(3),
        c = entry->getArgument(4), ldc = entry->getArgument(5), depth = entry->getArgument(6);
  int64_t rows = machine.tileRows, vectors = machine.tileVectors;
  SmallVector<Value> rowsOfA, rowsOfC, zeros(rows * vectors, e.splat(0.0));
  for (int64_t i = 0; i < rows; ++i) {
    rowsOfA.push_back(e.at(a, columnMajor ? e.index(i) : e.mul(e.index(i), lda)));
    rowsOfC.push_back(e.at(c, e.mul(e.index(i), ldc)));
  }
  auto sums = e.loop(e.index(0), depth, 1, zeros, [&](Value k, ValueRange accumulators) {
    SmallVector<Value> next(accumulators.begin(), accumulators.end()), columns;
    Value rowOfB = e.at(b, e.mul(k, ldb)), step = columnMajor ? e.mul(k, lda) : k;
    for (int64_t j = 0; j < vectors; ++j) {
      columns.push_back(e.loadVector(e.at(rowOfB, e.index(j * machine.lanes))));
    }
    for (int64_t i = 0; i < rows; ++i) {
      Value scalar = e.splat(e.load(e.at(rowsOfA[i], step)));
      for (int64_t j = 0; j < vectors; ++j) {
        next[i * vectors + j] = e.fma(scalar, columns[j], next[i * vectors + j]);
      }
    }
    return next;
  });
  auto storeAll = [&](bool add) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < vectors; ++j) {
        Value pointer = e.at(rowsOfC[i], e.index(j * machine.lanes)), sum = sums[i * vectors + j];
        e.store(add ? e.addf(e.loadVector(pointer), sum) : sum, pointer);
      }
    }
  };
  e.when(entry->getArgument(7), [&] { storeAll(true); }, [&] { storeAll(false); });
  func::ReturnOp::create(e.b);
  return func;
}

int64_t KernelWriter::rowsOfTile(bool narrow) const {
  return narrow && machine.narrow == NarrowProducts::Tiles ? 48 : machine.tileRows;
}

int64_t KernelWriter::columnsOfTile(bool narrow) const {
  return narrow && machine.narrow == NarrowProducts::Tiles ? 32 : machine.tileColumns();
}

void KernelWriter::product(Emitter &e, const BlockProduct &p) {
  func::FuncOp tile = p.narrow ? narrowTileFunction() : tileFunction(p.columnMajor);
  int64_t rows = rowsOfTile(p.narrow), columns = columnsOfTile(p.narrow), perPanel = kernel::panelWidth / columns;
  Type factor = factorType(e, p.narrow);
  auto call = [&](Value a, Value b, Value c, Value ldc, Value accumulate, Value rowsLeft) {
    SmallVector<Value> arguments{a, p.lda, b, p.ldb, c, ldc, p.depth, accumulate};
    if (p.narrow) {
      arguments.push_back(rowsLeft);
    }
    func::CallOp::create(e.b, tile, arguments);
  };
  // Panels outside: a panel stays in the nearest cache while all rows pass.
  e.loop(e.ceilDiv(p.columns, columns), [&](Value n) {
    Value panel = perPanel == 1 ? n : e.div(n, perPanel);
    Value b = e.at(p.b, e.mul(panel, p.panelStride), factor);
    if (perPanel > 1) {
      Value stride = p.groupStride ? p.groupStride : e.index(p.narrow ? 2 * columns : columns);
      b = e.at(b, e.mul(e.rem(n, e.index(perPanel)), stride), factor);
    }
    Value column = e.mul(n, columns);
    e.loop(e.index(0), p.rows, rows, [&](Value i) {
      Value a = e.at(p.a, p.columnMajor ? i : e.mul(i, p.lda), factor), rowsLeft = e.sub(p.rows, i);
      Value c = e.at(p.c, e.add(e.mul(i, p.ldc), column));
      if (p.alongside) {
        p.alongside(e, e.add(e.mul(n, e.ceilDiv(p.rows, rows)), e.div(i, rows)));
      }
      if (p.padded) {
        call(a, b, c, p.ldc, p.accumulate, rowsLeft);
        return;
      }
      Value columnsLeft = e.sub(p.columns, column);
      Value whole = arith::AndIOp::create(e.b, e.less(e.index(rows - 1), rowsLeft), e.less(e.index(columns - 1), columnsLeft));
      e.when(
          whole, [&] { call(a, b, c, p.ldc, p.accumulate, rowsLeft); },
          [&] {
            Value no = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
            call(a, b, p.tile, e.index(columns), no, rowsLeft);
            e.loop(e.min(rowsLeft, e.index(rows)), [&](Value r) {
              for (int64_t j = 0; j < columns; j += machine.lanes) {
                Value left = e.max(e.sub(columnsLeft, e.index(j)), e.index(0));
                Value mask = e.mask(e.min(left, e.index(machine.lanes)));
                Value target = e.at(c, e.add(e.mul(r, p.ldc), j));
                Value sum = e.loadVector(e.at(p.tile, e.add(e.mul(r, columns), j)));
                sum = e.select(p.accumulate, e.addf(e.loadVector(target), sum), sum);
                e.store(sum, target, mask);
              }
            });
          });
    });
  });
}

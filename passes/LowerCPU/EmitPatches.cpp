// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer code, and rows that stand for ranges of rows.
#include "passes/LowerCPU/Kernels.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

//===----------------------------------------------------------------------===//
// Integer code
//===----------------------------------------------------------------------===//

// A list as a constant of the module; equal ones are one.
static Value listOf(KernelWriter &writer, Emitter &e, ArrayRef<int64_t> numbers) {
  auto value = DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(numbers.size())}, e.b.getI64Type()), numbers);
  for (auto global : writer.module.getOps<LLVM::GlobalOp>()) {
    if (global.getValueOrNull() == value) {
      return LLVM::AddressOfOp::create(e.b, global);
    }
  }
  std::string name = "list";
  for (unsigned n = 2; writer.module.lookupSymbol(name); ++n) {
    name = "list_" + std::to_string(n);
  }
  OpBuilder builder = OpBuilder::atBlockBegin(writer.module.getBody());
  auto type = LLVM::LLVMArrayType::get(e.b.getI64Type(), numbers.size());
  auto global = LLVM::GlobalOp::create(builder, e.b.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name, value);
  return LLVM::AddressOfOp::create(e.b, global);
}

// Halves what is left of the list until one place remains. Numbers have `key.size()` words, compared one after the other.
static Value emitFind(KernelWriter &writer, Emitter &e, ValueRange key, ArrayRef<int64_t> keys, ArrayRef<int64_t> places) {
  if (places.empty()) {
    return e.index(0);
  }
  Type i64 = e.b.getI64Type();
  Value list = listOf(writer, e, keys);
  auto at = [&](Value from, Value n) { return e.load(e.at(from, n, i64), i64); };
  // Whether number n of the list is less than the key, and whether it is the key.
  auto compare = [&](Value n) {
    Value first = e.mul(n, static_cast<int64_t>(key.size())), less, same;
    for (auto [number, word] : llvm::enumerate(key)) {
      Value probe = at(list, e.add(first, static_cast<int64_t>(number)));
      Value below = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, probe, word), equal = e.equal(probe, word);
      if (number > 0) { // where all words before are the same
        below = arith::OrIOp::create(e.b, less, arith::AndIOp::create(e.b, same, below));
        equal = arith::AndIOp::create(e.b, same, equal);
      }
      less = below;
      same = equal;
    }
    return std::pair(less, same);
  };
  int64_t count = places.size(), top = llvm::bit_floor(static_cast<uint64_t>(count));
  Value below = e.index(0); // how many keys are certainly less
  for (int64_t step = top; step > 0; step /= 2) {
    Value next = e.add(below, step), inside = e.less(next, e.index(count + 1));
    Value less = compare(e.sub(e.select(inside, next, e.index(1)), e.index(1))).first;
    below = e.select(arith::AndIOp::create(e.b, inside, less), next, below);
  }
  Value inside = e.less(below, e.index(count)), safe = e.select(inside, below, e.index(0));
  Value found = arith::AndIOp::create(e.b, inside, compare(safe).second);
  Value place = arith::IndexCastOp::create(e.b, e.b.getIndexType(), at(listOf(writer, e, places), safe));
  return e.select(found, e.add(place, 4), e.index(0));
}

void cpu::emitIntegers(KernelWriter &writer, kernel::IntegersOp op) {
  unsigned tensors = op->getNumOperands() + 1;
  writer.step(op.getLoc(), tensors, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Block &body = op.getBody().front();
    SmallVector<SymbolicShape> shapes;
    for (Value value : llvm::concat<Value>(op->getOperands(), op->getResults())) {
      shapes.push_back(kernel::shapeOf(value));
    }
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value positions = e.form(op.getSpace().getPositions());
      IRMapping map;
      map.map(body.getArguments().take_front(tensors), s.pointers);
      map.map(body.getArgument(tensors), e.div(item, positions));
      map.map(body.getArgument(tensors + 1), e.rem(item, positions));
      SmallVector<Operation *> made;
      for (Operation &inside : body) {
        made.push_back(e.b.clone(inside, map));
      }
      // What stands for memory becomes memory, in loops too.
      SmallVector<Operation *> accesses;
      for (Operation *clone : made) {
        clone->walk([&](Operation *nested) {
          if (isa<kernel::GetIdOp, kernel::GetElementOp, kernel::SetIdOp, kernel::ExtentOp, kernel::FindOp>(nested)) {
            accesses.push_back(nested);
          }
        });
      }
      Type i32 = e.b.getI32Type(), index = e.b.getIndexType();
      auto lengthOf = [&](Value pointer) { return e.form(shapes[llvm::find(s.pointers, pointer) - s.pointers.begin()][1]); };
      auto place = [&](Value pointer, Value row, Value column) { // of an element of 32 bits
        return e.at(pointer, e.add(e.mul(row, lengthOf(pointer)), column), i32);
      };
      OpBuilder::InsertionGuard guard(e.b);
      for (Operation *access : accesses) {
        e.b.setInsertionPoint(access);
        Value result;
        if (auto get = dyn_cast<kernel::GetIdOp>(access)) {
          result = arith::IndexCastOp::create(e.b, index, e.load(place(get.getIds(), get.getRow(), get.getColumn()), i32));
        } else if (auto get = dyn_cast<kernel::GetElementOp>(access)) {
          result = e.load(place(get.getInput(), get.getRow(), get.getColumn()), e.f32());
        } else if (auto set = dyn_cast<kernel::SetIdOp>(access)) {
          Value value = arith::IndexCastOp::create(e.b, i32, set.getValue());
          LLVM::StoreOp::create(e.b, value, place(set.getIds(), set.getRow(), set.getColumn()), 4);
        } else if (auto extent = dyn_cast<kernel::ExtentOp>(access)) {
          result = lengthOf(extent.getInput());
        } else {
          auto find = cast<kernel::FindOp>(access);
          result = emitFind(writer, e, find.getKey(), find.getKeys(), find.getPlaces());
        }
        if (result) {
          access->getResult(0).replaceAllUsesWith(result);
        }
        access->erase();
      }
    });
  });
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

namespace {
// A range of rows of a tensor of `width` features, and how to go through it.
struct RowRange {
  Emitter &e;
  int64_t width;
  Value row, first, end; // the sequence's row 0 in memory
  Value gap, rest;       // [gap, first) and [end, rest) are no range's

  RowRange(Emitter &e, Value spans, kernel::SpaceAttr space, kernel::SpaceAttr rows, int64_t width, Value item) : e(e), width(width) {
    auto bound = [&](int64_t which) {
      Value id = e.load(e.at(spans, e.add(e.mul(item, 2), which), e.b.getI32Type()), e.b.getI32Type());
      return arith::IndexCastOp::create(e.b, e.b.getIndexType(), id).getResult();
    };
    first = bound(0);
    end = bound(1);
    row = e.mul(e.div(item, e.form(space.getPositions())), e.form(rows.getPositions()));
    // What belongs to no range: between the one before and this one, and behind the last one.
    Value m = e.rem(item, e.form(space.getPositions())), isFirst = e.equal(m, e.index(0));
    Value before = e.load(e.at(spans, e.add(e.mul(e.select(isFirst, item, e.sub(item, e.index(1))), 2), 1), e.b.getI32Type()), e.b.getI32Type());
    gap = e.select(isFirst, e.index(0), arith::IndexCastOp::create(e.b, e.b.getIndexType(), before));
    Value isLast = e.equal(e.add(m, 1), e.form(space.getPositions()));
    rest = e.select(isLast, e.form(rows.getPositions()), end);
  }
  Value at(Value base, Value t, Value column) { return e.at(base, e.add(e.mul(e.add(row, t), width), column)); }
};
} // namespace

void cpu::emitPool(KernelWriter &writer, kernel::PoolOp op) {
  int64_t width = cast<RankedTensorType>(op.getType()).getDimSize(2);
  writer.step(op.getLoc(), 3, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      RowRange range(e, s.pointers[1], op.getSpace(), op.getInputSpace(), width, item);
      Value any = e.less(range.first, range.end), safe = e.select(any, range.first, e.index(0));
      Value count = arith::SIToFPOp::create(e.b, e.f32(), e.i64(e.sub(range.end, range.first)));
      Value factor = e.select(any, op.getKind() == PoolKind::Mean ? e.divf(e.number(1), count) : e.number(1), e.number(0));
      e.columns(width, [&](Value c, Value mask) {
        Value init = e.loadVector(range.at(s.pointers[0], safe, c));
        Value pooled = e.loop(e.add(safe, 1), range.end, 1, init, [&](Value t, ValueRange so) -> SmallVector<Value> {
          Value next = e.loadVector(range.at(s.pointers[0], t, c));
          switch (op.getKind()) {
          case PoolKind::Max:
            return {arith::MaximumFOp::create(e.b, so[0], next)};
          case PoolKind::Min:
            return {arith::MinimumFOp::create(e.b, so[0], next)};
          case PoolKind::Mean:
          case PoolKind::Sum:
            return {e.addf(so[0], next)};
          }
          llvm_unreachable("every kind has its combination");
        })[0];
        pooled = e.select(any, e.mulf(pooled, e.splat(factor)), e.splat(0.0));
        e.store(pooled, e.at(s.pointers[2], e.add(e.mul(item, width), c)), mask);
      });
    });
  });
}

void cpu::emitPoolGrad(KernelWriter &writer, kernel::PoolGradOp op) {
  int64_t width = cast<RankedTensorType>(op.getType()).getDimSize(2);
  writer.step(op.getLoc(), 5, {rowsOf(op.getSpace())}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Value input = s.pointers[1], one = e.splat(1.0), none = e.splat(0.0);
    e.loop(s.begin, s.end, 1, [&](Value item) {
      RowRange range(e, s.pointers[3], op.getSpace(), op.getInputSpace(), width, item);
      e.columns(width, [&](Value c, Value mask) {
        Value place = e.add(e.mul(item, width), c), pooled = e.loadVector(e.at(s.pointers[2], place));
        auto hit = [&](Value t) {
          Value here = e.loadVector(range.at(input, t, c));
          return arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, here, pooled).getResult();
        };
        Value ties = e.loop(range.first, range.end, 1, none, [&](Value t, ValueRange so) {
          return SmallVector<Value>{e.addf(so[0], e.select(hit(t), one, none))};
        })[0];
        Value share = e.divf(e.loadVector(e.at(s.pointers[0], place)), ties);
        e.loop(range.first, range.end, 1, [&](Value t) {
          e.store(e.select(hit(t), share, none), range.at(s.pointers[4], t, c), mask);
        });
        for (auto [from, to] : {std::pair{range.gap, range.first}, {range.end, range.rest}}) {
          e.loop(from, to, 1, [&](Value t) { e.store(none, range.at(s.pointers[4], t, c), mask); });
        }
      });
    });
  });
}

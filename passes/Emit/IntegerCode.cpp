// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/IntegerCode.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

// A list as a constant of the module; equal ones are one.
static Value listOf(Emitter &e, const Lists &lists, ArrayRef<int64_t> numbers) {
  auto value = DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(numbers.size())}, e.b.getI64Type()), numbers);
  Block &body = lists.table->getRegion(0).front();
  for (auto global : body.getOps<LLVM::GlobalOp>()) {
    if (global.getValueOrNull() == value) {
      return LLVM::AddressOfOp::create(e.b, global);
    }
  }
  std::string name = "list";
  for (unsigned n = 2; SymbolTable::lookupSymbolIn(lists.table, name); ++n) {
    name = "list_" + std::to_string(n);
  }
  OpBuilder builder = OpBuilder::atBlockBegin(&body);
  auto type = LLVM::LLVMArrayType::get(e.b.getI64Type(), numbers.size());
  auto global = LLVM::GlobalOp::create(builder, e.b.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal, name, value,
                                       /*alignment=*/8, lists.addressSpace);
  return LLVM::AddressOfOp::create(e.b, global);
}

// Halves what is left of the list until one place remains. Numbers have several words, compared one after the other.
static Value emitFind(Emitter &e, const Lists &lists, kernel::FindOp find) {
  ArrayRef<int64_t> keys = find.getKeys(), places = find.getPlaces();
  if (places.empty()) {
    return e.index(0);
  }
  Type i64 = e.b.getI64Type();
  ValueRange key = find.getKey();
  Value list = listOf(e, lists, keys);
  auto at = [&](Value from, Value n) { return LLVM::LoadOp::create(e.b, i64, e.at(from, n, i64), 8).getResult(); };
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
  Value place = arith::IndexCastOp::create(e.b, e.b.getIndexType(), at(listOf(e, lists, places), safe));
  return e.select(found, e.add(place, 4), e.index(0));
}

void emit::emitIntegerCode(Emitter &e, kernel::IntegersOp op, ArrayRef<Value> pointers, Value item, const Lists &lists) {
  Block &body = op.getBody().front();
  SmallVector<SymbolicShape> shapes;
  for (Value value : llvm::concat<Value>(op->getOperands(), op->getResults())) {
    shapes.push_back(kernel::shapeOf(value));
  }
  unsigned tensors = shapes.size();
  Value positions = e.form(op.getSpace().getPositions());
  IRMapping map;
  map.map(body.getArguments().take_front(tensors), pointers);
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
  auto lengthOf = [&](Value pointer) { return e.form(shapes[llvm::find(pointers, pointer) - pointers.begin()][1]); };
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
      result = emitFind(e, lists, cast<kernel::FindOp>(access));
    }
    if (result) {
      access->getResult(0).replaceAllUsesWith(result);
    }
    access->erase();
  }
}

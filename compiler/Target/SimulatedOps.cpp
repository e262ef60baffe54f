// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls go through the table of runtime/Sim/ABI.h: artifacts need no symbol of the program that loads them. For the
// same reason bf16 is converted here, which host code would call a library for.
#include "compiler/Target/SimulatedOps.h"

#include "compiler/Pipelines/Reproducer.h"
#include "compiler/Target/SimulationRewriter.h"
#include "runtime/Sim/Shadow.h"
#include "runtime/Support/Error.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::target;

uint32_t Sites::number(Operation *op, uint32_t bytes, uint32_t alignment) {
  Entry entry{op->getName().getStringRef().str() + " at " + pipelines::placeText(op->getLoc()), bytes, alignment};
  auto [found, fresh] = numbers.try_emplace(std::move(entry), uint32_t(all.size()));
  if (fresh) {
    all.push_back(&found->first);
  }
  return found->second;
}

std::vector<uint32_t> Sites::words() const {
  std::vector<uint32_t> words;
  uint32_t text = 0;
  for (const Entry *entry : all) {
    words.insert(words.end(), {uint32_t(words.size() / 4), text, entry->bytes, entry->alignment});
    text += entry->text.size() + 1;
  }
  return words;
}

std::string Sites::texts() const {
  std::string texts;
  for (const Entry *entry : all) {
    texts += entry->text + '\0';
  }
  return texts;
}

void SimulationRewriter::refuse(Operation *op, const Twine &why) {
  throw Error(Exit::Internal, ("the simulator does not know '" + op->getName().getStringRef() + "' at " +
                               pipelines::placeText(op->getLoc()) + ": " + why)
                                  .str());
}

Value SimulationRewriter::call(Entry operation, Type result, ValueRange arguments) {
  Value table = LLVM::LoadOp::create(b, pointer(), LLVM::AddressOfOp::create(b, pointer(), tableSymbol));
  Value entry = LLVM::LoadOp::create(b, pointer(), field(table, int64_t(operation) * 8));
  SmallVector<Value> operands{entry};
  operands.append(arguments.begin(), arguments.end());
  auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(b.getContext()),
                                          SmallVector<Type>(arguments.getTypes()));
  auto made = LLVM::CallOp::create(b, type, operands);
  return result ? made.getResult() : Value();
}

Value SimulationRewriter::site(Operation *op, uint32_t bytes, uint32_t alignment) {
  return field(siteTable, int64_t(sites.number(op, bytes, alignment)) * sizeof(sim::Site));
}

// Room on the stack, one place a type, made in the entry block.
Value SimulationRewriter::slot(Type type) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Value one = LLVM::ConstantOp::create(b, word(), int32_t(1));
  return LLVM::AllocaOp::create(b, pointer(), type, one, 16);
}

Value SimulationRewriter::spill(ValueRange values) {
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(values.getTypes()));
  Value &place = slots[0][type];
  if (!place) {
    place = slot(type);
  }
  for (auto [i, value] : llvm::enumerate(values)) {
    LLVM::StoreOp::create(b, value,
                          LLVM::GEPOp::create(b, pointer(), type, place, ArrayRef<LLVM::GEPArg>{0, int32_t(i)}));
  }
  return place;
}

Value SimulationRewriter::resultSlot(Type type) {
  Value &place = slots[1][type];
  return place ? place : place = slot(type);
}

Value SimulationRewriter::asWord(Value value) {
  if (value.getType().isInteger(1)) {
    return LLVM::ZExtOp::create(b, word(), value);
  }
  return value.getType() == word() ? value : LLVM::BitcastOp::create(b, word(), value).getResult();
}

// What an address was computed from.
static Value rootOf(Value address) {
  while (Operation *made = address.getDefiningOp()) {
    if (!isa<LLVM::GEPOp, LLVM::AddrSpaceCastOp, LLVM::BitcastOp>(made)) {
      break;
    }
    address = made->getOperand(0);
  }
  return address;
}

void SimulationRewriter::checkAccess(Operation *op, Value address, Type type, std::optional<uint64_t> alignment,
                                     bool isWrite) {
  if (rootOf(address).getDefiningOp<LLVM::AllocaOp>() || rootOf(address).getDefiningOp<LLVM::AddressOfOp>()) {
    return; // the thread's own, or a constant
  }
  Entry operation;
  switch (cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace()) {
  case 0:
    operation = isWrite ? Entry::storeGeneric : Entry::loadGeneric;
    break;
  case 1:
    operation = isWrite ? Entry::storeGlobal : Entry::loadGlobal;
    break;
  case 3:
  case 7:
    operation = isWrite ? Entry::storeShared : Entry::loadShared;
    break;
  default:
    refuse(op, "accesses of this address space");
  }
  uint32_t bytes = layout.getTypeSize(type).getFixedValue();
  uint32_t promised = alignment.value_or(layout.getTypeABIAlignment(type));
  call(operation, Type(), {self, generic(address), site(op, bytes, promised)});
}

// As the hardware rounds: to the nearest, ties to even; NaNs stay NaNs.
void SimulationRewriter::truncateToBrain(LLVM::FPTruncOp op) {
  Value x = op.getArg();
  if (!getElementTypeOrSelf(x.getType()).isF32()) {
    refuse(op, "expected f32");
  }
  auto like = [&](Type element) -> Type {
    auto vector = dyn_cast<VectorType>(x.getType());
    return vector ? Type(vector.clone(element)) : element;
  };
  Type words = like(b.getI32Type()), halves = like(b.getI16Type());
  auto number = [&](int32_t value) -> Value {
    Attribute one = b.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(words)) {
      one = DenseElementsAttr::get(vector, value);
    }
    return LLVM::ConstantOp::create(b, words, one);
  };
  Value bits = LLVM::BitcastOp::create(b, words, x);
  Value high = LLVM::LShrOp::create(b, bits, number(16));
  Value odd = LLVM::AndOp::create(b, high, number(1));
  Value sum = LLVM::AddOp::create(b, bits, LLVM::AddOp::create(b, odd, number(0x7fff)));
  Value rounded = LLVM::LShrOp::create(b, sum, number(16));
  Value quiet = LLVM::OrOp::create(b, high, number(64));
  Value isNaN = LLVM::FCmpOp::create(b, like(b.getI1Type()), LLVM::FCmpPredicate::uno, x, x);
  Value chosen = LLVM::SelectOp::create(b, isNaN, quiet, rounded);
  replace(op, LLVM::BitcastOp::create(b, op.getType(), LLVM::TruncOp::create(b, halves, chosen)));
}

static bool isNarrowFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isBF16() || element.isF16();
}

void SimulationRewriter::extendBrain(LLVM::FPExtOp op) {
  if (!getElementTypeOrSelf(op.getType()).isF32()) {
    refuse(op, "expected f32");
  }
  auto like = [&](Type element) -> Type {
    auto vector = dyn_cast<VectorType>(op.getType());
    return vector ? Type(vector.clone(element)) : element;
  };
  Type words = like(b.getI32Type());
  Value bits = LLVM::BitcastOp::create(b, like(b.getI16Type()), op.getArg());
  Value wide = LLVM::ZExtOp::create(b, words, bits);
  Attribute sixteen = b.getI32IntegerAttr(16);
  if (auto vector = dyn_cast<VectorType>(words)) {
    sixteen = DenseElementsAttr::get(vector, int32_t(16));
  }
  Value shifted = LLVM::ShlOp::create(b, wide, LLVM::ConstantOp::create(b, words, sixteen));
  replace(op, LLVM::BitcastOp::create(b, op.getType(), shifted));
}

// To the nearest number with 10 bits of mantissa, ties away from zero; infinities and NaNs stay what they are.
bool SimulationRewriter::roundToTf32(Operation *op) {
  auto conversion = dyn_cast<NVVM::ConvertFloatToTF32Op>(op);
  if (!conversion) {
    return false;
  }
  if (conversion.getRnd() != NVVM::FPRoundingMode::RNA || conversion.getRelu() ||
      conversion.getSat() != NVVM::SaturationMode::NONE) {
    refuse(op, "expected cvt.rna");
  }
  Value bits = LLVM::BitcastOp::create(b, word(), conversion.getSrc()), exponent = constant(0x7f800000);
  Value rounded = LLVM::AndOp::create(b, LLVM::AddOp::create(b, bits, constant(0x1000)), constant(~0x1fff));
  Value finite = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, LLVM::AndOp::create(b, bits, exponent), exponent);
  replace(op, LLVM::SelectOp::create(b, finite, rounded, bits));
  return true;
}

// Who reads a sum must have waited for it; only the next product may take it as it is.
void SimulationRewriter::readSum(LLVM::ExtractValueOp op) {
  auto reads = [](OpOperand &use) { return !isa<LLVM::InlineAsmOp>(use.getOwner()); };
  if (llvm::none_of(op->getUses(), reads)) {
    return;
  }
  b.setInsertionPointAfter(op);
  Value number = constant(op.getPosition().front()), where = site(op);
  Value value = call(Entry::accumulator, b.getF32Type(), {self, op.getRes(), number, where});
  op.getRes().replaceUsesWithIf(value,
                                [&](OpOperand &use) { return reads(use) && use.getOwner() != value.getDefiningOp(); });
}

void SimulationRewriter::rewriteLLVM(Operation *op) {
  if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
    return checkAccess(op, load.getAddr(), load.getType(), load.getAlignment(), false);
  }
  if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
    return checkAccess(op, store.getAddr(), store.getValue().getType(), store.getAlignment(), true);
  }
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    auto found = shared.offsets.find(address.getGlobalNameAttr().getAttr());
    if (found != shared.offsets.end()) {
      Value begin = LLVM::LoadOp::create(b, pointer(), field(self, offsetof(sim::Registers, shared)));
      replace(op, LLVM::AddrSpaceCastOp::create(b, address.getType(), field(begin, found->second)));
    }
    return;
  }
  if (auto extract = dyn_cast<LLVM::ExtractValueOp>(op); extract && sums.contains(extract.getContainer().getType())) {
    return readSum(extract);
  }
  auto truncation = dyn_cast<LLVM::FPTruncOp>(op);
  if (truncation && getElementTypeOrSelf(truncation.getType()).isBF16()) {
    return truncateToBrain(truncation);
  }
  auto extension = dyn_cast<LLVM::FPExtOp>(op);
  if (extension && getElementTypeOrSelf(extension.getArg().getType()).isBF16()) {
    return extendBrain(extension);
  }
  StringRef name = op->getName().getStringRef();
  bool computes = isa<LLVM::FAddOp, LLVM::FSubOp, LLVM::FMulOp, LLVM::FDivOp, LLVM::FRemOp, LLVM::FPTruncOp,
                      LLVM::FPExtOp, LLVM::SIToFPOp, LLVM::UIToFPOp>(op) ||
                  name.starts_with("llvm.intr.");
  auto narrow = [](Value value) { return isNarrowFloat(value.getType()); };
  if (computes && (llvm::any_of(op->getResults(), narrow) || llvm::any_of(op->getOperands(), narrow))) {
    refuse(op, "arithmetic on 16-bit floats; widen to f32");
  }
  if (isa<LLVM::CallOp, LLVM::InvokeOp, LLVM::InlineAsmOp, LLVM::AtomicRMWOp, LLVM::AtomicCmpXchgOp, LLVM::FenceOp>(
          op) ||
      name.starts_with("llvm.intr.mem") || name.starts_with("llvm.intr.masked") || name.starts_with("llvm.intr.vp") ||
      name.contains("trap")) {
    refuse(op, "not modelled");
  }
}

void SimulationRewriter::rewrite(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  if (rewriteThread(op) || rewriteWarp(op) || rewriteMatrix(op) || rewriteCopy(op) || rewriteMBarrier(op) ||
      rewriteTensor(op) || rewriteWgmma(op) || rewriteApproximation(op) || roundToTf32(op)) {
    return;
  }
  if (!isa<LLVM::LLVMDialect>(op->getDialect())) {
    refuse(op, "not modelled");
  }
  rewriteLLVM(op);
}

bool SimulationRewriter::run() {
  SmallVector<Operation *> all;
  function.getBody().walk([&](Operation *op) {
    all.push_back(op);
    if (auto mma = dyn_cast<NVVM::WgmmaMmaAsyncOp>(op)) {
      sums.insert(mma.getResults().getType());
    }
    if (auto text = dyn_cast<LLVM::InlineAsmOp>(op); text && text->getNumResults()) {
      sums.insert(text.getResult(0).getType());
    }
  });
  b.setInsertionPointToStart(&function.getBody().front());
  self = call(Entry::current, pointer(), {});
  siteTable = LLVM::AddressOfOp::create(b, pointer(), (function.getName() + "_sites").str());
  for (Operation *op : all) {
    rewrite(op);
  }
  if (sites.count() >= sim::Touch::maxSites) {
    throw Error(Exit::Internal, "the simulator tells " + std::to_string(sim::Touch::maxSites) +
                                    " operations of a kernel apart; '" + function.getName().str() + "' has " +
                                    std::to_string(sites.count()));
  }
  return synchronises;
}

bool target::simulateOps(LLVM::LLVMFuncOp function, const SharedLayout &shared, Sites &sites) {
  return SimulationRewriter(function, shared, sites).run();
}

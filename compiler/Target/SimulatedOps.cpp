// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls go through the table of runtime/Sim/ABI.h: artifacts need no symbol of the program that loads them. For the same
// reason bf16 is converted here, which host code would call a library for.
#include "compiler/Target/SimulatedOps.h"

#include "compiler/Pipelines/Reproducer.h"
#include "runtime/Sim/ABI.h"
#include "runtime/Sim/Shadow.h"
#include "runtime/Support/Error.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

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

namespace {

enum Operation_ : int64_t {
#define MBLM_SIM_OPERATION(result, name, ...) op_##name,
#include "runtime/Sim/Operations.def"
};

class Rewriter {
public:
  Rewriter(LLVM::LLVMFuncOp function, const SharedLayout &shared, Sites &sites)
      : function(function), shared(shared), sites(sites), layout(function->getParentOfType<ModuleOp>()),
        b(function.getLoc(), function.getContext()) {}

  bool run();

private:
  // Types and constants.
  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Type word() { return b.getI32Type(); }
  Value constant(int64_t value) { return LLVM::ConstantOp::create(b, word(), int32_t(value)); }
  Value field(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(b, pointer(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
  }
  Value generic(Value address) {
    return address.getType() == pointer() ? address : LLVM::AddrSpaceCastOp::create(b, pointer(), address).getResult();
  }
  Value asWord(Value value);

  // Calls.
  Value call(Operation_ operation, Type result, ValueRange arguments);
  Value waiting(Operation_ operation, Type result, ValueRange arguments) {
    synchronises = true;
    return call(operation, result, arguments);
  }
  Value site(Operation *op, uint32_t bytes = 0, uint32_t alignment = 1);
  Value slot(Type type);
  Value spill(ValueRange values);
  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }
  [[noreturn]] void refuse(Operation *op, const Twine &why);

  // Kinds of operations.
  void rewrite(Operation *op);
  bool rewriteThread(Operation *op);
  bool rewriteWarp(Operation *op);
  bool rewriteMatrix(Operation *op);
  bool rewriteCopy(Operation *op);
  bool rewriteMBarrier(Operation *op);
  bool rewriteTensor(Operation *op);
  bool rewriteWgmma(Operation *op);
  Value resultSlot(Type type);
  bool rewriteApproximation(Operation *op);
  void rewriteLLVM(Operation *op);
  void checkAccess(Operation *op, Value address, Type type, std::optional<uint64_t> alignment, bool isWrite);
  void truncateToBrain(LLVM::FPTruncOp op);
  void extendBrain(LLVM::FPExtOp op);

  LLVM::LLVMFuncOp function;
  const SharedLayout &shared;
  Sites &sites;
  DataLayout layout;
  ImplicitLocOpBuilder b;
  Value self;      // the thread
  Value siteTable; // its sites
  DenseMap<Type, Value> slots[2];
  llvm::SmallDenseSet<Type> sums; // types of what wgmma adds to
  bool synchronises = false;
};

} // namespace

void Rewriter::refuse(Operation *op, const Twine &why) {
  throw Error(Exit::Internal, ("the simulator does not know '" + op->getName().getStringRef() + "' at " +
                               pipelines::placeText(op->getLoc()) + ": " + why)
                                  .str());
}

Value Rewriter::call(Operation_ operation, Type result, ValueRange arguments) {
  Value table = LLVM::LoadOp::create(b, pointer(), LLVM::AddressOfOp::create(b, pointer(), tableSymbol));
  Value entry = LLVM::LoadOp::create(b, pointer(), field(table, int64_t(operation) * 8));
  SmallVector<Value> operands{entry};
  operands.append(arguments.begin(), arguments.end());
  auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(b.getContext()),
                                          SmallVector<Type>(arguments.getTypes()));
  auto made = LLVM::CallOp::create(b, type, operands);
  return result ? made.getResult() : Value();
}

Value Rewriter::site(Operation *op, uint32_t bytes, uint32_t alignment) {
  return field(siteTable, int64_t(sites.number(op, bytes, alignment)) * sizeof(sim::Site));
}

// Room on the stack, one place a type, made in the entry block.
Value Rewriter::slot(Type type) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Value one = LLVM::ConstantOp::create(b, word(), int32_t(1));
  return LLVM::AllocaOp::create(b, pointer(), type, one, 16);
}

Value Rewriter::spill(ValueRange values) {
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(values.getTypes()));
  Value &place = slots[0][type];
  if (!place) {
    place = slot(type);
  }
  for (auto [i, value] : llvm::enumerate(values)) {
    LLVM::StoreOp::create(
        b, value, LLVM::GEPOp::create(b, pointer(), type, place, ArrayRef<LLVM::GEPArg>{0, int32_t(i)}));
  }
  return place;
}

Value Rewriter::resultSlot(Type type) {
  Value &place = slots[1][type];
  return place ? place : place = slot(type);
}

Value Rewriter::asWord(Value value) {
  if (value.getType().isInteger(1)) {
    return LLVM::ZExtOp::create(b, word(), value);
  }
  return value.getType() == word() ? value : LLVM::BitcastOp::create(b, word(), value).getResult();
}

// Special registers are fields of the thread.
bool Rewriter::rewriteThread(Operation *op) {
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("nvvm.read.ptx.sreg.")) {
    return false;
  }
  if (name == "warpsize") {
    replace(op, constant(32));
    return true;
  }
  int number = llvm::StringSwitch<int>(name)
                   .Case("tid.x", sim::TidX)
                   .Case("tid.y", sim::TidY)
                   .Case("tid.z", sim::TidZ)
                   .Case("ntid.x", sim::NtidX)
                   .Case("ntid.y", sim::NtidY)
                   .Case("ntid.z", sim::NtidZ)
                   .Case("ctaid.x", sim::CtaidX)
                   .Case("ctaid.y", sim::CtaidY)
                   .Case("ctaid.z", sim::CtaidZ)
                   .Case("nctaid.x", sim::NctaidX)
                   .Case("nctaid.y", sim::NctaidY)
                   .Case("nctaid.z", sim::NctaidZ)
                   .Case("laneid", sim::LaneId)
                   .Case("warpid", sim::WarpId)
                   .Default(-1);
  if (number < 0) {
    refuse(op, "no such register");
  }
  replace(op, LLVM::LoadOp::create(b, word(), field(self, number * 4)));
  return true;
}

bool Rewriter::rewriteWarp(Operation *op) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](NVVM::Barrier0Op) {
        waiting(op_barrier, Type(), {self, constant(0), constant(0), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::BarrierOp barrier) {
        if (barrier.getReductionOp()) {
          refuse(op, "barriers that reduce");
        }
        Value id = barrier.getBarrierId(), count = barrier.getNumberOfThreads();
        waiting(op_barrier, Type(), {self, id ? id : constant(0), count ? count : constant(0), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::BarrierArriveOp barrier) {
        Value id = barrier.getBarrierId();
        waiting(op_barrierArrive, Type(), {self, id ? id : constant(0), barrier.getNumberOfThreads(), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::SyncWarpOp sync) {
        waiting(op_syncWarp, Type(), {self, sync.getMask(), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::ElectSyncOp elect) {
        Value mask = elect.getMembermask() ? elect.getMembermask() : constant(-1);
        Value chosen = waiting(op_elect, word(), {self, mask, site(op)});
        replace(op, LLVM::TruncOp::create(b, b.getI1Type(), chosen));
        return true;
      })
      .Case([&](NVVM::ShflOp shuffle) {
        Value result = waiting(op_shuffle, b.getI64Type(),
                               {self, shuffle.getThreadMask(), constant(int64_t(shuffle.getKind())),
                                asWord(shuffle.getVal()), shuffle.getOffset(), shuffle.getMaskAndClamp(), site(op)});
        Value value = LLVM::TruncOp::create(b, word(), result);
        if (shuffle.getVal().getType() != word()) {
          value = LLVM::BitcastOp::create(b, shuffle.getVal().getType(), value);
        }
        if (auto pair = dyn_cast<LLVM::LLVMStructType>(shuffle.getType())) {
          Value high = LLVM::LShrOp::create(b, result, LLVM::ConstantOp::create(b, b.getI64Type(), int64_t(32)));
          Value inRange = LLVM::TruncOp::create(b, b.getI1Type(), high);
          Value both = LLVM::InsertValueOp::create(b, LLVM::UndefOp::create(b, pair), value, int64_t(0));
          value = LLVM::InsertValueOp::create(b, both, inRange, int64_t(1));
        }
        replace(op, value);
        return true;
      })
      .Case([&](NVVM::VoteSyncOp vote) {
        Value result = waiting(op_vote, word(),
                               {self, vote.getMask(), constant(int64_t(vote.getKind())), asWord(vote.getPred()), site(op)});
        if (vote.getType().isInteger(1)) {
          result = LLVM::TruncOp::create(b, b.getI1Type(), result);
        }
        replace(op, result);
        return true;
      })
      .Case([&](NVVM::ReduxOp redux) {
        std::optional<sim::ReduceKind> kind;
        switch (redux.getKind()) {
        case NVVM::ReduxKind::ADD: kind = sim::Add; break;
        case NVVM::ReduxKind::AND: kind = sim::And; break;
        case NVVM::ReduxKind::MAX: kind = sim::Max; break;
        case NVVM::ReduxKind::MIN: kind = sim::Min; break;
        case NVVM::ReduxKind::OR: kind = sim::Or; break;
        case NVVM::ReduxKind::UMAX: kind = sim::UnsignedMax; break;
        case NVVM::ReduxKind::UMIN: kind = sim::UnsignedMin; break;
        case NVVM::ReduxKind::XOR: kind = sim::Xor; break;
        default: refuse(op, "reductions of numbers");
        }
        replace(op, waiting(op_reduce, word(),
                            {self, redux.getMaskAndClamp(), constant(int64_t(*kind)), redux.getVal(), site(op)}));
        return true;
      })
      .Default(false);
}

bool Rewriter::rewriteMatrix(Operation *op) {
  if (auto mma = dyn_cast<NVVM::MmaOp>(op)) {
    auto shape = mma.getShape();
    auto type = mma.getMultiplicandAPtxType().value_or(NVVM::MMATypes::f16);
    auto result = cast<LLVM::LLVMStructType>(mma.getType());
    std::optional<sim::MatrixKind> kind;
    if (shape.getM() == 16 && shape.getN() == 8 && result.getBody().size() == 4 && result.getBody()[0].isF32()) {
      if (shape.getK() == 16 && type == NVVM::MMATypes::bf16) {
        kind = sim::BrainFloat16;
      } else if (shape.getK() == 16 && type == NVVM::MMATypes::f16) {
        kind = sim::Half16;
      } else if (shape.getK() == 8 && type == NVVM::MMATypes::tf32) {
        kind = sim::TensorFloat8;
      }
    }
    if (!kind) {
      refuse(op, "expected m16n8k16 of bf16 or f16, or m16n8k8 of tf32, with f32 sums");
    }
    Value place = resultSlot(result);
    waiting(op_multiply, Type(), {self, constant(*kind), spill(op->getOperands()), place, site(op)});
    replace(op, LLVM::LoadOp::create(b, result, place));
    return true;
  }
  if (auto load = dyn_cast<NVVM::LdMatrixOp>(op)) {
    if (load.getEltType() != NVVM::LdStMatrixEltType::B16 || load.getShape().getM() != 8 ||
        load.getShape().getN() != 8) {
      refuse(op, "expected 8 x 8 matrices of 16-bit elements");
    }
    Value place = resultSlot(load.getType());
    waiting(op_loadMatrix, Type(),
            {self, generic(load.getPtr()), constant(load.getNum()),
             constant(load.getLayout() == NVVM::MMALayout::col), place, site(op)});
    replace(op, LLVM::LoadOp::create(b, load.getType(), place));
    return true;
  }
  return false;
}

bool Rewriter::rewriteCopy(Operation *op) {
  if (auto copy = dyn_cast<NVVM::CpAsyncOp>(op)) {
    Value bytes = constant(copy.getSize());
    call(op_copyAsync, Type(),
         {self, generic(copy.getDst()), generic(copy.getSrc()), bytes,
          copy.getCpSize() ? copy.getCpSize() : bytes, site(op)});
  } else if (isa<NVVM::CpAsyncCommitGroupOp>(op)) {
    call(op_copyAsyncCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncWaitGroupOp>(op)) {
    call(op_copyAsyncWait, Type(), {self, constant(wait.getN()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

bool Rewriter::rewriteMBarrier(Operation *op) {
  auto unconditional = [&](Value predicate) {
    if (predicate) {
      refuse(op, "predicates; put it into a branch");
    }
  };
  auto arrive = [&](Value address, Value count) {
    call(op_mbarrierArrive, Type(), {self, generic(address), count ? count : constant(1), site(op)});
    if (op->getNumResults() && !op->use_empty()) {
      refuse(op, "states of phases; wait by parity");
    }
  };
  if (auto init = dyn_cast<NVVM::MBarrierInitOp>(op)) {
    unconditional(init.getPredicate());
    call(op_mbarrierInit, Type(), {self, generic(init.getAddr()), init.getCount(), site(op)});
  } else if (auto inval = dyn_cast<NVVM::MBarrierInvalOp>(op)) {
    call(op_mbarrierInvalidate, Type(), {self, generic(inval.getAddr()), site(op)});
  } else if (auto simple = dyn_cast<NVVM::MBarrierArriveOp>(op)) {
    arrive(simple.getAddr(), simple.getCount());
  } else if (auto expecting = dyn_cast<NVVM::MBarrierArriveExpectTxOp>(op)) {
    unconditional(expecting.getPredicate());
    call(op_mbarrierExpect, Type(), {self, generic(expecting.getAddr()), expecting.getTxcount(), site(op)});
    arrive(expecting.getAddr(), Value());
  } else if (auto wait = dyn_cast<NVVM::MBarrierTryWaitParityOp>(op)) {
    waiting(op_mbarrierWait, Type(), {self, generic(wait.getAddr()), wait.getPhase(), site(op)});
  } else if (auto fence = dyn_cast<NVVM::FenceProxyOp>(op)) {
    if (fence.getKind() != NVVM::ProxyKind::async && fence.getKind() != NVVM::ProxyKind::async_shared) {
      refuse(op, "expected the proxy async or async.shared");
    }
    call(op_proxyFence, Type(), {self});
  } else if (!isa<NVVM::FenceMbarrierInitOp, NVVM::SetMaxRegisterOp, NVVM::PrefetchOp>(op)) { // these do nothing here
    return false;
  }
  op->erase();
  return true;
}

bool Rewriter::rewriteTensor(Operation *op) {
  auto plain = [&](bool tile, ValueRange coordinates, Value predicate) {
    if (!tile || coordinates.size() != 2 || predicate) {
      refuse(op, "expected a tile of a 2-D tensor, without a predicate");
    }
  };
  if (auto load = dyn_cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op)) {
    auto at = load.getCoordinates();
    plain(load.getMode() == NVVM::TMALoadMode::TILE && !load.getMulticastMask(), at, load.getPredicate());
    call(op_tensorLoad, Type(),
         {self, generic(load.getDstMem()), generic(load.getTmaDescriptor()), generic(load.getMbar()), at[0], at[1],
          site(op)});
  } else if (auto store = dyn_cast<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(op)) {
    auto at = store.getCoordinates();
    plain(store.getMode() == NVVM::TMAStoreMode::TILE, at, store.getPredicate());
    call(op_tensorStore, Type(),
         {self, generic(store.getSrcMem()), generic(store.getTmaDescriptor()), at[0], at[1], site(op)});
  } else if (isa<NVVM::CpAsyncBulkCommitGroupOp>(op)) {
    call(op_bulkCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncBulkWaitGroupOp>(op)) {
    call(op_bulkWait, Type(), {self, constant(wait.getGroup()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

bool Rewriter::rewriteWgmma(Operation *op) {
  if (auto mma = dyn_cast<NVVM::WgmmaMmaAsyncOp>(op)) {
    auto shape = mma.getShape();
    auto sums = cast<LLVM::LLVMStructType>(mma.getResults().getType());
    if (mma.getTypeA() != NVVM::WGMMATypes::bf16 || mma.getTypeB() != NVVM::WGMMATypes::bf16 ||
        mma.getTypeD() != NVVM::WGMMATypes::f32 || shape.getM() != 64 || shape.getK() != 16 ||
        int64_t(sums.getBody().size()) * 2 != shape.getN()) {
      refuse(op, "expected m64nNk16 of bf16 with f32 sums");
    }
    uint32_t flags = 0;
    flags |= mma.getScaleD() == NVVM::WGMMAScaleOut::one ? sim::Accumulate : 0;
    flags |= mma.getScaleA() == NVVM::WGMMAScaleIn::neg ? sim::NegateA : 0;
    flags |= mma.getScaleB() == NVVM::WGMMAScaleIn::neg ? sim::NegateB : 0;
    flags |= mma.getLayoutA() == NVVM::MMALayout::col ? sim::ColumnsOfA : 0;
    flags |= mma.getLayoutB() == NVVM::MMALayout::row ? sim::RowsOfB : 0;
    Value place = resultSlot(sums);
    waiting(op_wgmma, Type(),
            {self, constant(shape.getN()), constant(flags), spill(mma.getInouts()), place, mma.getDescriptorA(),
             mma.getDescriptorB(), LLVM::ZeroOp::create(b, pointer()), site(op)});
    replace(op, LLVM::LoadOp::create(b, sums, place));
    return true;
  }
  if (isa<NVVM::WgmmaFenceAlignedOp>(op)) {
    call(op_wgmmaFence, Type(), {self});
  } else if (isa<NVVM::WgmmaGroupSyncAlignedOp>(op)) {
    call(op_wgmmaCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::WgmmaWaitGroupSyncOp>(op)) {
    call(op_wgmmaWait, Type(), {self, constant(wait.getGroup()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

static std::optional<Operation_> approximation(StringRef name) {
  return llvm::StringSwitch<std::optional<Operation_>>(name)
      .StartsWith("ex2.approx", op_exponential2)
      .StartsWith("lg2.approx", op_logarithm2)
      .StartsWith("rcp.approx", op_reciprocal)
      .StartsWith("rsqrt.approx", op_reciprocalRoot)
      .StartsWith("tanh.approx", op_hyperbolicTangent)
      .Default(std::nullopt);
}

bool Rewriter::rewriteApproximation(Operation *op) {
  std::optional<Operation_> operation;
  ValueRange arguments = op->getOperands();
  if (auto ptx = dyn_cast<NVVM::InlinePtxOp>(op)) {
    operation = approximation(ptx.getPtxCode());
    arguments = ptx.getReadOnlyArgs();
    if (!operation) {
      refuse(op, "'" + ptx.getPtxCode() + "'");
    }
  } else if (auto intrinsic = dyn_cast<LLVM::CallIntrinsicOp>(op)) {
    StringRef name = intrinsic.getIntrin();
    name.consume_front("llvm.nvvm.");
    operation = approximation(name);
    arguments = intrinsic.getArgs();
    if (!operation) {
      refuse(op, "'" + intrinsic.getIntrin() + "'");
    }
  } else if (isa<NVVM::RcpApproxFtzF32Op>(op)) {
    operation = op_reciprocal;
  } else {
    return false;
  }
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isF32() || arguments.size() != 1 ||
      !arguments[0].getType().isF32()) {
    refuse(op, "expected one f32 in, one f32 out");
  }
  replace(op, call(*operation, b.getF32Type(), arguments));
  return true;
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

void Rewriter::checkAccess(Operation *op, Value address, Type type, std::optional<uint64_t> alignment, bool isWrite) {
  if (rootOf(address).getDefiningOp<LLVM::AllocaOp>() || rootOf(address).getDefiningOp<LLVM::AddressOfOp>()) {
    return; // the thread's own, or a constant
  }
  Operation_ operation;
  switch (cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace()) {
  case 0:
    operation = isWrite ? op_storeGeneric : op_loadGeneric;
    break;
  case 1:
    operation = isWrite ? op_storeGlobal : op_loadGlobal;
    break;
  case 3:
  case 7:
    operation = isWrite ? op_storeShared : op_loadShared;
    break;
  default:
    refuse(op, "accesses of this address space");
  }
  uint32_t bytes = layout.getTypeSize(type).getFixedValue();
  uint32_t promised = alignment.value_or(layout.getTypeABIAlignment(type));
  call(operation, Type(), {self, generic(address), site(op, bytes, promised)});
}

// As the hardware rounds: to the nearest, ties to even; NaNs stay NaNs.
void Rewriter::truncateToBrain(LLVM::FPTruncOp op) {
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

void Rewriter::extendBrain(LLVM::FPExtOp op) {
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

void Rewriter::rewriteLLVM(Operation *op) {
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
    b.setInsertionPointAfter(op);
    Value value = call(op_accumulator, b.getF32Type(),
                       {self, extract.getRes(), constant(extract.getPosition().front()), site(op)});
    extract.getRes().replaceAllUsesExcept(value, value.getDefiningOp());
    return;
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
  bool computes = isa<LLVM::FAddOp, LLVM::FSubOp, LLVM::FMulOp, LLVM::FDivOp, LLVM::FRemOp, LLVM::FPTruncOp, LLVM::FPExtOp,
                      LLVM::SIToFPOp, LLVM::UIToFPOp>(op) ||
                  name.starts_with("llvm.intr.");
  auto narrow = [](Value value) { return isNarrowFloat(value.getType()); };
  if (computes && (llvm::any_of(op->getResults(), narrow) || llvm::any_of(op->getOperands(), narrow))) {
    refuse(op, "arithmetic on 16-bit floats; widen to f32");
  }
  if (isa<LLVM::CallOp, LLVM::InvokeOp, LLVM::InlineAsmOp, LLVM::AtomicRMWOp, LLVM::AtomicCmpXchgOp, LLVM::FenceOp>(op) ||
      name.starts_with("llvm.intr.mem") || name.contains("trap")) {
    refuse(op, "not modelled");
  }
}

void Rewriter::rewrite(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  if (rewriteThread(op) || rewriteWarp(op) || rewriteMatrix(op) || rewriteCopy(op) || rewriteMBarrier(op) ||
      rewriteTensor(op) || rewriteWgmma(op) || rewriteApproximation(op)) {
    return;
  }
  if (!isa<LLVM::LLVMDialect>(op->getDialect())) {
    refuse(op, "not modelled");
  }
  rewriteLLVM(op);
}

bool Rewriter::run() {
  SmallVector<Operation *> all;
  function.getBody().walk([&](Operation *op) {
    all.push_back(op);
    if (auto mma = dyn_cast<NVVM::WgmmaMmaAsyncOp>(op)) {
      sums.insert(mma.getResults().getType());
    }
  });
  b.setInsertionPointToStart(&function.getBody().front());
  self = call(op_current, pointer(), {});
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
  return Rewriter(function, shared, sites).run();
}

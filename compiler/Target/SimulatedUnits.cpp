// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What NVVM's operations become. Operands that come in numbers go through a place on the stack.
#include "compiler/Target/SimulationRewriter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::target;

// Special registers are fields of the thread.
bool SimulationRewriter::rewriteThread(Operation *op) {
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

bool SimulationRewriter::rewriteWarp(Operation *op) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](NVVM::Barrier0Op) {
        waiting(Entry::barrier, Type(), {self, constant(0), constant(0), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::BarrierOp barrier) {
        if (barrier.getReductionOp()) {
          refuse(op, "barriers that reduce");
        }
        Value id = barrier.getBarrierId(), count = barrier.getNumberOfThreads();
        waiting(Entry::barrier, Type(), {self, id ? id : constant(0), count ? count : constant(0), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::BarrierArriveOp barrier) {
        Value id = barrier.getBarrierId();
        waiting(Entry::barrierArrive, Type(), {self, id ? id : constant(0), barrier.getNumberOfThreads(), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::SyncWarpOp sync) {
        waiting(Entry::syncWarp, Type(), {self, sync.getMask(), site(op)});
        op->erase();
        return true;
      })
      .Case([&](NVVM::ElectSyncOp elect) {
        Value mask = elect.getMembermask() ? elect.getMembermask() : constant(-1);
        Value chosen = waiting(Entry::elect, word(), {self, mask, site(op)});
        replace(op, LLVM::TruncOp::create(b, b.getI1Type(), chosen));
        return true;
      })
      .Case([&](NVVM::ShflOp shuffle) {
        Value result = waiting(Entry::shuffle, b.getI64Type(),
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
        Value result =
            waiting(Entry::vote, word(),
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
        case NVVM::ReduxKind::ADD:
          kind = sim::Add;
          break;
        case NVVM::ReduxKind::AND:
          kind = sim::And;
          break;
        case NVVM::ReduxKind::MAX:
          kind = sim::Max;
          break;
        case NVVM::ReduxKind::MIN:
          kind = sim::Min;
          break;
        case NVVM::ReduxKind::OR:
          kind = sim::Or;
          break;
        case NVVM::ReduxKind::UMAX:
          kind = sim::UnsignedMax;
          break;
        case NVVM::ReduxKind::UMIN:
          kind = sim::UnsignedMin;
          break;
        case NVVM::ReduxKind::XOR:
          kind = sim::Xor;
          break;
        default:
          refuse(op, "reductions of numbers");
        }
        replace(op, waiting(Entry::reduce, word(),
                            {self, redux.getMaskAndClamp(), constant(int64_t(*kind)), redux.getVal(), site(op)}));
        return true;
      })
      .Default(false);
}

bool SimulationRewriter::rewriteMatrix(Operation *op) {
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
    waiting(Entry::multiply, Type(), {self, constant(*kind), spill(op->getOperands()), place, site(op)});
    replace(op, LLVM::LoadOp::create(b, result, place));
    return true;
  }
  if (auto load = dyn_cast<NVVM::LdMatrixOp>(op)) {
    if (load.getEltType() != NVVM::LdStMatrixEltType::B16 || load.getShape().getM() != 8 ||
        load.getShape().getN() != 8) {
      refuse(op, "expected 8 x 8 matrices of 16-bit elements");
    }
    Value place = resultSlot(load.getType());
    waiting(Entry::loadMatrix, Type(),
            {self, generic(load.getPtr()), constant(load.getNum()), constant(load.getLayout() == NVVM::MMALayout::col),
             place, site(op)});
    replace(op, LLVM::LoadOp::create(b, load.getType(), place));
    return true;
  }
  return false;
}

bool SimulationRewriter::rewriteCopy(Operation *op) {
  if (auto copy = dyn_cast<NVVM::CpAsyncOp>(op)) {
    Value bytes = constant(copy.getSize());
    call(Entry::copyAsync, Type(),
         {self, generic(copy.getDst()), generic(copy.getSrc()), bytes, copy.getCpSize() ? copy.getCpSize() : bytes,
          site(op)});
  } else if (isa<NVVM::CpAsyncCommitGroupOp>(op)) {
    call(Entry::copyAsyncCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncWaitGroupOp>(op)) {
    call(Entry::copyAsyncWait, Type(), {self, constant(wait.getN()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

bool SimulationRewriter::rewriteMBarrier(Operation *op) {
  auto unconditional = [&](Value predicate) {
    if (predicate) {
      refuse(op, "predicates; put it into a branch");
    }
  };
  auto arrive = [&](Value address, Value count) {
    call(Entry::mbarrierArrive, Type(), {self, generic(address), count ? count : constant(1), site(op)});
    if (op->getNumResults() && !op->use_empty()) {
      refuse(op, "states of phases; wait by parity");
    }
  };
  if (auto init = dyn_cast<NVVM::MBarrierInitOp>(op)) {
    unconditional(init.getPredicate());
    call(Entry::mbarrierInit, Type(), {self, generic(init.getAddr()), init.getCount(), site(op)});
  } else if (auto inval = dyn_cast<NVVM::MBarrierInvalOp>(op)) {
    call(Entry::mbarrierInvalidate, Type(), {self, generic(inval.getAddr()), site(op)});
  } else if (auto simple = dyn_cast<NVVM::MBarrierArriveOp>(op)) {
    arrive(simple.getAddr(), simple.getCount());
  } else if (auto expecting = dyn_cast<NVVM::MBarrierArriveExpectTxOp>(op)) {
    unconditional(expecting.getPredicate());
    call(Entry::mbarrierExpect, Type(), {self, generic(expecting.getAddr()), expecting.getTxcount(), site(op)});
    arrive(expecting.getAddr(), Value());
  } else if (auto expect = dyn_cast<NVVM::MBarrierExpectTxOp>(op)) {
    call(Entry::mbarrierExpect, Type(), {self, generic(expect.getAddr()), expect.getTxcount(), site(op)});
  } else if (auto wait = dyn_cast<NVVM::MBarrierTryWaitParityOp>(op)) {
    waiting(Entry::mbarrierWait, Type(), {self, generic(wait.getAddr()), wait.getPhase(), site(op)});
  } else if (auto fence = dyn_cast<NVVM::FenceProxyOp>(op)) {
    if (fence.getKind() != NVVM::ProxyKind::async && fence.getKind() != NVVM::ProxyKind::async_shared) {
      refuse(op, "expected the proxy async or async.shared");
    }
    call(Entry::proxyFence, Type(), {self});
  } else if (!isa<NVVM::FenceMbarrierInitOp, NVVM::SetMaxRegisterOp, NVVM::PrefetchOp>(op)) { // these do nothing here
    return false;
  }
  op->erase();
  return true;
}

bool SimulationRewriter::rewriteTensor(Operation *op) {
  auto plain = [&](bool tile, ValueRange coordinates, unsigned most, Value predicate) {
    if (!tile || coordinates.size() < 2 || coordinates.size() > most || predicate) {
      refuse(op, most == 2 ? "expected a tile of a 2-D tensor, without a predicate"
                           : "expected a tile of a 2-D or 3-D tensor, without a predicate");
    }
  };
  if (auto load = dyn_cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op)) {
    auto at = load.getCoordinates();
    plain(load.getMode() == NVVM::TMALoadMode::TILE && !load.getMulticastMask(), at, 3, load.getPredicate());
    call(Entry::tensorLoad, Type(),
         {self, generic(load.getDstMem()), generic(load.getTmaDescriptor()), generic(load.getMbar()), at[0], at[1],
          at.size() == 3 ? at[2] : constant(sim::noMatrix), site(op)});
  } else if (auto store = dyn_cast<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(op)) {
    auto at = store.getCoordinates();
    plain(store.getMode() == NVVM::TMAStoreMode::TILE, at, 2, store.getPredicate());
    call(Entry::tensorStore, Type(),
         {self, generic(store.getSrcMem()), generic(store.getTmaDescriptor()), at[0], at[1], site(op)});
  } else if (isa<NVVM::CpAsyncBulkCommitGroupOp>(op)) {
    call(Entry::bulkCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::CpAsyncBulkWaitGroupOp>(op)) {
    call(Entry::bulkWait, Type(), {self, constant(wait.getGroup()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

// wgmma with A in registers, which NVVM has no operation for:
//   "... wgmma.mma_async.sync.aligned.m64nNk16.f32.bf16.bf16 {sums}, {a}, b, p, 1, 1, T; ..."
// with four i32 of A, the i64 descriptor of B and the sums among its operands, in this order, and p set.
bool SimulationRewriter::rewriteWgmmaOfRegisters(LLVM::InlineAsmOp op) {
  llvm::Regex form("wgmma\\.mma_async\\.sync\\.aligned\\.m64n([0-9]+)k16\\.f32\\.bf16\\.bf16 [^;]*, p, 1, 1, ([01]);");
  SmallVector<StringRef> parts;
  if (!form.match(op.getAsmString(), &parts)) {
    return false;
  }
  auto results = dyn_cast_or_null<LLVM::LLVMStructType>(op->getNumResults() ? op->getResult(0).getType() : Type());
  OperandRange operands = op.getOperands();
  int64_t columns = 0;
  parts[1].getAsInteger(10, columns);
  if (!results || int64_t(results.getBody().size()) * 2 != columns || int64_t(operands.size()) != 5 + columns / 2 ||
      !operands[0].getType().isInteger(32) || !operands[4].getType().isInteger(64) || !operands[5].getType().isF32()) {
    refuse(op, "expected four i32, an i64 and as many f32 as sums");
  }
  Value zero = LLVM::ConstantOp::create(b, b.getI64Type(), int64_t(0));
  uint32_t flags = sim::Accumulate | (parts[2] == "1" ? sim::RowsOfB : 0);
  Value place = resultSlot(results);
  waiting(Entry::wgmma, Type(),
          {self, constant(columns), constant(flags), spill(operands.drop_front(5)), place, zero, operands[4],
           spill(operands.take_front(4)), site(op)});
  replace(op, LLVM::LoadOp::create(b, results, place));
  return true;
}

bool SimulationRewriter::rewriteWgmma(Operation *op) {
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
    waiting(Entry::wgmma, Type(),
            {self, constant(shape.getN()), constant(flags), spill(mma.getInouts()), place, mma.getDescriptorA(),
             mma.getDescriptorB(), LLVM::ZeroOp::create(b, pointer()), site(op)});
    replace(op, LLVM::LoadOp::create(b, sums, place));
    return true;
  }
  if (auto text = dyn_cast<LLVM::InlineAsmOp>(op)) {
    return rewriteWgmmaOfRegisters(text);
  }
  if (isa<NVVM::WgmmaFenceAlignedOp>(op)) {
    call(Entry::wgmmaFence, Type(), {self});
  } else if (isa<NVVM::WgmmaGroupSyncAlignedOp>(op)) {
    call(Entry::wgmmaCommit, Type(), {self});
  } else if (auto wait = dyn_cast<NVVM::WgmmaWaitGroupSyncOp>(op)) {
    call(Entry::wgmmaWait, Type(), {self, constant(wait.getGroup()), site(op)});
  } else {
    return false;
  }
  op->erase();
  return true;
}

static std::optional<Entry> approximation(StringRef name) {
  return llvm::StringSwitch<std::optional<Entry>>(name)
      .StartsWith("ex2.approx", Entry::exponential2)
      .StartsWith("lg2.approx", Entry::logarithm2)
      .StartsWith("rcp.approx", Entry::reciprocal)
      .StartsWith("rsqrt.approx", Entry::reciprocalRoot)
      .StartsWith("tanh.approx", Entry::hyperbolicTangent)
      .Default(std::nullopt);
}

bool SimulationRewriter::rewriteApproximation(Operation *op) {
  std::optional<Entry> operation;
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
    operation = Entry::reciprocal;
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

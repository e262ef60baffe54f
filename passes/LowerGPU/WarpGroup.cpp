// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/WarpGroup.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

constexpr int64_t unit = 16; // bytes that descriptors count

static Value number(ThreadEmitter &e, int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(n)); }
static int64_t sumsOf(Value sums) { return cast<LLVM::LLVMStructType>(sums.getType()).getBody().size(); }

Value WarpGroup::descriptor(ThreadEmitter &e, Value tile, int64_t blockBytes) {
  constexpr int64_t window = 0x3ffff;
  Value address = LLVM::PtrToIntOp::create(e.b, e.b.getI32Type(), tile);
  Value units = arith::ShRUIOp::create(e.b, arith::AndIOp::create(e.b, address, number(e, window)), number(e, 4));
  return arith::OrIOp::create(e.b, units, number(e, blockBytes / unit << 16));
}

Value WarpGroup::further(ThreadEmitter &e, Value descriptor, int64_t bytes) {
  return bytes ? arith::AddIOp::create(e.b, descriptor, number(e, bytes / unit)).getResult() : descriptor;
}

Value WarpGroup::further(ThreadEmitter &e, Value descriptor, Value tiles, int64_t bytes) {
  Value count = arith::IndexCastOp::create(e.b, e.b.getI32Type(), tiles);
  return arith::AddIOp::create(e.b, descriptor, arith::MulIOp::create(e.b, count, number(e, bytes / unit)));
}

// With its other half: lines swizzled by eights, which lie one behind the other.
static Value whole(ThreadEmitter &e, Value descriptor) {
  constexpr int64_t upper = WarpGroup::swizzledBytes / unit << 32 | int64_t(1) << 62;
  Value low = arith::ExtUIOp::create(e.b, e.b.getI64Type(), descriptor);
  return arith::OrIOp::create(e.b, low, arith::ConstantOp::create(e.b, e.b.getI64IntegerAttr(upper)));
}

Type WarpGroup::sumsType(ThreadEmitter &e, int64_t columns) {
  return LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(columns / 2, e.f32()));
}

Value WarpGroup::zeros(ThreadEmitter &e, int64_t columns) { return LLVM::ZeroOp::create(e.b, sumsType(e, columns)); }

Value WarpGroup::multiply(ThreadEmitter &e, Value sums, Value a, bool aDepthInside, Value b, bool bDepthInside, bool first) {
  return NVVM::WgmmaMmaAsyncOp::create(
      e.b, sums.getType(), sums, whole(e, a), whole(e, b), NVVM::MMAShapeAttr::get(e.b.getContext(), rows, 2 * sumsOf(sums), step),
      NVVM::WGMMATypes::bf16, NVVM::WGMMATypes::bf16, NVVM::WGMMATypes::f32,
      first ? NVVM::WGMMAScaleOut::zero : NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
      aDepthInside ? NVVM::MMALayout::row : NVVM::MMALayout::col, bDepthInside ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::MMAIntOverflowAttr());
}

// NVVM has no operation for it.
Value WarpGroup::multiply(ThreadEmitter &e, Value sums, ArrayRef<Value> a, Value b, bool bDepthInside) {
  int64_t count = sumsOf(sums);
  auto listed = [&](int64_t from, int64_t to) {
    return llvm::join(llvm::map_range(llvm::seq(from, to), [](int64_t n) { return "$" + std::to_string(n); }), ", ");
  };
  auto repeated = [&](StringRef text, int64_t times) { return llvm::join(SmallVector<StringRef>(times, text), ","); };
  std::string text = "{ .reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n" + std::to_string(2 * count) +
                     "k16.f32.bf16.bf16 {" + listed(0, count) + "}, {" + listed(count, count + 4) + "}, $" +
                     std::to_string(count + 4) + ", p, 1, 1, " + (bDepthInside ? "0" : "1") + "; }";
  std::string constraints = repeated("=f", count) + "," + repeated("r", 4) + ",l";
  for (int64_t n = 0; n < count; ++n) {
    constraints += "," + std::to_string(n);
  }
  SmallVector<Value> operands(a);
  operands.push_back(whole(e, b));
  llvm::append_range(operands, numbers(e, sums));
  return LLVM::InlineAsmOp::create(e.b, sums.getType(), operands, text, constraints, /*has_side_effects=*/true,
                                   /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                   LLVM::AsmDialectAttr::get(e.b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr())
      .getResult(0);
}

void WarpGroup::fence(ThreadEmitter &e) { NVVM::WgmmaFenceAlignedOp::create(e.b); }
void WarpGroup::commit(ThreadEmitter &e) { NVVM::WgmmaGroupSyncAlignedOp::create(e.b); }
void WarpGroup::wait(ThreadEmitter &e, int64_t pending) { NVVM::WgmmaWaitGroupSyncOp::create(e.b, uint64_t(pending)); }

TileProduct::Sums WarpGroup::numbers(ThreadEmitter &e, Value sums) {
  TileProduct::Sums numbers;
  for (int64_t n : llvm::seq(sumsOf(sums))) {
    numbers.push_back(LLVM::ExtractValueOp::create(e.b, sums, n));
  }
  return numbers;
}

Value WarpGroup::sums(ThreadEmitter &e, ValueRange numbers) {
  Value sums = LLVM::PoisonOp::create(e.b, sumsType(e, 2 * numbers.size()));
  for (auto [n, number] : llvm::enumerate(numbers)) {
    sums = LLVM::InsertValueOp::create(e.b, sums, number, int64_t(n));
  }
  return sums;
}

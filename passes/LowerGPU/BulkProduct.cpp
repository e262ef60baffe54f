// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/BulkProduct.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
constexpr int64_t lineElements = 64, lineBytes = 128; // swizzled together by eights

// Blocks of a multiprocessor, and slots of the ring of each. Two blocks hide each other's begin and end; wide tiles leave room for
// one.
struct Share {
  int64_t blocks, slots;
};
Share shareFor(int64_t columns) { return columns <= 128 ? Share{2, 3} : Share{1, 4}; }

// One factor's tiles: what a slot of the ring has of it.
class BulkTiles {
public:
  BulkTiles(KernelWriter::Step &step, const BulkFactor &factor, int64_t outer)
      : e(step.e), factor(factor), outer(outer) {
    TensorMap tensor{factor.tensor, factor.offset, factor.rows, factor.columns, factor.depthInside ? outer : bulkDepth, lineElements};
    map = step.tensorMap(tensor);
  }

  // Blocks of 64 x 64, or of 64 depths by all outer ones.
  int64_t blocks() const { return factor.depthInside ? 1 : kernel::ceilDiv(outer, lineElements); }
  int64_t bytes() const { return factor.depthInside ? outer * lineBytes : blocks() * blockBytes; }
  void allocate(int64_t slots) { base = e.shared(slots * bytes(), 1024); }
  SharedTile tile(Value slot) { return {at(slot), lineElements, factor.depthInside}; }

  void fetch(Value slot, Value k, Value full) {
    Value to = at(slot);
    for (int64_t block = 0; block < blocks(); ++block) {
      Value outside = e.add(factor.first, block * lineElements);
      Value column = i32(factor.depthInside ? k : outside), row = i32(factor.depthInside ? factor.first : k);
      NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
          e.b, e.at(to, e.index(block * blockBytes), e.b.getI8Type()), map, ValueRange{column, row}, full, ValueRange(), Value(),
          Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/true, NVVM::CTAGroupKindAttr(), Value());
    }
  }

private:
  static constexpr int64_t blockBytes = bulkDepth * lineBytes;

  Value at(Value slot) { return e.at(base, e.mul(slot, bytes()), e.b.getI8Type()); }
  Value i32(Value index) { return arith::IndexCastOp::create(e.b, e.b.getI32Type(), index); }

  ThreadEmitter &e;
  const BulkFactor factor;
  const int64_t outer;
  Value map, base;
};

class BulkProduct {
public:
  BulkProduct(KernelWriter::Step &step, int64_t columns, const BulkFactor &a, const BulkFactor &b)
      : e(step.e), share(shareFor(columns)), left(step, a, e.threads / 2), right(step, b, columns) {
    step.addHelpers(warpSize);
    step.leaveRoomFor(share.blocks);
    barriers = e.shared(2 * share.slots * barrierBytes);
    mark = e.sharedBytes();
    left.allocate(share.slots);
    right.allocate(share.slots);
  }

  void initialise() {
    isFirst(0, [&] {
      for (int64_t slot = 0; slot < share.slots; ++slot) {
        NVVM::MBarrierInitOp::create(e.b, full(e.index(slot)), number(1), Value());
        NVVM::MBarrierInitOp::create(e.b, empty(e.index(slot)), number(e.threads / warpSize), Value());
      }
      NVVM::FenceMbarrierInitOp::create(e.b);
    });
    mlir::gpu::BarrierOp::create(e.b);
  }

  // Fills slots as they become empty; at first all are.
  void produce(Value begin, Value tiles) {
    isFirst(e.threads, [&] {
      e.loop(e.index(0), tiles, 1, start(), [&](Value n, ValueRange at) {
        Value slot = at[0], other = arith::XOrIOp::create(e.b, at[1], number(1));
        wait(empty(slot), other);
        NVVM::MBarrierArriveExpectTxOp::create(e.b, Type(), full(slot), number(left.bytes() + right.bytes()),
                                               NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
        Value k = e.add(begin, e.mul(n, bulkDepth));
        left.fetch(slot, k, full(slot));
        right.fetch(slot, k, full(slot));
        return next(at);
      });
    });
  }

  // One product stays under way while the next one begins; the slot of the one before is empty then.
  TileProduct::Sums consume(TileProduct &product, Value tiles) {
    TileProduct::Sums carried = start();
    carried.push_back(e.index(0));
    llvm::append_range(carried, product.zeros());
    Value leads = e.equal(e.lane(), e.index(0));
    auto after = e.loop(e.index(0), tiles, 1, carried, [&](Value n, ValueRange at) {
      Value slot = at[0], before = at[2];
      wait(full(slot), at[1]);
      auto sums = product.multiply(at.drop_front(3), left.tile(slot), right.tile(slot), bulkDepth);
      waitForProducts(e, 1);
      Value done = arith::AndIOp::create(e.b, leads, e.less(e.index(0), n));
      e.when(done, [&] {
        NVVM::MBarrierArriveOp::create(e.b, e.b.getI64Type(), empty(before), Value(), NVVM::MemScopeKind::CTA, false);
      });
      TileProduct::Sums following = next(at);
      following.push_back(slot);
      llvm::append_range(following, sums);
      return following;
    });
    TileProduct::Sums sums = finishedSums(e, after[3]);
    e.barrier(); // the ring's memory is free
    e.releaseShared(mark);
    return sums;
  }

private:
  static constexpr int64_t barrierBytes = 8;

  Value number(int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(n)); }
  Value full(Value slot) { return e.at(barriers, slot, e.b.getI64Type()); }
  Value empty(Value slot) { return full(e.add(slot, share.slots)); }
  void wait(Value barrier, Value parity) {
    constexpr int64_t nanoseconds = 10'000'000; // until the thread looks again
    NVVM::MBarrierTryWaitParityOp::create(e.b, barrier, parity, number(nanoseconds));
  }
  void isFirst(int64_t thread, const std::function<void()> &body) { e.when(e.equal(e.thread, e.index(thread)), body); }

  // The slot and the parity of its round, and what follows.
  TileProduct::Sums start() { return {e.index(0), number(0)}; }
  TileProduct::Sums next(ValueRange at) {
    Value slot = e.add(at[0], 1), wraps = e.equal(slot, e.index(share.slots));
    Value other = arith::XOrIOp::create(e.b, at[1], number(1));
    return {e.select(wraps, e.index(0), slot), e.select(wraps, other, at[1])};
  }

  ThreadEmitter &e;
  const Share share;
  BulkTiles left, right;
  Value barriers;
  int64_t mark;
};
} // namespace

bool cuda::comesInBulk(const KernelWriter &writer, Type element, int64_t columns) {
  return writer.architecture.name == "sm_90a" && element.isBF16() && columns % 8 == 0;
}

void cuda::bulkProduct(KernelWriter::Step &step, int64_t columns, const BulkFactor &a, const BulkFactor &b, Value begin, Value end,
                       const BulkFinish &finish) {
  ThreadEmitter &e = step.e;
  BulkProduct bulk(step, columns, a, b);
  bulk.initialise();
  Value tiles = e.ceilDiv(e.sub(end, begin), bulkDepth);
  e.when(e.less(e.thread, e.index(e.threads)),
         [&] {
           auto product = warpGroupProduct(e, e.threads / 2, columns);
           auto sums = bulk.consume(*product, tiles);
           finish(*product, sums);
         },
         [&] { bulk.produce(begin, tiles); });
}

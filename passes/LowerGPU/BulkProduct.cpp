// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/BulkProduct.h"

#include "passes/LowerGPU/BulkRing.h"
#include "passes/LowerGPU/WarpGroup.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
constexpr int64_t lineElements = WarpGroup::lineElements, lineBytes = WarpGroup::lineBytes;

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
    int64_t lines = factor.depthInside ? outer : bulkDepth;
    TensorMap tensor{factor.tensor, factor.offset, factor.rows, factor.columns, lines, lineElements, {}};
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
      Value column = factor.depthInside ? k : outside, row = factor.depthInside ? factor.first : k;
      fetchTile(e, e.at(to, e.index(block * blockBytes), e.b.getI8Type()), map, column, row, full);
    }
  }

private:
  static constexpr int64_t blockBytes = bulkDepth * lineBytes;

  Value at(Value slot) { return e.at(base, e.mul(slot, bytes()), e.b.getI8Type()); }

  ThreadEmitter &e;
  const BulkFactor factor;
  const int64_t outer;
  Value map, base;
};

class BulkProduct {
public:
  BulkProduct(KernelWriter::Step &step, int64_t columns, const BulkFactor &a, const BulkFactor &b)
      : e(step.e), share(shareFor(columns)), left(step, a, e.threads / 2), right(step, b, columns),
        ring(e, share.slots, e.threads / warpSize), mark(e.sharedBytes()) {
    step.addHelpers(warpSize);
    step.leaveRoomFor(share.blocks);
    left.allocate(share.slots);
    right.allocate(share.slots);
  }

  void initialise() {
    isFirst(0, [&] {
      ring.initialise();
      BulkRing::publish(e);
    });
    mlir::gpu::BarrierOp::create(e.b);
  }

  void produce(Value begin, Value tiles) {
    isFirst(e.threads, [&] {
      e.loop(e.index(0), tiles, 1, ring.first().values(), [&](Value n, ValueRange at) {
        BulkRing::Turn turn(at);
        Value full = ring.fill(turn, left.bytes() + right.bytes());
        Value k = e.add(begin, e.mul(n, bulkDepth));
        left.fetch(turn.slot, k, full);
        right.fetch(turn.slot, k, full);
        return ring.next(turn).values();
      });
    });
  }

  // One product stays under way while the next one begins; the slot of the one before is empty then.
  TileProduct::Sums consume(TileProduct &product, Value tiles) {
    TileProduct::Sums carried = ring.first().values();
    carried.push_back(e.index(0));
    llvm::append_range(carried, product.zeros());
    Value leads = e.equal(e.lane(), e.index(0));
    auto after = e.loop(e.index(0), tiles, 1, carried, [&](Value n, ValueRange at) {
      BulkRing::Turn turn(at);
      Value before = at[2];
      ring.waitFull(turn);
      auto sums = product.multiply(at.drop_front(3), left.tile(turn.slot), right.tile(turn.slot), bulkDepth);
      WarpGroup::wait(e, 1);
      Value done = arith::AndIOp::create(e.b, leads, e.less(e.index(0), n));
      e.when(done, [&] { ring.release(before); });
      TileProduct::Sums following = ring.next(turn).values();
      following.push_back(turn.slot);
      llvm::append_range(following, sums);
      return following;
    });
    WarpGroup::wait(e, 0);
    TileProduct::Sums sums = WarpGroup::numbers(e, after[3]);
    e.barrier(); // the ring's memory is free
    e.releaseShared(mark);
    return sums;
  }

private:
  void isFirst(int64_t thread, const std::function<void()> &body) { e.when(e.equal(e.thread, e.index(thread)), body); }

  ThreadEmitter &e;
  const Share share;
  BulkTiles left, right;
  BulkRing ring;
  const int64_t mark;
};
} // namespace

bool cuda::comesInBulk(const Architecture &architecture, Type element, int64_t columns) {
  return architecture.name == "sm_90a" && element.isBF16() && columns % 8 == 0;
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

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward attention on warpgroups (sm_90a). One thread brings tiles of keys and values by the copy engine; two warpgroups have 64
// queries each. While a warpgroup's tensor cores work on the scores of the next tile and on the values of this one, it takes the
// exponentials of those scores; the two warpgroups ask for products in turn, so that one has products under way while the other has
// exponentials. Probabilities stay in registers: a thread's sums of a score are, rounded, just what the next product's left factor
// wants.
#include "passes/LowerGPU/AttentionPlan.h"
#include "passes/LowerGPU/BulkRing.h"
#include "passes/LowerGPU/HeadTiles.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

namespace {
constexpr int64_t groups = 2, queries = groups * WarpGroup::rows, keys = warpGroupTile, slots = 2;
static_assert(queries == warpGroupTile);
constexpr int64_t rowsOfThread = 2;
// Registers are given out by warpgroups. 168 for each thread at the start; those that bring tiles need few, the others get theirs.
constexpr int64_t bringing = WarpGroup::threads, registersToBring = 24, registersToMultiply = 240;
using Sums = AttentionTiles::Sums;

class WarpGroupForward {
public:
  WarpGroupForward(AttentionBlock &block, const AttentionPlan &plan, const HeadTensor *sources)
      : block(block), e(block.e), plan(plan), shape(plan.shape), queryRing(e, 1, warps()), keyRing(e, slots, warps()),
        valueRing(e, slots, warps()), queryTiles(block, sources[0], queries, 1), keyTiles(block, sources[1], keys, slots),
        valueTiles(block, sources[2], keys, slots) {}

  void initialise() {
    e.when(e.equal(e.thread, e.index(0)), [&] {
      for (BulkRing *ring : {&queryRing, &keyRing, &valueRing}) {
        ring->initialise();
      }
      BulkRing::publish(e);
    });
    mlir::gpu::BarrierOp::create(e.b);
  }

  void emit(const HeadTensor &result) {
    last = e.sub(e.min(e.add(block.first, queries), block.positions), e.index(1));
    begin = shape.firstKey(e, block.first);
    tiles = e.ceilDiv(e.sub(shape.endKey(e, last), begin), keys);
    e.when(e.less(e.thread, e.index(e.threads)), [&] { consume(result); }, [&] { produce(); });
  }

private:
  int64_t warps() const { return groups * WarpGroup::threads / warpSize; }
  Value keyOf(Value tile) { return e.add(begin, e.mul(tile, keys)); }

  void produce() {
    NVVM::SetMaxRegisterOp::create(e.b, registersToBring, NVVM::SetMaxRegisterAction::decrease);
    e.when(e.equal(e.thread, e.index(e.threads)), [&] {
      BulkRing::Turn only = queryRing.first();
      queryTiles.fetch(only.slot, block.first, queryRing.fill(only, queryTiles.bytes()));
      e.loop(e.index(0), tiles, 1, keyRing.first().values(), [&](Value n, ValueRange at) {
        BulkRing::Turn turn(at);
        keyTiles.fetch(turn.slot, keyOf(n), keyRing.fill(turn, keyTiles.bytes()));
        valueTiles.fetch(turn.slot, keyOf(n), valueRing.fill(turn, valueTiles.bytes()));
        return keyRing.next(turn).values();
      });
    });
  }

  // What a thread has of its rows.
  struct State {
    Sums maxima, sums; // of scores as they are, and of the probabilities up to these; of each row
    Sums mixed;        // values, as the products order them
    Sums factors;      // probabilities of the tile whose values come next, rounded
    State() = default;
    explicit State(ValueRange values)
        : maxima(values.take_front(rowsOfThread)), sums(values.slice(rowsOfThread, rowsOfThread)),
          mixed(values.drop_front(2 * rowsOfThread).drop_back(keys / 4)), factors(values.take_back(keys / 4)) {}
    Sums values() const {
      Sums all(maxima);
      for (const Sums *some : {&sums, &mixed, &factors}) {
        all.append(*some);
      }
      return all;
    }
  };

  void consume(const HeadTensor &result) {
    NVVM::SetMaxRegisterOp::create(e.b, registersToMultiply, NVVM::SetMaxRegisterAction::increase);
    group = e.div(e.thread, WarpGroup::threads);
    leads = e.equal(e.lane(), e.index(0));
    queriesAt = WarpGroup::further(e, queryTiles.descriptor(), group, WarpGroup::rows * WarpGroup::lineBytes);
    keysAt = keyTiles.descriptor();
    valuesAt = valueTiles.descriptor();
    BulkRing::Turn turn = keyRing.first();
    State state;
    state.maxima.assign(rowsOfThread, e.number(lowestScore));
    state.sums.assign(rowsOfThread, e.number(0));
    state.mixed.assign(shape.width / 2, e.number(0));
    queryRing.waitFull(turn);
    keyRing.waitFull(turn);
    WarpGroup::fence(e);
    Value scores = score(turn.slot);
    WarpGroup::wait(e, 0);
    release(keyRing, turn.slot);
    Sums shrinks;
    state.factors = rounded(softmax(WarpGroup::numbers(e, scores), begin, state, shrinks));

    e.when(e.equal(group, e.index(groups - 1)), [&] { passTurn(e.index(0)); });
    Sums carried = turn.values();
    carried.append(state.values());
    auto after = e.loop(e.index(1), tiles, 1, carried, [&](Value n, ValueRange at) {
      BulkRing::Turn turn(at), next = keyRing.next(turn);
      State state(at.drop_front(BulkRing::turnValues));
      keyRing.waitFull(next);
      awaitTurn();
      WarpGroup::fence(e);
      Value scores = score(next.slot);
      valueRing.waitFull(turn);
      WarpGroup::fence(e);
      Value mixed = mix(state, turn.slot);
      passTurn(n);
      WarpGroup::wait(e, 1);
      Sums shrinks, weights = softmax(WarpGroup::numbers(e, scores), keyOf(n), state, shrinks);
      release(keyRing, e.add(next.slot, nothingOf(state.sums)));
      WarpGroup::wait(e, 0);
      release(valueRing, turn.slot);
      state.mixed = shrunk(WarpGroup::numbers(e, mixed), shrinks);
      state.factors = rounded(weights);
      Sums following = next.values();
      following.append(state.values());
      return following;
    });
    state = State(ValueRange(after).drop_front(BulkRing::turnValues));
    turn = BulkRing::Turn(after);
    valueRing.waitFull(turn);
    WarpGroup::fence(e);
    Value mixed = mix(state, turn.slot);
    WarpGroup::wait(e, 0);
    write(result, state, WarpGroup::numbers(e, mixed));
  }

  // Which of a thread's rows sum `n` of a product belongs to.
  static int64_t rowOf(int64_t n) { return n / 2 % 2; }

  void release(BulkRing &ring, Value slot) {
    e.when(leads, [&] { ring.release(slot); });
  }

  // 0, which ptxas does not see. It knows of nothing between exponentials and waits for other products, and would wait first; what
  // is added to this number, and must happen before the wait, happens behind the exponentials that were summed.
  Value nothingOf(ValueRange sums) {
    Value bits = LLVM::BitcastOp::create(e.b, e.b.getI32Type(), e.addf(sums[0], sums[1]));
    Value even = arith::MulIOp::create(e.b, bits, arith::AddIOp::create(e.b, bits, number32(1)));
    return arith::IndexCastOp::create(e.b, e.b.getIndexType(), arith::AndIOp::create(e.b, even, number32(1)));
  }

  // The warpgroups take turns, group 0 first: a group's barrier opens when it is there itself and has been passed the turn.
  void awaitTurn() {
    NVVM::BarrierOp::create(e.b, Type(), barrierOf(group), number32(groups * WarpGroup::threads), NVVM::BarrierReductionAttr(),
                            Value());
  }
  // With the turn for tile `n`: the other group's is for the same one or, behind the last group's, for the next.
  void passTurn(Value n) {
    Value wanted = arith::OrIOp::create(e.b, e.less(group, e.index(groups - 1)), e.less(e.add(n, 1), tiles));
    e.when(wanted, [&] {
      Value other = e.sub(e.index(groups - 1), group);
      NVVM::BarrierArriveOp::create(e.b, barrierOf(other), number32(groups * WarpGroup::threads));
    });
  }
  // 0 and 1 are those of all and of the emitter's threads.
  Value barrierOf(Value group) { return arith::IndexCastOp::create(e.b, e.b.getI32Type(), e.add(group, 2)); }
  Value number32(int64_t n) { return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(n)); }

  // Of the group's queries and a tile of keys; one group of products.
  Value score(Value slot) {
    Value right = WarpGroup::further(e, keysAt, slot, keyTiles.bytes());
    Value sums = LLVM::PoisonOp::create(e.b, WarpGroup::sumsType(e, keys));
    for (int64_t k = 0; k < shape.width; k += WarpGroup::step) {
      int64_t block = k / WarpGroup::lineElements, inside = k % WarpGroup::lineElements * 2;
      sums = WarpGroup::multiply(e, sums, WarpGroup::further(e, queriesAt, block * queryTiles.blockBytes() + inside), true,
                                 WarpGroup::further(e, right, block * keyTiles.blockBytes() + inside), true, k == 0);
    }
    WarpGroup::commit(e);
    return sums;
  }

  // The state's values and its factors times a tile of values; one group of products.
  Value mix(const State &state, Value slot) {
    Value right = WarpGroup::further(e, valuesAt, slot, valueTiles.bytes());
    Value sums = WarpGroup::sums(e, state.mixed);
    for (int64_t k = 0; k < keys; k += WarpGroup::step) {
      ArrayRef<Value> left = ArrayRef(state.factors).slice(k / 4, 4);
      sums = WarpGroup::multiply(e, sums, left, WarpGroup::further(e, right, k * WarpGroup::lineBytes), false);
    }
    WarpGroup::commit(e);
    return sums;
  }

  // Minus infinity where a row does not see a key; only tiles at the mask's border have such places.
  Sums masked(ValueRange scores, Value at) {
    Value seesAll = arith::CmpIOp::create(e.b, arith::CmpIPredicate::sle, e.add(at, keys), shape.endKey(e, block.first));
    if (shape.mask == MaskKind::BlockCausal) {
      Value seesFirst = arith::CmpIOp::create(e.b, arith::CmpIPredicate::sge, at, shape.firstKey(e, last));
      seesAll = arith::AndIOp::create(e.b, seesAll, seesFirst);
    }
    auto someUnseen = [&] {
      AttentionBlock::Window windows[rowsOfThread];
      Places rows = block.tiles.rowsOfThread(), columns = block.tiles.columnsOfThread(keys);
      for (int64_t r : llvm::seq(rowsOfThread)) {
        Value i = e.add(block.first, rows.at(e, r));
        windows[r] = block.window(at, shape.mask == MaskKind::BlockCausal ? shape.firstKey(e, i) : Value(), shape.endKey(e, i));
      }
      Sums seen;
      for (auto [n, score] : llvm::enumerate(scores)) {
        seen.push_back(block.masked(score, windows[rowOf(n)], columns.offsets[n / 4 * 2 + n % 2]));
      }
      return seen;
    };
    return e.valuesWhen(seesAll, [&] { return Sums(scores); }, someUnseen);
  }

  // Probabilities up to the rows' maxima, which grow; what was summed up to the former ones shrinks by `shrinks`.
  Sums softmax(ValueRange unmasked, Value at, State &state, Sums &shrinks) {
    Sums scores = masked(unmasked, at);
    Value factor = e.number(shape.scale * block.tiles.unit());
    for (int64_t r : llvm::seq(rowsOfThread)) {
      // Two chains, of neighbouring columns.
      Value before = state.maxima[r], tops[] = {before, {}}, sums[2];
      auto forRow = [&](const std::function<void(Value &, int64_t chain)> &body) {
        for (auto [n, score] : llvm::enumerate(scores)) {
          if (rowOf(n) == r) {
            body(score, n % 2);
          }
        }
      };
      forRow([&](Value &score, int64_t chain) { tops[chain] = tops[chain] ? block.larger(tops[chain], score) : score; });
      Value top = block.larger(tops[0], tops[1]);
      for (int64_t distance = block.tiles.threadsOfRow() / 2; distance > 0; distance /= 2) { // the whole warp is here
        top = block.larger(top, e.exchange(top, distance));
      }
      Value negated = arith::NegFOp::create(e.b, e.mulf(top, factor));
      shrinks.push_back(block.tiles.exponential(e.mulf(e.subf(before, top), factor))); // 1 where both are the lowest
      forRow([&](Value &score, int64_t chain) {
        score = block.tiles.exponential(e.fma(score, factor, negated));
        sums[chain] = sums[chain] ? e.addf(sums[chain], score) : score;
      });
      state.maxima[r] = top;
      state.sums[r] = e.fma(state.sums[r], shrinks[r], e.addf(sums[0], sums[1])); // of this thread
    }
    return scores;
  }

  // What was mixed, up to the new maxima. The longer the sequence, the rarer these grow: then nothing is to be done.
  Sums shrunk(const Sums &mixed, ValueRange shrinks) {
    auto shrinksRow = [&](int64_t r) {
      return arith::CmpFOp::create(e.b, arith::CmpFPredicate::UNE, shrinks[r], e.number(1)).getResult();
    };
    Value some = arith::OrIOp::create(e.b, shrinksRow(0), shrinksRow(1));
    Value any = NVVM::VoteSyncOp::create(e.b, e.b.getI1Type(), number32(-1), some, NVVM::VoteSyncKind::any);
    auto less = [&] {
      Sums values(mixed);
      for (auto [n, value] : llvm::enumerate(values)) {
        value = e.mulf(value, shrinks[rowOf(n)]);
      }
      return values;
    };
    return e.valuesWhen(any, less, [&] { return mixed; });
  }

  // Two neighbours in a register.
  Sums rounded(ValueRange weights) {
    Sums pairs;
    for (size_t n = 0; n < weights.size(); n += 2) {
      Value both = vector::FromElementsOp::create(e.b, e.vec(2), weights.slice(n, 2));
      Value narrow = arith::TruncFOp::create(e.b, VectorType::get({2}, e.b.getBF16Type()), both);
      pairs.push_back(LLVM::BitcastOp::create(e.b, e.b.getI32Type(), narrow));
    }
    return pairs;
  }

  void write(const HeadTensor &result, const State &state, ValueRange mixed) {
    Sums maxima, byRows;
    for (int64_t r : llvm::seq(rowsOfThread)) {
      maxima.push_back(e.mulf(state.maxima[r], e.number(shape.scale * block.tiles.unit())));
      for (auto [n, value] : llvm::enumerate(mixed)) {
        if (rowOf(n) == r) {
          byRows.push_back(value);
        }
      }
    }
    writeAttention(block, plan, result, maxima, state.sums, byRows);
  }

  AttentionBlock &block;
  ThreadEmitter &e;
  const AttentionPlan &plan;
  const AttentionShape &shape;
  BulkRing queryRing, keyRing, valueRing;
  HeadTiles queryTiles, keyTiles, valueTiles;
  Value last, begin, tiles; // the block's last query, its first key, how many tiles of keys it goes through
  Value group, leads;
  Value queriesAt, keysAt, valuesAt; // descriptors: of the group's queries, of the first slots
};
} // namespace

bool cuda::suitsWarpGroups(const Architecture &architecture, const AttentionPlan &plan) {
  const AttentionShape &shape = plan.shape;
  SymbolicDim positions = shape.space.getPositions();
  bool fills = !positions.isConstant() || positions.one > WarpGroup::rows;
  bool comes = llvm::all_of(plan.inputs, [](const HeadTensor &input) { return input.stride % 8 == 0 && input.offset % 8 == 0; });
  bool narrow = plan.precision == Precision::BF16 && shape.width % WarpGroup::step == 0;
  return architecture.name == "sm_90a" && narrow && shape.scale > 0 && fills && comes && !plan.dropoutKey;
}

void cuda::emitWarpGroupAttention(KernelWriter &writer, Location loc, const AttentionPlan &plan, unsigned tensors,
                                  const HeadTensor *sources, const HeadTensor &result) {
  TileSizes sizes{queries, keys, groups * WarpGroup::threads};
  writer.step(loc, tensors, AttentionBlock::grid(plan.shape, sizes), sizes.threads, [&](KernelWriter::Step &s) {
    s.addHelpers(bringing);
    s.leaveRoomFor(1);
    auto tiles = plan.tiles(s.e, sizes); // a thread's places are those of mma.sync
    AttentionBlock block(s, plan.shape, *tiles, {}, plan.shape.mask == MaskKind::Causal);
    WarpGroupForward forward(block, plan, sources);
    forward.initialise();
    s.e.when(block.present, [&] { forward.emit(result); });
  });
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: products are computed when they are waited for. Until then the registers of a sum hold its number, as a NaN;
// that shows who reads them too early, and which products go on with which sums.
#include "runtime/Sim/WarpGroup.h"

#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"

#include <algorithm>
#include <cstring>

using namespace mblm::sim;

static Thread &threadOf(Pointer thread) { return *static_cast<Thread *>(thread); }

static constexpr uint32_t groupThreads = 128;
static constexpr uint32_t rows = 64, depth = 16;

// Signalling NaNs, which arithmetic never makes.
static constexpr uint32_t handleMark = 0xffa00000, handleBits = 0x000fffff;

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static bool isHandle(float value) { return (bitsOf(value) & ~handleBits) == handleMark; }

static float brainAt(uint64_t address) {
  uint16_t bits;
  std::memcpy(&bits, reinterpret_cast<const void *>(address), sizeof bits);
  return floatOf(uint32_t(bits) << 16);
}

// Where thread `t` of the group holds its sum `i`.
static uint32_t placeOfSum(uint32_t t, uint32_t i, uint32_t columns) {
  uint32_t row = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8;
  return row * columns + i / 4 * 8 + t % 4 * 2 + i % 2;
}

namespace {

struct Operands {
  const float *in;
  float *out;
  const uint32_t *fragments;
};

// An operand in shared memory: lines of 128 bytes, eight of them swizzled together.
struct Descriptor {
  uint64_t start, leading, stride;
  bool alongK; // lines run along the summed dimension

  Descriptor(uint64_t bits, uint64_t window, bool alongK)
      : start(window + ((bits & 0x3fff) << 4)), leading((bits >> 16 & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4),
        alongK(alongK) {}
  uint64_t address(uint32_t i, uint32_t k) const {
    uint64_t plain = alongK ? start + i / 8 * stride + i % 8 * 128 + k * 2
                            : start + i / 64 * leading + i % 64 * 2 + k / 8 * stride + k % 8 * 128;
    return plain ^ (plain >> 7 & 7) << 4;
  }
};

} // namespace

static bool swizzled128(uint64_t descriptor) { return descriptor >> 62 == 1 && (descriptor >> 49 & 7) == 0; }

static Operands &operandsOf(Thread &thread) { return *static_cast<Operands *>(thread.operands); }

// Checks and marks the words of an operand; all 16-byte chunks lie in one piece.
static void touchOperand(Thread *group, const Descriptor &operand, uint32_t count, uint32_t agent, Product &product) {
  Block &block = *group->block;
  Touch touch = Touch(Clocks::pending, agent, true, product.site->number).withBytes(15);
  for (uint32_t i = 0; i < count; i += operand.alongK ? 1 : 8) {
    for (uint32_t k = 0; k < depth; k += operand.alongK ? 8 : 1) {
      uint64_t address = operand.address(i, k);
      uint64_t offset = block.sharedOffset(*group, reinterpret_cast<void *>(address), 16, 16, product.site);
      const Knowledge *seen = nullptr;
      for (uint32_t warp = 0; warp < 4; ++warp) { // what one warp knows, the others need not know
        const Thread &thread = group[warp * 32];
        if (warp == 0 || thread.clock.knowledge.get() != seen) {
          block.touchSharedAsync(thread, address, 16, touch, false, product.site);
        }
        seen = thread.clock.knowledge.get();
      }
      for (uint32_t word = 0; word < 4; ++word) {
        product.words.push_back(uint32_t(offset / 4 + word));
      }
    }
  }
}

// The sums that a product adds to: those of the product before, or new ones from the registers.
static std::shared_ptr<Accumulator> sumsOf(Thread *threads, WarpGroup &group, const Product &product) {
  Block &block = *threads->block;
  uint32_t first = bitsOf(operandsOf(threads[0]).in[0]);
  bool goesOn = (product.flags & Accumulate) && isHandle(floatOf(first));
  for (uint32_t t = 0; t < groupThreads; ++t) {
    for (uint32_t i = 0; (product.flags & Accumulate) && i < product.columns / 2; ++i) {
      float in = operandsOf(threads[t]).in[i];
      if (goesOn ? bitsOf(in) != first : isHandle(in)) {
        block.fail(threads[t], "wgmma: " + block.textOf(product.site) + " mixes sums of different products");
      }
    }
    if (!goesOn && !threads[t].wgmmaFenced) {
      block.fail(threads[t], "missing wgmma.fence: " + block.textOf(product.site) +
                                 " takes registers that were written after the last fence");
    }
  }
  if (goesOn) {
    auto found = group.accumulators.find(first & handleBits);
    if (found == group.accumulators.end()) {
      block.fail(threads[0],
                 "wgmma: " + block.textOf(product.site) + " adds to sums that another product has taken over");
    }
    std::shared_ptr<Accumulator> sums = found->second;
    group.accumulators.erase(found);
    return sums;
  }
  auto sums = std::make_shared<Accumulator>();
  sums->sums.resize(rows * product.columns);
  for (uint32_t t = 0; (product.flags & Accumulate) && t < groupThreads; ++t) {
    for (uint32_t i = 0; i < product.columns / 2; ++i) {
      sums->sums[placeOfSum(t, i, product.columns)] = operandsOf(threads[t]).in[i];
    }
  }
  return sums;
}

static void gatherRegisters(Thread *threads, Product &product) {
  product.registers.resize(rows * depth);
  for (uint32_t t = 0; t < groupThreads; ++t) {
    for (uint32_t word = 0; word < 4; ++word) {
      uint32_t row = t / 32 * 16 + t % 32 / 4 + word % 2 * 8, column = t % 4 * 2 + word / 2 * 8;
      uint32_t bits = operandsOf(threads[t]).fragments[word];
      product.registers[row * depth + column] = floatOf(bits << 16);
      product.registers[row * depth + column + 1] = floatOf(bits & 0xffff0000);
    }
  }
}

static void issue(Thread *threads, WarpGroup &group, Product product) {
  Block &block = *threads->block;
  bool fromRegisters = operandsOf(threads[0]).fragments;
  if ((!fromRegisters && !swizzled128(product.a)) || !swizzled128(product.b)) {
    block.fail(*threads, "wgmma: " + block.textOf(product.site) + " has a descriptor without the 128-byte swizzle");
  }
  product.into = sumsOf(threads, group, product);
  product.into->group = product.group;
  product.into->site = product.site;
  if (fromRegisters) {
    gatherRegisters(threads, product);
  } else {
    touchOperand(threads, {product.a, block.shared.base(), !(product.flags & ColumnsOfA)}, rows, group.agent, product);
  }
  touchOperand(threads, {product.b, block.shared.base(), !(product.flags & RowsOfB)}, product.columns, group.agent,
               product);
  uint32_t number = group.made++ & handleBits;
  group.accumulators[number] = product.into;
  for (uint32_t t = 0; t < groupThreads; ++t) {
    for (uint32_t i = 0; i < product.columns / 2; ++i) {
      operandsOf(threads[t]).out[i] = floatOf(handleMark | number);
    }
  }
  block.counters.mmaFlops += 2 * int64_t(rows) * product.columns * depth;
  group.underway.push_back(std::move(product));
}

__attribute__((target_clones("avx2", "default"))) static void multiply(const float *a, const float *b, float *sums,
                                                                       uint32_t columns) {
  for (uint32_t i = 0; i < rows; ++i) {
    for (uint32_t k = 0; k < depth; ++k) {
      float factor = a[i * depth + k];
      for (uint32_t j = 0; j < columns; ++j) {
        sums[i * columns + j] += factor * b[k * columns + j];
      }
    }
  }
}

static void compute(Block &block, WarpGroup &group, Product &product) {
  std::vector<float> a = std::move(product.registers), b(depth * product.columns);
  if (a.empty()) {
    a.resize(rows * depth);
    Descriptor operand(product.a, block.shared.base(), !(product.flags & ColumnsOfA));
    for (uint32_t i = 0; i < rows; ++i) {
      for (uint32_t k = 0; k < depth; ++k) {
        a[i * depth + k] = brainAt(operand.address(i, k));
      }
    }
  }
  Descriptor operand(product.b, block.shared.base(), !(product.flags & RowsOfB));
  float sign = bool(product.flags & NegateA) == bool(product.flags & NegateB) ? 1 : -1;
  for (uint32_t k = 0; k < depth; ++k) {
    for (uint32_t j = 0; j < product.columns; ++j) {
      b[k * product.columns + j] = sign * brainAt(operand.address(j, k));
    }
  }
  multiply(a.data(), b.data(), product.into->sums.data(), product.columns);
  Touch waited = Touch(Clocks::pending, group.agent, true, product.site->number).withBytes(15);
  Touch now = Touch(block.clocks.tick(), group.agent, true, product.site->number).withBytes(15);
  for (uint32_t word : product.words) {
    settle(block.shared.cell(word).firstRead, waited, now);
    settle(block.shared.cell(word).lastRead, waited, now);
  }
  auto known = std::make_shared<Knowledge>();
  block.clocks.note(*known, group.agent, now.clock());
  if (group.completed.empty() || group.completed.back().group != product.group) {
    group.completed.push_back({product.group, nullptr});
  }
  group.completed.back().known = std::move(known);
  constexpr size_t kept = 64; // more than threads of a warpgroup are apart
  if (group.completed.size() > kept) {
    group.completed.pop_front();
  }
}

Nothing operations::wgmma(Pointer thread, Word columns, Word flags, Pointer in, Pointer out, Long a, Long b,
                          Pointer fragments, Pointer site) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  WarpGroup &group = block.warpGroups[self.number / groupThreads];
  Operands own{static_cast<float *>(in), static_cast<float *>(out), static_cast<uint32_t *>(fragments)};
  Thread *threads = &block.threads[self.number / groupThreads * groupThreads];
  if (threads + groupThreads > block.threads.data() + block.threads.size()) {
    block.fail(self, "divergent warpgroup: " + block.textOf(where) + " needs four whole warps");
  }
  if (!group.waiting.empty() && block.threads[group.waiting[0]].site != where) {
    const Thread &other = block.threads[group.waiting[0]];
    block.fail(self, "divergent warpgroup: " + block.textOf(where) + " meets thread " + std::to_string(other.number) +
                         " at " + block.textOf(other.site));
  }
  self.operands = &own;
  group.waiting.push_back(self.number);
  if (group.waiting.size() < groupThreads) {
    block.waitFor(self, where, "its warpgroup");
    return;
  }
  Product product;
  product.columns = columns;
  product.flags = flags;
  product.group = self.wgmmaCommitted;
  product.a = a;
  product.b = b;
  product.site = where;
  issue(threads, group, std::move(product));
  for (uint32_t number : group.waiting) {
    block.wake(block.threads[number]);
  }
  group.waiting.clear();
}

Nothing operations::wgmmaFence(Pointer thread) { threadOf(thread).wgmmaFenced = true; }

Nothing operations::wgmmaCommit(Pointer thread) { ++threadOf(thread).wgmmaCommitted; }

Nothing operations::wgmmaWait(Pointer thread, Word pending, Pointer) {
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  WarpGroup &group = block.warpGroups[self.number / groupThreads];
  uint32_t done = self.wgmmaCommitted > pending ? self.wgmmaCommitted - pending : 0;
  size_t finished = 0;
  for (; finished < group.underway.size() && group.underway[finished].group < done; ++finished) {
    compute(block, group, group.underway[finished]);
  }
  group.underway.erase(group.underway.begin(), group.underway.begin() + finished);
  self.wgmmaDone = std::max(self.wgmmaDone, done);
  self.wgmmaFenced = false;
  auto last = std::find_if(group.completed.rbegin(), group.completed.rend(), [&](const Completed &one) { return one.group < done; });
  if (last != group.completed.rend()) {
    block.clocks.acquire(self.clock, last->known);
  }
}

Float operations::accumulator(Pointer thread, Float value, Word number, Pointer site) {
  if (!isHandle(value)) {
    return value;
  }
  Thread &self = threadOf(thread);
  Block &block = *self.block;
  const Site *where = static_cast<const Site *>(site);
  WarpGroup &group = block.warpGroups[self.number / groupThreads];
  auto found = group.accumulators.find(bitsOf(value) & handleBits);
  if (found == group.accumulators.end()) {
    block.fail(self, "wgmma: " + block.textOf(where) + " reads sums that another product has taken over");
  }
  const Accumulator &sums = *found->second;
  if (sums.group >= self.wgmmaDone) {
    block.fail(self, "wgmma: " + block.textOf(where) + " reads sums of " + block.textOf(sums.site) +
                         " that were not waited for");
  }
  return sums.sums[placeOfSum(self.number % groupThreads, number, uint32_t(sums.sums.size() / rows))];
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fibers hand over to one another directly; the launch's own stack runs only between blocks. A fault ends the launch:
// its fibers are left where they stand, as nothing on their stacks needs an end.
#include "runtime/Sim/Block.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <map>
#include <numeric>

using namespace mblm;
using namespace mblm::sim;

static thread_local Block *active = nullptr;

Thread *Block::current() { return active->running; }

static std::string text(const uint32_t (&place)[3]) {
  return "(" + std::to_string(place[0]) + ", " + std::to_string(place[1]) + ")";
}

std::string Block::place(const Thread &thread) const {
  const uint32_t *values = thread.registers.values;
  return "simulator: kernel '" + request->name + "'" + (request->from.empty() ? "" : " of " + request->from) +
         ", block " + text({values[CtaidX], values[CtaidY], values[CtaidZ]}) + ", thread " +
         std::to_string(thread.number) + ": ";
}

std::string Block::blockOf(uint32_t clock) const {
  auto after = std::upper_bound(started.begin(), started.end(), std::make_pair(clock, ~uint64_t(0)));
  uint64_t index = after == started.begin() ? 0 : std::prev(after)->second;
  return text({uint32_t(index % request->grid[0]), uint32_t(index / request->grid[0]), 0});
}

void Block::fail(const Thread &thread, const std::string &what) {
  failure = place(thread) + what;
  Fiber lost;
  Fiber::change(lost, main);
  __builtin_unreachable();
}

void Block::failConflict(const Thread &thread, Conflict conflict, const Cell &cell, const char *space,
                         const std::string &where, bool isWrite, const Site *site) {
  const Accessor by{clocks, thread.clock, thread.number, clocks.launchStart, false};
  bool withRead = conflict == Conflict::UnorderedRead;
  const Touch &other = !withRead ? cell.write : ordered(cell.lastRead, by) ? cell.firstRead : cell.lastRead;
  std::string who = other.clock() == Clocks::pending     ? "an asynchronous copy that was not waited for"
                    : other.thread() >= request->threads ? "an asynchronous unit"
                                                         : "thread " + std::to_string(other.thread());
  if (other.clock() < clocks.blockStart) {
    who += " of block " + blockOf(other.clock());
  }
  std::string with = who + " at " + textOf(&request->code->sites[other.site()]);
  if (conflict == Conflict::Unfenced) {
    fail(thread, "missing fence.proxy.async: " + textOf(site) + " reads " + where + ", written by " + with);
  }
  fail(thread, "race in " + std::string(space) + " memory: " + textOf(site) + (isWrite ? " writes " : " reads ") +
                   where + ", not ordered with the " + (withRead ? "read" : "write") + " by " + with);
}

void Block::failShared(const Thread &thread, Conflict conflict, uint64_t word, bool isWrite, const Site *site) {
  failConflict(thread, conflict, shared.cell(word), "shared", "offset " + std::to_string(word * 4), isWrite, site);
}

void Block::failDeadlock() {
  std::map<std::string, std::pair<uint32_t, const Thread *>> waiters;
  const Thread *first = nullptr;
  for (const Thread &thread : threads) {
    if (!thread.done) {
      first = first ? first : &thread;
      auto &entry = waiters[thread.waitsFor + mbarrierText(thread) + " at " + textOf(thread.site)];
      ++entry.first;
      entry.second = entry.second ? entry.second : &thread;
    }
  }
  std::string list;
  for (const auto &[what, entry] : waiters) {
    list += (list.empty() ? "" : "; ") + std::to_string(entry.first) + " thread" + (entry.first > 1 ? "s" : "") +
            " (first " + std::to_string(entry.second->number) + ") wait for " + what;
  }
  fail(*first, "deadlock: " + list);
}

uint32_t Block::newAgent(const Thread &thread) {
  if (agents + 1 >= Touch::maxThreads) {
    fail(thread, "mbarrier: the simulator tells at most " + std::to_string(Touch::maxThreads - request->threads) +
                     " of a block apart");
  }
  return agents++;
}

Thread *Block::nextReady(uint32_t from) {
  uint32_t turn = 0;
  if (request->seed) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    turn = uint32_t(random >> 32);
  }
  uint32_t count = uint32_t(warps.size());
  uint32_t start = turn ? (turn >> 8) % count : from;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t number = start + i < count ? start + i : start + i - count;
    if (uint32_t ready = warps[number].ready) {
      uint32_t by = turn & 31;
      uint32_t turned = by ? ready >> by | ready << (32 - by) : ready;
      return &threads[number * 32 + ((__builtin_ctz(turned) + by) & 31)];
    }
  }
  return nullptr;
}

void Block::schedule(Thread &thread) {
  Thread *next = nextReady(thread.warp);
  while (!next && liveThreads && landTile()) { // as late as can be
    next = nextReady(thread.warp);
  }
  if (!next) {
    if (liveThreads) {
      failDeadlock();
    }
    Fiber::change(thread.fiber, main);
    __builtin_unreachable();
  }
  if (next != &thread) {
    running = next;
    ++counters.switches;
    Fiber::change(thread.fiber, next->fiber);
  }
}

void Block::waitFor(Thread &thread, const Site *site, const char *what) {
  thread.site = site;
  thread.waitsFor = what;
  warps[thread.warp].ready &= ~(1u << thread.lane);
  schedule(thread);
}

void Block::finish(Thread &thread) {
  if (!thread.copies.items.empty()) {
    landCopies(thread, thread.copies.items.size());
  }
  if (!thread.tileStores.items.empty()) {
    failUnfinished(thread, thread.tileStores.items.front().site);
  }
  Warp &warp = warps[thread.warp];
  uint32_t self = 1u << thread.lane;
  thread.done = true;
  --liveThreads;
  warp.ready &= ~self;
  warp.live &= ~self;
  if (warp.meeting) {
    const Thread &other = threads[thread.warp * 32 + __builtin_ctz(warp.meeting)];
    if (other.mask & self) {
      fail(thread, "divergent warp: ends while thread " + std::to_string(other.number) + " waits for it at " +
                       textOf(other.site));
    }
  }
  if (!warp.live) {
    countTraces(warp);
  }
  if (!liveThreads && !tileLoads.empty()) {
    failUnfinished(thread, tileLoads.front().site);
  }
  for (size_t i = 0; !liveThreads && i < warpGroups.size(); ++i) {
    if (!warpGroups[i].underway.empty()) {
      failUnfinished(thread, warpGroups[i].underway.front().site);
    }
  }
}

void Block::failUnfinished(const Thread &thread, const Site *site) {
  fail(thread, "ends before " + textOf(site) + " was waited for");
}

void Block::countTraces(Warp &warp) {
  Thread *lanes = &threads[(&warp - warps.data()) * 32];
  Trace *traces[32];
  uint32_t count = 0;
  for (uint32_t lane = 0; lane < 32 && lanes + lane < threads.data() + threads.size(); ++lane) {
    if (!lanes[lane].trace.empty()) {
      traces[count++] = &lanes[lane].trace;
    }
  }
  if (count) {
    countWarp(traces, count, counters);
  }
}

void Block::fiberMain() {
  Thread &thread = *current();
  Block &block = *thread.block;
  block.request->code->run(block.request->arguments);
  block.finish(thread);
  block.finishBarriers(thread);
  block.schedule(thread);
}

// No thread waits for another: one after another, on one stack.
void Block::plainMain() {
  Block &block = *active;
  for (Thread &thread : block.threads) {
    block.running = &thread;
    block.request->code->run(block.request->arguments);
    block.finish(thread);
  }
  Fiber::change(block.threads[0].fiber, block.main);
}

void Block::prepare() {
  uint32_t count = request->threads;
  stacks.reserve(count);
  if (threads.size() != count) {
    threads.clear();
    threads.resize(count);
  }
  warps.assign((count + 31) / 32, Warp());
  for (uint32_t i = 0; i < count; ++i) {
    Thread &thread = threads[i];
    thread.block = this;
    thread.number = i;
    thread.lane = i % 32;
    thread.warp = i / 32;
    const uint32_t values[RegisterCount] = {
        i, 0, 0, count, 1, 1, 0, 0, 0, request->grid[0], request->grid[1], request->grid[2], thread.lane, thread.warp};
    std::copy(values, values + RegisterCount, thread.registers.values);
    thread.trace.clear();
    thread.registers.shared = reinterpret_cast<void *>(shared.base());
  }
  lastAllocation.assign(request->code->siteCount, nullptr);
}

void Block::startBlock(uint64_t index) {
  clocks.startBlock(request->threads);
  started.emplace_back(clocks.blockStart, index);
  shared.reset(request->code->staticShared + request->sharedBytes);
  for (BlockBarrier &barrier : barriers) {
    barrier.arrived = 0;
    barrier.waiting.clear();
  }
  mbarriers.clear();
  tileLoads.clear();
  agents = request->threads;
  warpGroups.assign(request->threads / 128 + 1, WarpGroup());
  for (WarpGroup &group : warpGroups) {
    group.agent = agents++;
  }
  liveThreads = request->threads;
  for (size_t i = 0; i < warps.size(); ++i) {
    uint32_t lanes = std::min<uint32_t>(32, request->threads - uint32_t(i) * 32);
    warps[i].lanes = warps[i].live = warps[i].ready = lanes == 32 ? ~0u : (1u << lanes) - 1;
    warps[i].meeting = 0;
  }
  uint32_t x = uint32_t(index % request->grid[0]), y = uint32_t(index / request->grid[0] % request->grid[1]),
           z = uint32_t(index / request->grid[0] / request->grid[1]);
  for (Thread &thread : threads) {
    thread.registers.values[CtaidX] = x;
    thread.registers.values[CtaidY] = y;
    thread.registers.values[CtaidZ] = z;
    thread.done = false;
    thread.clock = {clocks.blockStart, nullptr};
    thread.copies.clear();
    thread.tileStores.clear();
    thread.wgmmaCommitted = thread.wgmmaDone = 0;
    thread.wgmmaFenced = false;
    if (request->code->synchronises) {
      thread.fiber.prepare(stacks.top(thread.number), Stacks::usable, fiberMain);
    }
  }
  running = &threads[0];
  if (!request->code->synchronises) {
    threads[0].fiber.prepare(stacks.top(0), Stacks::usable, plainMain);
  } else if (request->seed) {
    running = nextReady(0);
  }
}

static uint64_t mix(uint64_t value) { // splitmix64
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

Counters Block::launch(const LaunchRequest &asked) {
  if (clocks.old()) {
    clocks.restart();
    memory.forget();
    shared.forget();
  }
  request = &asked;
  active = this;
  counters = Counters();
  failure.clear();
  started.clear();
  clocks.startLaunch();
  prepare();
  uint64_t blocks = uint64_t(asked.grid[0]) * asked.grid[1] * asked.grid[2];
  uint64_t step = 1, first = 0;
  if (asked.seed) {
    random = mix(asked.seed);
    first = random % blocks;
    for (step = mix(random) % blocks + 1; std::gcd(step, blocks) != 1; ++step) {
    }
  }
  for (uint64_t i = 0; i < blocks && failure.empty(); ++i) {
    startBlock((first + i * step) % blocks);
    Fiber::change(main, running->fiber);
  }
  active = nullptr;
  if (!failure.empty()) { // what was pending stays so in the shadows
    memory.forget();
    shared.forget();
    throw Error(Exit::Internal, failure);
  }
  counters.launches = 1;
  counters.blocks = int64_t(blocks);
  counters.threads = int64_t(blocks * asked.threads);
  return counters;
}

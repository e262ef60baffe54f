// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector clocks.
#include "runtime/Sim/Clocks.h"

#include <algorithm>

using namespace mblm::sim;

static void maximum(std::vector<uint32_t> &into, const std::vector<uint32_t> &from) {
  if (into.size() < from.size()) {
    into.resize(from.size());
  }
  for (size_t i = 0; i < from.size(); ++i) {
    into[i] = std::max(into[i], from[i]);
  }
}

static void set(std::vector<uint32_t> &vector, uint32_t index, uint32_t value, size_t size) {
  if (vector.size() < std::max<size_t>(index + 1, size)) {
    vector.resize(std::max<size_t>(index + 1, size));
  }
  vector[index] = value;
}

void Clocks::startBlock(uint32_t count) {
  blockStart = base = ++time;
  threads = count;
  baseFenced.clear();
  anyFence = false;
  lastOwn = lastFrom = lastJoined = nullptr;
}

void Clocks::join(Knowledge &into, const Knowledge &from) {
  maximum(into.known, from.known);
  maximum(into.fenced, from.fenced);
}

bool Clocks::fenced(uint32_t thread, uint32_t clock, const ThreadClock &by) const {
  if (thread < baseFenced.size() && clock <= baseFenced[thread]) {
    return true;
  }
  return by.knowledge && thread < by.knowledge->fenced.size() && clock <= by.knowledge->fenced[thread];
}

void Clocks::release(Knowledge &into, uint32_t thread, ThreadClock &clock) {
  if (clock.knowledge) {
    join(into, *clock.knowledge);
  }
  set(into.known, thread, clock.now, threads);
  clock.now = ++time;
}

void Clocks::note(Knowledge &into, uint32_t agent, uint32_t clock) const { set(into.known, agent, clock, threads); }

void Clocks::acquire(ThreadClock &clock, const KnowledgeRef &from) {
  if (!from || clock.knowledge == from) {
    return;
  }
  if (!clock.knowledge) {
    clock.knowledge = from;
    return;
  }
  if (clock.knowledge != lastOwn || from != lastFrom) {
    auto joined = std::make_shared<Knowledge>(*clock.knowledge);
    join(*joined, *from);
    lastOwn = clock.knowledge;
    lastFrom = from;
    lastJoined = std::move(joined);
  }
  clock.knowledge = lastJoined;
}

void Clocks::barrier(std::vector<ThreadClock *> &all) {
  if (anyFence) {
    const Knowledge *last = nullptr;
    for (ThreadClock *clock : all) {
      if (clock->knowledge && clock->knowledge.get() != last) {
        last = clock->knowledge.get();
        maximum(baseFenced, last->fenced);
      }
    }
  }
  base = ++time;
  for (ThreadClock *clock : all) {
    clock->now = base;
    clock->knowledge = nullptr;
  }
}

void Clocks::fence(uint32_t thread, ThreadClock &clock) {
  auto fenced = clock.knowledge ? std::make_shared<Knowledge>(*clock.knowledge) : std::make_shared<Knowledge>();
  maximum(fenced->fenced, fenced->known);
  fenced->fenced.resize(std::max<size_t>(fenced->fenced.size(), threads));
  for (uint32_t &value : fenced->fenced) {
    value = std::max(value, base - 1);
  }
  set(fenced->fenced, thread, clock.now, threads);
  clock.knowledge = std::move(fenced);
  clock.now = ++time;
  anyFence = true;
}

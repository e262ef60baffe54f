// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who touched memory last: for each four bytes their last write, and two of the reads since that are not ordered.
#pragma once

#include "runtime/Sim/Clocks.h"

namespace mblm::sim {

// clock:32 | thread:11 | asynchronous:1 | bytes:4 | site:16; zero: none.
class Touch {
public:
  static constexpr uint32_t maxSites = 1u << 16;
  static constexpr uint32_t maxThreads = 1u << 11; // with agents

  Touch() = default;
  Touch(uint32_t clock, uint32_t thread, bool async, uint32_t site)
      : bits(uint64_t(clock) << 32 | thread << 21 | uint32_t(async) << 20 | site) {}
  Touch withBytes(uint32_t mask) const {
    Touch touch(*this);
    touch.bits |= mask << 16;
    return touch;
  }
  uint32_t clock() const { return bits >> 32; }
  uint32_t thread() const { return uint32_t(bits) >> 21; }
  bool async() const { return bits >> 20 & 1; }
  uint32_t bytes() const { return bits >> 16 & 15; }
  uint32_t site() const { return bits & 0xffff; }
  bool operator==(const Touch &other) const { return bits == other.bits; }

private:
  uint64_t bits = 0;
};

struct Cell {
  Touch write, firstRead, lastRead;
};

// An access as cells see it.
struct Accessor {
  const Clocks &clocks;
  const ThreadClock &clock;
  uint32_t thread;
  uint32_t since; // what happened before this clock does not count: the block's start, or the launch's
  bool proxy;     // an asynchronous unit looks: generic writes must have been fenced
};

// A pending touch has happened.
inline void settle(Touch &touch, Touch pending, Touch now) {
  if (touch == pending) {
    touch = now;
  }
}

enum class Conflict { None, UnorderedWrite, UnorderedRead, Unfenced };

inline bool ordered(const Touch &touch, const Accessor &by) {
  uint32_t clock = touch.clock();
  return clock < by.since ||
         (clock >= by.clocks.blockStart && by.clocks.known(touch.thread(), clock, by.thread, by.clock));
}

inline Conflict afterWrite(const Cell &cell, Touch touch, const Accessor &by) {
  if (!(cell.write.bytes() & touch.bytes())) {
    return Conflict::None;
  }
  if (!ordered(cell.write, by)) {
    return Conflict::UnorderedWrite;
  }
  if (by.proxy && !cell.write.async() && cell.write.clock() >= by.since &&
      !by.clocks.fenced(cell.write.thread(), cell.write.clock(), by.clock)) {
    return Conflict::Unfenced;
  }
  return Conflict::None;
}

// Nobody has touched it since: the common case, where there is nothing to ask.
template <bool isWrite>
inline bool touchFirst(Cell &cell, Touch touch, uint32_t since) {
  if (cell.write.clock() >= since || cell.lastRead.clock() >= since) { // the first read is no younger
    return false;
  }
  if (isWrite) {
    cell.write = touch;
  } else {
    cell.firstRead = cell.lastRead = touch;
  }
  return true;
}

// Reads `touch.bytes()` of the cell. What conflicts is left in place for the message.
inline Conflict read(Cell &cell, Touch touch, const Accessor &by) {
  if (cell.write.clock() >= by.since) {
    if (Conflict conflict = afterWrite(cell, touch, by); conflict != Conflict::None) {
      return conflict;
    }
  }
  if (ordered(cell.firstRead, by)) {
    cell.firstRead = ordered(cell.lastRead, by) ? touch : cell.lastRead;
  }
  cell.lastRead = touch;
  return Conflict::None;
}

inline Conflict write(Cell &cell, Touch touch, const Accessor &by) {
  if (cell.write.clock() >= by.since) {
    if (Conflict conflict = afterWrite(cell, touch, by); conflict != Conflict::None) {
      return conflict;
    }
  }
  if (cell.lastRead.clock() >= by.since) {
    for (const Touch &reader : {cell.lastRead, cell.firstRead}) {
      if ((reader.bytes() & touch.bytes()) && !ordered(reader, by)) {
        return Conflict::UnorderedRead;
      }
    }
  }
  cell.write = touch;
  return Conflict::None;
}

} // namespace mblm::sim

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What simulated kernels and the simulator agree on. An artifact for the simulator exports, for every kernel NAME,
//   void mblm_sim_NAME(void **arguments)     one thread, from its start to its end
//   const KernelCode mblm_sim_NAME_code      what the simulator must know of it
// and the pointer `mblm_sim_table`, which the loader sets: all that the code calls. `mblm_sim_version` must equal
// `tableVersion`.
#pragma once

#include <cstdint>

namespace mblm::sim {

// Special registers, in their order in `Registers`.
enum Register : uint32_t {
  TidX,
  TidY,
  TidZ, // place in the block
  NtidX,
  NtidY,
  NtidZ, // size of the block
  CtaidX,
  CtaidY,
  CtaidZ, // place in the grid
  NctaidX,
  NctaidY,
  NctaidZ, // size of the grid
  LaneId,
  WarpId,
  RegisterCount
};

// A thread as its code sees it.
struct Registers {
  uint32_t values[RegisterCount];
  void *shared; // the block's shared memory; what has no static place begins at its static bytes
};

// An operation of a kernel.
struct Site {
  uint32_t number;    // among the kernel's
  uint32_t text;      // where its name and place begin among the kernel's texts
  uint32_t bytes;     // of a plain access
  uint32_t alignment; // that the access promises
};

enum ShuffleKind : uint32_t { Butterfly, Up, Down, Index };
enum VoteKind : uint32_t { Any, All, Ballot, Uniform };
enum ReduceKind : uint32_t { Add, And, Max, Min, Or, UnsignedMax, UnsignedMin, Xor };
enum MatrixKind : uint32_t { BrainFloat16, Half16, TensorFloat8 }; // m16n8 with so many columns of A

enum WgmmaFlags : uint32_t {
  Accumulate = 1,
  NegateA = 2,
  NegateB = 4,
  ColumnsOfA = 8,
  RowsOfB = 16
}; // MN-major layouts

constexpr uint32_t noMatrix = UINT32_MAX; // among the matrices of a tensor

struct KernelCode {
  void (*run)(void **arguments);
  const Site *sites;
  const char *texts;             // NUL-terminated, one behind the other
  const uint32_t *argumentBytes; // of each argument's value
  uint32_t siteCount;
  uint32_t argumentCount;
  uint32_t staticShared; // bytes; dynamic shared memory begins behind them
  uint32_t synchronises; // 0: no operation waits for another thread
  uint32_t maxThreads;   // of a block; 0: any number
};

using Nothing = void;
using Pointer = void *;
using Word = uint32_t;
using Long = uint64_t;
using Float = float;

struct Table {
#define MBLM_SIM_OPERATION(result, name, ...) result (*name)(__VA_ARGS__);
#include "runtime/Sim/Operations.def"
};

// A hash of the operations' list.
constexpr uint64_t hashText(const char *text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *text; ++text) {
    hash = (hash ^ uint64_t(*text)) * 0x100000001b3;
  }
  return hash;
}
constexpr uint64_t tableVersion = hashText(
#define MBLM_SIM_OPERATION(result, name, ...) #result #name #__VA_ARGS__
#include "runtime/Sim/Operations.def"
);

} // namespace mblm::sim

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be told of CUDA kernels without running them: which instructions they consist of, what they occupy, and how
// many of their blocks a multiprocessor can hold. Instructions are counted in the text: those of a loop count once.
#pragma once

#include "compiler/Target/Cubin.h"
#include "compiler/Target/PtxText.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace mblm::target {

// Accesses by width: 16 bytes a thread, which is the most that there is, and less.
struct Accesses {
  int64_t wide = 0, narrow = 0;
};

struct InstructionCounts {
  int64_t mma = 0;   // mma.sync: products of a warp
  int64_t wgmma = 0; // products of four warps, from shared memory
  int64_t ldmatrix = 0;
  Accesses globalLoads, globalStores;
  Accesses asyncCopies; // cp.async, from global to shared memory
  int64_t bulkCopies = 0; // of whole tiles or rows by the copy engine
  int64_t atomics = 0;    // on global memory
};

InstructionCounts countInstructions(const PtxFunction &function);

struct KernelEvidence {
  std::string name;
  int64_t threads = 0;      // of a block, at most
  int64_t dynamicBytes = 0; // of shared memory, as launched
  InstructionCounts counts;
  std::optional<Resources> resources; // none without ptxas
  int64_t blocks = 0;    // that fit on a multiprocessor; 0 where it is not known
  double occupancy = 0;  // of its threads
};

// A multiprocessor's limits (CUDA Programming Guide, "Compute Capabilities").
struct Multiprocessor {
  int64_t threads, blocks, registers, sharedBytes;
};
Multiprocessor multiprocessorOf(const std::string &arch);

// Blocks that it holds at once.
int64_t residentBlocks(const Multiprocessor &processor, int64_t threads, int64_t registers, int64_t sharedBytes);

// Of every kernel of the text. `dynamicBytes` says what a kernel is launched with.
std::vector<KernelEvidence> gatherEvidence(const std::string &ptx, const std::string &arch, const Cubin *cubin,
                                           const std::map<std::string, int64_t> &dynamicBytes);

nlohmann::json toJson(const KernelEvidence &kernel);
// "12 kernels, 2 of them with tensor-core instructions; 1 spill; ..."
std::string evidenceSummary(const std::vector<KernelEvidence> &kernels);
// A line a kernel, and the summary.
std::string evidenceTable(const std::vector<KernelEvidence> &kernels);

} // namespace mblm::target

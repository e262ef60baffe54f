// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX text to machine code, by NVIDIA's assembler where the machine has it.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace mblm::target {

// What the assembler says of a kernel; bytes are per thread but for shared memory.
struct Resources {
  int64_t registers = 0;
  int64_t spillStores = 0, spillLoads = 0;
  int64_t stack = 0;
  int64_t sharedBytes = 0; // static
  int64_t barriers = 0;
};

struct Cubin {
  std::string bytes;
  std::map<std::string, Resources> kernels;
};

// The path of ptxas: MBLM_PTXAS (`off`: none), else in PATH, else in the toolkit of CUDA_HOME, CUDA_PATH or
// /usr/local/cuda. Error(Device) where MBLM_PTXAS is no program.
std::optional<std::string> findPtxas();

// Error(Device) that names the kernel and a log, which is kept with the text, where ptxas refuses this.
Cubin assemble(const std::string &ptxas, const std::string &ptx, const std::string &arch, int jobs);

// The resources in what `ptxas -v` wrote.
std::map<std::string, Resources> parsePtxasLog(const std::string &log);

} // namespace mblm::target

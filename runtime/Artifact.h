// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads a compiled model (the shared object of runtime/ABI.h, or the same symbols linked into this program) and runs
// its entries on the CPU, on a GPU, or on the simulator of one.
#pragma once

#include "runtime/ABI.h"
#include "runtime/Program.h"

#include <functional>

namespace mblm::rt {

// Looks at the first bytes only: whether a path that could be a spec is an ELF file.
bool isArtifact(const std::string &path);

// Throws Error: FileIO, Integrity (damaged, or of another ABI), Device (needs instructions that this CPU lacks, or a GPU that is
// not there). `threads` 0: one per available CPU.
enum class RunOn { Cpu, Cuda, Simulator };
std::unique_ptr<Program> loadArtifact(const std::string &path, int threads = 0, RunOn runOn = RunOn::Cpu);

// The JSON description that an artifact was compiled from.
std::string artifactSpecText(const std::string &path);

// A program whose artifact is linked in.
struct LinkedArtifact {
  const char *metadata = nullptr;
  std::function<void *(const std::string &symbol)> find; // null for what is not there
};
std::unique_ptr<Program> linkedProgram(const LinkedArtifact &artifact, int threads = 0);
// The same, with the symbols looked up in this program itself (needs -rdynamic).
std::unique_ptr<Program> selfProgram(int threads = 0);

} // namespace mblm::rt

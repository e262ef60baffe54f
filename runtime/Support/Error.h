// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How anything fails: one exception type that carries the process's exit code and one line for people. The line names the
// cause, where it is, and what would be right. Every room may use it; it depends on nothing.
#pragma once

#include <stdexcept>
#include <string>

namespace mblm {

enum class Exit : int {
  Done = 0,
  Internal = 1,  // a bug of ours; a reproducer is written
  Usage = 2,     // the command line
  BadInput = 3,  // spec, config, data or ids
  Resource = 4,  // memory or size limit
  FileIO = 5,    // open, read, write
  Device = 6,    // the machine cannot run the artifact
  Numerics = 7,  // NaN or infinity where there must be none
  Integrity = 8, // corrupt weights, checkpoint, artifact or cache
  Interrupted = 130,
  Terminated = 143,
};

class Error : public std::runtime_error {
public:
  Error(Exit code, const std::string &line) : std::runtime_error(line), code(code) {}
  const Exit code;
};

} // namespace mblm

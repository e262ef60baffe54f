// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the entries of a model launch on a GPU, as the artifact's metadata lists it for one architecture.
#pragma once

#include "runtime/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <map>

namespace mblm::rt::gpu {

// A kernel's pointer: `offset` floats behind the start of a buffer of runtime/ABI.h.
struct Argument {
  int slot = 0;
  LinearSize offset;
};

// A matrix of bf16 that the kernel reads by the copy engine, in swizzled tiles; or several one behind the other.
struct PlannedMap {
  int64_t tensor = 0; // the argument
  LinearSize offset;  // where it begins behind that, in floats
  LinearSize rows;
  int64_t columns = 0;
  int64_t tileRows = 0, tileColumns = 0;
  std::optional<LinearSize> matrices;
};

struct PlannedLaunch {
  std::string kernel, from;
  LinearSize grid; // blocks: ceil(grid / divisor) by y
  int64_t divisor = 1, y = 1;
  int64_t threads = 1, sharedBytes = 0;
  std::vector<Argument> arguments;
  std::vector<PlannedMap> maps;
};

struct PlannedEntry {
  LinearSize arena;            // floats
  LinearSize ids, output;      // elements
  std::vector<PlannedLaunch> launches;
};

struct Plan {
  std::map<std::string, PlannedEntry> entries;
  int64_t pieces = 0; // of the parameters, at most MBLM_PIECE_FLOATS each
};

// Throws json exceptions, and Error(Integrity) naming `where` for numbers that make no sense.
Plan readPlan(const nlohmann::json &value, const std::string &where);

// The pieces as MBLM_PIECES holds them: three numbers each.
std::vector<int64_t> pieceTable(const ModelInfo &info);

} // namespace mblm::rt::gpu

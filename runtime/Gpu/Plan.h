// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the entries of a model launch on a GPU, as the artifact's metadata lists it for one architecture.
#pragma once

#include "runtime/Gpu/Device.h"
#include "runtime/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>

namespace mblm::rt::gpu {

// A kernel's pointer: `offset` floats behind the start of a buffer of runtime/ABI.h, or, in a loop, of its tensor
// `slot - MBLM_SLOTS`.
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

// What a library may compute in the place of a launch and those behind it, from the first launch's arguments: left, right and
// result as in ProductCall, whose rows follow each other without gaps.
struct PlannedProduct {
  int64_t left = 0, right = 0, result = 0;
  std::optional<int64_t> addend, bias;
  LinearSize rows, columns, depth;
  bool leftDepthInside = true, rightDepthInside = true;
  Element element = Element::F32, resultElement = Element::F32;
  bool gelu = false, rounded = false;
  int64_t launches = 1; // that it stands for
  int64_t least = 0;    // the library is asked for products of at least rows * columns * depth

  // For some launch's pointers; no workspace. `what` is named where a number does not fit.
  ProductCall call(const std::vector<void *> &pointers, const Shape &shape, const std::string &what) const;
  bool wanted(const ProductCall &call) const {
    return double(call.rows) * double(call.columns) * double(call.depth) >= double(least);
  }
};

struct PlannedLaunch {
  std::string kernel, from;
  LinearSize grid; // blocks: ceil(grid / divisor) by y
  int64_t divisor = 1, y = 1;
  int64_t threads = 1, sharedBytes = 0;
  std::vector<Argument> arguments;
  std::vector<PlannedMap> maps;
  std::optional<PlannedProduct> product;
  std::optional<size_t> loop; // neighbours with the same one run once for each piece of G outermost slots
};

// Launches on a piece at a time, as if it were the whole: a batch of 1 with the piece's slots.
struct PlannedLoop {
  struct Tensor {
    Argument at;          // the first piece's part
    int64_t elements = 0; // of a slot, 4 bytes each
  };
  Argument arena;
  std::vector<Tensor> tensors;
};

struct PlannedEntry {
  LinearSize arena;            // floats
  LinearSize ids, output;      // elements
  LinearSize lengths, targets, ranges, entropies; // the same, where the data decides patches
  StepInputs inputs;           // of steps
  std::vector<PlannedLaunch> launches;
  std::vector<PlannedLoop> loops;
  std::vector<PlannedLaunch> narrow; // make the parameters' copies in MBLM_NARROW that the launches read, of constant offsets

  bool hasProducts() const;
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

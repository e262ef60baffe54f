// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The metadata text of an artifact, read and checked.
#pragma once

#include "runtime/Gpu/Plan.h"
#include "runtime/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <map>

namespace mblm::rt {

struct EntrySizes {
  LinearSize arena;
  LinearSize scratch; // per thread
  StepInputs inputs;  // of steps
  int64_t copies = 0; // of weights, which it reads: floats of all that there are

  bool byPieces() const { return arena.pieces() != 0 || scratch.pieces() != 0; }
  // Of the whole workspace, copies included, and as Buffers. Throw Error(Resource) as above.
  int64_t bytes(const Shape &shape, int threads, const std::string &what) const;
  int64_t chargedBytes(const Shape &shape, int threads, const std::string &what) const;
};

// What training keeps beside its workspace, as Buffers: parameters, gradients, and two moments.
int64_t trainingBufferBytes(const ModelInfo &info);

// The slots of a piece for a workspace of at most `maximum` charged bytes: all slots, or the largest power of two of them
// that fits; 1 where nothing does.
int64_t largestPiece(const EntrySizes &sizes, Shape shape, int threads, int64_t maximum, const std::string &what);

// Kernels that are launched one after another; once, or once a piece.
struct Launches {
  bool perPiece = false;
  std::vector<std::string> names;
};

// Copies of weights that are made once, all in one buffer of so many floats; those in int8 can be read back.
struct PreparedCopies {
  struct Quantized {
    int64_t offset = 0, rows = 0, columns = 0;  // among the parameters
    int64_t numbers = 0, scales = 0;            // in the buffer
  };
  int64_t floats = 0;
  std::vector<Quantized> quantized;
};

// What an artifact holds for one level of machine.
struct NativeCode {
  std::string level;  // of runtime/Level.h
  std::string suffix; // of its entries' symbols
  std::map<std::string, EntrySizes> entries;
  std::map<std::string, std::vector<Launches>> launches; // by entry, in order
  PreparedCopies prepared;
};

struct Metadata {
  ModelInfo info;
  std::vector<NativeCode> levels; // best first
  std::vector<StateTensor> states;
  std::map<std::string, gpu::Plan> gpu;                  // by architecture
};

// Of a step's description. Throws json exceptions.
StepInputs readStepInputs(const nlohmann::json &step);

// Throws Error(Integrity) naming `where` and the field.
Metadata parseMetadata(const std::string &text, const std::string &where);

} // namespace mblm::rt

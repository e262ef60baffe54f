// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX text, taken apart.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace mblm::target {

struct PtxFunction {
  std::string name;
  bool isKernel = false;
  int firstLine = 0; // counted from 1
  std::string text;  // from its first directive to its closing brace
};

struct PtxText {
  std::string header;                    // version, target and address size
  std::vector<std::string> declarations; // lines outside of functions
  std::vector<PtxFunction> functions;

  // The function that a line belongs to, if any.
  const PtxFunction *at(int line) const;
};

PtxText parsePtx(llvm::StringRef text);

// One text from those of a module's pieces: declarations once, functions in the given order.
std::string joinPtx(const std::vector<std::string> &pieces, const std::vector<std::string> &order);

} // namespace mblm::target

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's part of the way to native code: from a module in the llvm dialect to optimised objects.
#pragma once

#include "compiler/Target/Machine.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <utility>
#include <vector>

namespace mblm::target {

enum class CodeFormat { LLVM, Assembly, Object };

// The code of a module at phase `llvm`, with `metadata` as the symbol mblm_metadata; empty: another has it. Entries and metadata
// are visible from outside, all else is not. `suffix` follows the names of all that the module defines, so that it can be linked
// with other code of the same model. The text comes in one piece; objects come in up to `jobs` pieces, made side by side,
// that are to be linked together.
std::vector<std::string> generateCode(mlir::ModuleOp module, const Machine &machine, const std::string &metadata,
                                      CodeFormat format, int jobs, const std::string &suffix = "");

// An object file for this machine with each text or binary under its name, a zero behind it, and its size as int64_t NAME_size.
std::string dataObject(const std::vector<std::pair<std::string, std::string>> &symbols);

} // namespace mblm::target

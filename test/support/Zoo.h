// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which models of models/ tests compile.
#pragma once

#include <filesystem>

namespace mblm::test {

// BLT's are read and written, and not compiled yet. test/tools/command_line_test.py,
// tools/kernel-evidence and test/bench/compile-times have the same.
inline bool awaitsLowering(const std::filesystem::path &model) {
  return model.filename().string().rfind("blt-", 0) == 0;
}

} // namespace mblm::test

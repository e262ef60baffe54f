// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations in files that last for a test, and what an importer answers to them.
#pragma once

#include "compiler/Spec/Import.h"
#include "test/spec/Refusal.h"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace mblm::spec {

// A file that is gone at the end of the test.
class Temporary {
public:
  explicit Temporary(const std::string &text) : path(testing::TempDir() + "c" + std::to_string(getpid()) + ".json") {
    std::ofstream(path) << text;
  }
  ~Temporary() { std::remove(path.c_str()); }
  const std::string path;
};

// The refusal with the file's name shortened to "c.json".
inline std::string importRefusal(const std::string &format, const std::string &text) {
  Temporary file(text);
  std::string line = refusal([&] { importConfig(format, file.path); });
  size_t at = line.find(file.path);
  return at == std::string::npos ? line : line.replace(at, file.path.size(), "c.json");
}

} // namespace mblm::spec

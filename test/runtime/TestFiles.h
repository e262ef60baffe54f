// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder for one test, and helpers for files with known content and for errors with known codes.
#pragma once

#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <string>

namespace mblm::rt::test {

class TestFolder {
public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mblm-test-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  std::string write(const std::string &name, const std::string &text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    writeTextFile(*this / name, text);
    return *this / name;
  }
  std::string path;
};

inline std::string readAll(const std::string &path) { return readTextFile(path, 1 << 30); }

// Runs `action`, expects Error(code) whose line contains `part`.
inline void expectError(Exit code, const std::string &part, const std::function<void()> &action) {
  try {
    action();
    ADD_FAILURE() << "expected an error with: " << part;
  } catch (const Error &error) {
    EXPECT_EQ(int(error.code), int(code)) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "got: " << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "more than one line: " << error.what();
  }
}

} // namespace mblm::rt::test

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files as the runtime uses them: inputs whose size is pinned when they are opened, outputs that appear whole or not at
// all.
#pragma once

#include <cstdint>
#include <string>

namespace mblm::rt {

// A regular file open for reading. Reads beyond the pinned size or of a file that shrank throw Error(FileIO).
class InputFile {
public:
  explicit InputFile(const std::string &path);
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;
  ~InputFile();
  const std::string &path() const { return name; }
  int64_t size() const { return bytes; }
  void read(int64_t offset, void *out, int64_t count) const;

private:
  std::string name;
  int descriptor = -1;
  int64_t bytes = 0;
};

// The whole text of a file of at most `limit` bytes; Error(BadInput) for a longer one.
std::string readTextFile(const std::string &path, int64_t limit);

// A new file beside `path` that takes its name, durably, at commit(); without commit() nothing is left behind. A target
// that is no regular file (a pipe, /dev/null) is written directly.
class OutputFile {
public:
  explicit OutputFile(const std::string &path);
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  ~OutputFile();
  void write(const void *data, int64_t count);
  void commit();

private:
  std::string target;
  std::string temporary; // empty: written directly
  int descriptor = -1;
};

void writeTextFile(const std::string &path, const std::string &text);
void makeFolder(const std::string &path);                                  // with its parents
void syncFolder(const std::string &path);                                  // makes renames and new names in it durable
std::string systemError(const std::string &what, const std::string &path); // "cannot WHAT 'PATH': reason", from errno

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Other people's programs, run on files in a folder of their own.
#pragma once

#include <string>
#include <vector>

namespace mblm::target {

// A folder that goes with its content, unless this is to be kept.
class WorkFolder {
public:
  WorkFolder();
  ~WorkFolder();
  WorkFolder(const WorkFolder &) = delete;
  WorkFolder &operator=(const WorkFolder &) = delete;

  std::string file(const std::string &name) const { return path + "/" + name; }
  void keep() { kept = true; }

private:
  std::string path;
  bool kept = false;
};

struct Outcome {
  bool good = false;
  std::string said; // on stdout and stderr
};

// Error(FileIO) where it cannot be started.
Outcome runProgram(const std::vector<std::string> &command, const WorkFolder &folder);

// The file's bytes.
std::string readBytes(const std::string &path);

} // namespace mblm::target

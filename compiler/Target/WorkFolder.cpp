// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Target/WorkFolder.h"

#include "runtime/Support/Error.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mblm;
using namespace mblm::target;

WorkFolder::WorkFolder() {
  llvm::SmallString<128> made;
  if (std::error_code error = llvm::sys::fs::createUniqueDirectory("mblm", made)) {
    throw Error(Exit::FileIO, "cannot make a folder for temporary files: " + error.message());
  }
  path = made.str().str();
}

WorkFolder::~WorkFolder() {
  if (!kept) {
    llvm::sys::fs::remove_directories(path);
  }
}

Outcome target::runProgram(const std::vector<std::string> &command, const WorkFolder &folder) {
  std::vector<llvm::StringRef> arguments(command.begin(), command.end());
  std::string log = folder.file("log"), problem;
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), llvm::StringRef(log), llvm::StringRef(log)};
  bool unstarted = false;
  int code = llvm::sys::ExecuteAndWait(command[0], arguments, std::nullopt, redirects, 0, 0, &problem, &unstarted);
  if (unstarted) {
    throw Error(Exit::FileIO, "cannot run '" + command[0] + "': " + problem);
  }
  Outcome outcome{code == 0, readBytes(log)};
  if (code != 0 && outcome.said.empty()) {
    outcome.said = problem.empty() ? "exit code " + std::to_string(code) : problem;
  }
  return outcome;
}

std::string target::readBytes(const std::string &path) {
  auto bytes = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!bytes) {
    throw Error(Exit::FileIO, "cannot read '" + path + "': " + bytes.getError().message());
  }
  return (*bytes)->getBuffer().str();
}

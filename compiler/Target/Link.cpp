// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the linker on files in a folder of its own; the result takes its name when it is whole.
#include "compiler/Target/Link.h"

#include "compiler/Target/WorkFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <filesystem>

using namespace mblm;
using namespace mblm::target;

namespace {

std::string findProgram(const std::vector<std::string> &names) {
  for (const std::string &name : names) {
    if (auto found = llvm::sys::findProgramByName(name)) {
      return *found;
    }
  }
  throw Error(Exit::FileIO, "found none of the programs " + llvm::join(names, ", ") + "; expected one in PATH");
}

void link(const std::vector<std::string> &command, const WorkFolder &folder) {
  if (Outcome outcome = runProgram(command, folder); !outcome.good) {
    throw Error(Exit::Internal, "linking failed: " + outcome.said.substr(0, outcome.said.find('\n')));
  }
}

std::vector<std::string> writeObjects(const std::vector<std::string> &objects, const WorkFolder &folder) {
  std::vector<std::string> paths;
  for (const std::string &object : objects) {
    paths.push_back(folder.file("piece" + std::to_string(paths.size()) + ".o"));
    rt::writeTextFile(paths.back(), object);
  }
  return paths;
}

void publish(const std::string &from, const std::string &to, bool executable) {
  std::string linked = readBytes(from);
  rt::OutputFile file(to);
  file.write(linked.data(), int64_t(linked.size()));
  file.commit();
  if (executable) {
    std::filesystem::permissions(to, std::filesystem::perms(0755));
  }
}

// Sines, exponentials and the like of single numbers come from here.
std::string mathLibrary() {
  for (const char *folder :
       {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"}) {
    std::string path = std::string(folder) + "/libm.so.6";
    if (llvm::sys::fs::exists(path)) {
      return path;
    }
  }
  return "";
}

} // namespace

void target::linkArtifact(const std::vector<std::string> &objects, const std::string &output) {
  WorkFolder folder;
  std::string linked = folder.file("artifact");
  std::vector<std::string> command = {findProgram({"ld.lld-22", "ld.lld", "ld"}),
                                      "-shared",
                                      "--build-id=none",
                                      "-z",
                                      "noexecstack",
                                      "--gc-sections",
                                      "-o",
                                      linked};
  for (std::string &path : writeObjects(objects, folder)) {
    command.push_back(std::move(path));
  }
  if (std::string library = mathLibrary(); !library.empty()) {
    command.insert(command.end(), {"--as-needed", library});
  }
  link(command, folder);
  publish(linked, output, false);
}

void target::linkExecutable(const std::vector<std::string> &objects, const std::string &output) {
  static int marker;
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, &marker);
  std::string libraries = (std::filesystem::path(self).parent_path().parent_path() / "lib").string();
  WorkFolder folder;
  std::string linked = folder.file("program");
  std::vector<std::string> command = {findProgram({"clang++-22", "clang++", "c++", "g++"}), "-o", linked};
  for (const char *name : {"libMBLMStandalone.a", "libMBLMCommands.a", "libMBLMRuntime.a"}) {
    if (!llvm::sys::fs::exists(libraries + "/" + name)) {
      throw Error(Exit::FileIO, "cannot find '" + libraries + "/" + name + "', which programs are linked with");
    }
  }
  command.push_back(libraries + "/libMBLMStandalone.a");
  for (std::string &path : writeObjects(objects, folder)) {
    command.push_back(std::move(path));
  }
  command.insert(command.end(), {libraries + "/libMBLMCommands.a", libraries + "/libMBLMRuntime.a", "-Wl,--gc-sections",
                                 "-Wl,--export-dynamic-symbol=mblm_*", // found by name, as in an artifact
                                 "-static-libstdc++", "-static-libgcc", "-lm", "-ldl", "-lpthread"});
  link(command, folder);
  publish(linked, output, true);
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One cubin for all kernels: ptxas itself works on several at once.
#include "compiler/Target/Cubin.h"

#include "compiler/Target/PtxText.h"
#include "compiler/Target/WorkFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

#include <cstdlib>
#include <regex>

using namespace mblm;
using namespace mblm::target;
using llvm::StringRef;

std::optional<std::string> target::findPtxas() {
  if (const char *named = std::getenv("MBLM_PTXAS"); named && *named) {
    if (StringRef(named) == "off") {
      return std::nullopt;
    }
    auto found = llvm::sys::findProgramByName(named);
    if (!found || !llvm::sys::fs::can_execute(*found)) {
      throw Error(Exit::Device,
                  std::string("MBLM_PTXAS is '") + named + "', expected the path of the program ptxas, or off");
    }
    return *found;
  }
  if (auto found = llvm::sys::findProgramByName("ptxas")) {
    return *found;
  }
  const char *home = std::getenv("CUDA_HOME"), *path = std::getenv("CUDA_PATH");
  for (const char *toolkit : {home, path, "/usr/local/cuda"}) {
    std::string program = toolkit ? std::string(toolkit) + "/bin/ptxas" : "";
    if (!program.empty() && llvm::sys::fs::can_execute(program)) {
      return program;
    }
  }
  return std::nullopt;
}

static int64_t numberBefore(const std::string &line, const char *what) {
  std::smatch match;
  return std::regex_search(line, match, std::regex("([0-9]+) " + std::string(what))) ? std::stoll(match[1]) : 0;
}

// ptxas info    : Function properties for NAME
//     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// ptxas info    : Used 19 registers, used 1 barriers, 16 bytes smem
std::map<std::string, Resources> target::parsePtxasLog(const std::string &log) {
  std::map<std::string, Resources> kernels;
  std::string name;
  for (StringRef rest = log; !rest.empty();) {
    auto [text, after] = rest.split('\n');
    rest = after;
    std::string line = text.str();
    for (StringRef begin : {"Compiling entry function '", "Function properties for "}) {
      if (size_t at = text.find(begin); at != StringRef::npos) {
        name = text.substr(at + begin.size()).take_until([](char c) { return c == '\'' || c == ' '; }).str();
      }
    }
    if (text.contains("bytes stack frame")) {
      Resources &kernel = kernels[name];
      kernel.stack = numberBefore(line, "bytes stack frame");
      kernel.spillStores = numberBefore(line, "bytes spill stores");
      kernel.spillLoads = numberBefore(line, "bytes spill loads");
    } else if (text.contains(": Used ")) {
      Resources &kernel = kernels[name];
      kernel.registers = numberBefore(line, "registers");
      kernel.barriers = numberBefore(line, "barriers");
      kernel.sharedBytes = numberBefore(line, "bytes smem");
    }
  }
  return kernels;
}

// "ptxas FILE, line 31; error   : Unknown modifier ..."
static Error refusal(const std::string &said, const std::string &ptx, const std::string &log) {
  std::string line = said.substr(0, said.find('\n'));
  for (StringRef rest = said; !rest.empty(); rest = rest.split('\n').second) {
    if (StringRef one = rest.split('\n').first; one.contains("error") || one.contains("fatal")) {
      line = one.str();
      break;
    }
  }
  std::string where = "a kernel";
  std::smatch match;
  if (std::regex_search(line, match, std::regex("line ([0-9]+)"))) {
    PtxText text = parsePtx(ptx);
    if (const PtxFunction *function = text.at(std::stoi(match[1]))) {
      where = "kernel '" + function->name + "'";
    }
  } else if (std::regex_search(line, match, std::regex("'([A-Za-z0-9_$]+)'"))) {
    where = "kernel '" + match[1].str() + "'";
  }
  return Error(Exit::Device, "ptxas refuses " + where + ": " + line + "; its log is " + log +
                                 "; with MBLM_PTXAS=off the driver assembles the kernels");
}

Cubin target::assemble(const std::string &ptxas, const std::string &ptx, const std::string &arch, int jobs) {
  WorkFolder folder;
  rt::writeTextFile(folder.file("kernels.ptx"), ptx);
  std::vector<std::string> command = {
      ptxas, "-v", "-O3", "-arch=" + arch, folder.file("kernels.ptx"), "-o", folder.file("kernels.cubin")};
  if (jobs > 1) {
    command.push_back("--split-compile=" + std::to_string(jobs));
  }
  Outcome outcome = runProgram(command, folder);
  if (!outcome.good) {
    folder.keep();
    throw refusal(outcome.said, ptx, folder.file("log"));
  }
  return {readBytes(folder.file("kernels.cubin")), parsePtxasLog(outcome.said)};
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What LLVM must know of each level.
#include "compiler/Target/Machine.h"

#include "runtime/Level.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"

using namespace mblm;
using namespace mblm::target;

static Machine describe(const rt::Level &level) {
  Machine machine;
  machine.level = level.name;
  machine.tunedFor = "generic";
  bool isHost = level.architecture == rt::hostArchitecture();
  machine.triple = isHost ? llvm::sys::getProcessTriple() : level.architecture == "aarch64" ? "aarch64-unknown-linux-gnu" : "x86_64-unknown-linux-gnu";
  if (level.name == "neon") {
    machine.cpu = "generic"; // Armv8-A
  } else if (level.name == "portable" || level.name == "avx2") {
    machine.cpu = level.name == "portable" ? "x86-64-v2" : "x86-64-v3";
  } else {
    machine.cpu = "x86-64-v4";
    machine.features = level.name == "amx" ? "+avx512bf16,+amx-tile,+amx-bf16" : level.name == "avx512bf16" ? "+avx512bf16" : "";
    machine.vectorWidth = "512";
  }
  return machine;
}

static std::vector<std::string> namesOfLevels() {
  std::vector<std::string> names;
  for (const rt::Level &level : rt::allLevels()) {
    names.push_back(level.name);
  }
  return names;
}

Machine target::hostMachine(bool narrowProducts) {
  auto best = llvm::find_if(rt::allLevels(), [&](const rt::Level &level) {
    return (narrowProducts || !level.onlyNarrow) && rt::lackingFor(level).empty();
  });
  Machine machine = describe(*best);
  machine.tunedFor = llvm::sys::getHostCPUName().str();
  return machine;
}

Machine target::machineOfLevel(const std::string &name) {
  const rt::Level *level = rt::findLevel(name);
  if (!level) {
    throw Error(Exit::Usage, "unknown level '" + name + "'; expected " + rt::listed(namesOfLevels()) +
                                 ", several with commas between them, or all");
  }
  return describe(*level);
}

std::vector<Machine> target::machinesOfLevels(const std::string &list, bool narrowProducts) {
  llvm::SmallVector<llvm::StringRef> words;
  llvm::StringRef(list).split(words, ',');
  std::vector<std::string> wanted;
  for (llvm::StringRef word : words) {
    if (word != "all") {
      wanted.push_back(machineOfLevel(word.str()).level);
      continue;
    }
    for (const rt::Level &level : rt::allLevels()) {
      if (level.architecture == rt::hostArchitecture() && (narrowProducts || !level.onlyNarrow)) {
        wanted.push_back(level.name);
      }
    }
  }
  std::vector<Machine> machines;
  std::string architecture = rt::findLevel(wanted.front())->architecture;
  for (const rt::Level &level : rt::allLevels()) {
    if (!llvm::is_contained(wanted, level.name)) {
      continue;
    }
    if (level.architecture != architecture) {
      throw Error(Exit::Usage, "levels " + list + ": expected those of one architecture, got " + wanted.front() + " of " + architecture + " and " +
                                   level.name + " of " + level.architecture);
    }
    machines.push_back(describe(level));
  }
  return machines;
}

std::string target::suffixOf(const Machine &machine, const std::vector<Machine> &machines) {
  return machines.size() == 1 ? "" : "_" + machine.level;
}

bool target::isForThisArchitecture(const Machine &machine) {
  return rt::findLevel(machine.level)->architecture == rt::hostArchitecture();
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels are the x86-64 micro-architecture levels v4, v3 and v2, v4 with products in bf16 (sums of pairs, or tiles), and
// Armv8-A, of which all have the same vectors.
#include "runtime/Level.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mblm::rt {

const std::vector<Level> &allLevels() {
  static const std::vector<Level> levels = {{"amx", "x86-64", true},      {"avx512bf16", "x86-64", true}, {"avx512", "x86-64"},
                                            {"avx2", "x86-64"}, {"portable", "x86-64"},       {"neon", "aarch64"}};
  return levels;
}

const Level *findLevel(const std::string &name) {
  const std::vector<Level> &levels = allLevels();
  auto found = std::find_if(levels.begin(), levels.end(), [&](const Level &level) { return level.name == name; });
  return found == levels.end() ? nullptr : &*found;
}

std::string hostArchitecture() {
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "aarch64";
#else
#error "native code needs x86-64 or aarch64"
#endif
}

std::string listed(const std::vector<std::string> &names, const std::string &last) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " " + last + " ") + names[i];
  }
  return text;
}

#if defined(__x86_64__)
namespace {
struct CpuFeatures {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// What the CPU says in leaf 7 of its features, which compilers' own functions do not know in full.
CpuFeatures cpuFeatures(unsigned part) {
  CpuFeatures found;
  if (__get_cpuid_count(7, part, &found.eax, &found.ebx, &found.ecx, &found.edx) == 0) {
    return {};
  }
  return found;
}

// Linux gives a process tile registers when it asks for them, once for all its threads; it is no mistake to ask again.
bool mayUseTiles() {
#if defined(__linux__)
  constexpr long requestPermission = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}
} // namespace
#endif

std::string lackingFor(const Level &level) {
  if (level.architecture != hostArchitecture()) {
    return "the architecture " + level.architecture;
  }
  std::vector<std::string> missing;
#if defined(__x86_64__)
  auto need = [&](bool present, const char *name) {
    if (!present) {
      missing.push_back(name);
    }
  };
  if (level.onlyNarrow || level.name == "avx512") {
    need(__builtin_cpu_supports("avx512f"), "avx512f");
    need(__builtin_cpu_supports("avx512bw"), "avx512bw");
    need(__builtin_cpu_supports("avx512vl"), "avx512vl");
    need(__builtin_cpu_supports("avx512dq"), "avx512dq");
  }
  if (level.name != "portable") {
    need(__builtin_cpu_supports("avx2"), "avx2");
    need(__builtin_cpu_supports("fma"), "fma");
  }
  if (level.onlyNarrow) {
    need(cpuFeatures(1).eax >> 5 & 1, "avx512_bf16");
  }
  if (level.name == "amx") {
    need(cpuFeatures(0).edx >> 22 & 1, "amx_bf16");
    need(cpuFeatures(0).edx >> 24 & 1, "amx_tile");
    if (missing.empty()) {
      need(mayUseTiles(), "the kernel's leave for tiles");
    }
  }
#endif
  return listed(missing, "and");
}

std::string chooseLevel(const std::vector<std::string> &held, const std::string &where) {
  const char *named = std::getenv("MBLM_LEVEL");
  return chooseLevel(held, where, named ? named : "", lackingFor);
}

std::string chooseLevel(const std::vector<std::string> &held, const std::string &where, const std::string &named,
                        const std::function<std::string(const Level &)> &lacking) {
  std::string holds = where + ": compiled for " + listed(held, "and");
  for (const std::string &name : held) {
    if (!findLevel(name)) {
      throw Error(Exit::Device, where + ": compiled for unknown target level '" + name + "'");
    }
  }
  if (!named.empty()) {
    if (std::find(held.begin(), held.end(), named) == held.end()) {
      throw Error(Exit::Usage, holds + ", but MBLM_LEVEL is '" + named + "'; expected " + listed(held));
    }
    if (std::string missing = lacking(*findLevel(named)); !missing.empty()) {
      throw Error(Exit::Device, holds + ", but MBLM_LEVEL is " + named + ", and this CPU lacks " + missing);
    }
    return named;
  }
  std::string missing; // of what asks for the least
  for (const std::string &name : held) {
    missing = lacking(*findLevel(name));
    if (missing.empty()) {
      return name;
    }
  }
  std::vector<std::string> runs;
  for (const Level &level : allLevels()) {
    if (lacking(level).empty()) {
      runs.push_back(level.name);
    }
  }
  throw Error(Exit::Device, holds + ", but this CPU lacks " + missing + "; compile the spec again for what it runs, " + listed(runs));
}

} // namespace mblm::rt

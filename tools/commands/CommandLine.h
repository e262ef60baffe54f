// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The frame of a command-line program: subcommands with a help text and an example each, the options that all share,
// and what every failure looks like from outside (one line on stderr and an exit code).
#pragma once

#include "runtime/Support/Error.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace mblm::cli {

struct Common {
  bool json = false;
  bool verbose = false;
  int threads = 0; // 0: one per available CPU
  std::string maxMemory;
};

class CommandLine {
public:
  // `program` is the name that messages begin with.
  CommandLine(const std::string &program, const std::string &description);

  // A subcommand with the common options. `body` runs once the whole command line is understood.
  CLI::App &add(const std::string &name, const std::string &description, const std::string &example,
                std::function<void()> body);
  // The process's exit code. Never throws.
  int run(int argc, char **argv);

  CLI::App app;
  Common common;

private:
  int parse(int argc, char **argv);
  std::string program;
  std::map<const CLI::App *, std::function<void()>> bodies;
};

// Bytes from "512M", "2G", "100000": K, M, G and T are powers of 1024. Error(Usage) naming the option.
int64_t parseSize(const std::string &text, const std::string &option);

// A line on stderr.
void note(const std::string &line);
// Whether people are watching stderr.
bool onTerminal();
// "1,234,567".
std::string grouped(int64_t n);

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Failures end here: whatever is thrown becomes one line and one exit code.
#include "tools/commands/CommandLine.h"

#include "runtime/Support/Memory.h"

#include <cstdio>
#include <iostream>
#include <limits>
#include <new>
#include <unistd.h>

namespace mblm::cli {

void note(const std::string &line) { std::fprintf(stderr, "%s\n", line.c_str()); }

bool onTerminal() { return isatty(STDERR_FILENO) == 1; }

std::string grouped(int64_t n) {
  std::string text = std::to_string(n);
  for (int64_t at = int64_t(text.size()) - 3; at > (n < 0 ? 1 : 0); at -= 3) {
    text.insert(size_t(at), ",");
  }
  return text;
}

int64_t parseSize(const std::string &text, const std::string &option) {
  static const std::string units = "KMGT";
  size_t end = text.find_first_not_of("0123456789");
  std::string suffix = end == std::string::npos ? "" : text.substr(end);
  size_t unit = suffix.empty() ? std::string::npos : units.find(char(std::toupper(suffix[0])));
  bool fits = end != 0 && text.size() < 20 && (suffix.empty() || (suffix.size() == 1 && unit != std::string::npos));
  int64_t bytes = 0;
  if (fits) {
    unsigned long long number = std::stoull(text);
    int64_t factor = suffix.empty() ? 1 : int64_t(1) << (10 * (unit + 1));
    fits = number > 0 && number <= uint64_t(std::numeric_limits<int64_t>::max()) &&
           !__builtin_mul_overflow(int64_t(number), factor, &bytes);
  }
  if (!fits) {
    throw Error(Exit::Usage, option + ": expected a size such as 512M or 8G, got '" + text + "'");
  }
  return bytes;
}

CommandLine::CommandLine(const std::string &program, const std::string &description)
    : app(description, program), program(program) {
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Print this and end");
}

CLI::App &CommandLine::add(const std::string &name, const std::string &description, const std::string &example,
                           std::function<void()> body) {
  CLI::App *command = app.add_subcommand(name, description);
  command->footer("Example:\n  " + program + " " + name + " " + example);
  command->add_flag("--json", common.json, "Print one JSON object on stdout");
  command->add_option("--threads", common.threads, "Threads to compute with (default: one per CPU)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--max-memory", common.maxMemory, "Take no more memory than this, e.g. 512M or 8G; training recomputes to stay below");
  command->add_flag("-v,--verbose", common.verbose, "Say more on stderr");
  bodies[command] = std::move(body);
  return *command;
}

// The exit code of a command line that asks for help or is wrong; -1 when the command can run.
int CommandLine::parse(int argc, char **argv) {
  try {
    app.parse(argc, argv);
    return -1;
  } catch (const CLI::Success &request) { // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError &error) {
    std::string command = program;
    for (const CLI::App *chosen : app.get_subcommands()) {
      command += " " + chosen->get_name();
    }
    std::string line = error.what();
    for (char &c : line) {
      c = c == '\n' ? ' ' : c;
    }
    note(command + ": " + line + "; see '" + command + " --help'");
    return int(Exit::Usage);
  }
}

int CommandLine::run(int argc, char **argv) {
  try {
    int code = parse(argc, argv);
    if (code >= 0) {
      return code;
    }
    if (!common.maxMemory.empty()) {
      rt::memoryAccount().setLimit(parseSize(common.maxMemory, "--max-memory"));
    }
    bodies.at(app.get_subcommands().front())();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      throw Error(Exit::FileIO, "cannot write the result to stdout");
    }
    return int(Exit::Done);
  } catch (const Error &error) {
    std::fflush(stdout);
    note(program + ": " + error.what());
    return int(error.code);
  } catch (const std::bad_alloc &) {
    note(program + ": out of memory; a smaller batch or length may fit");
    return int(Exit::Resource);
  } catch (const std::exception &error) {
    note(program + ": internal error: " + error.what());
    return int(Exit::Internal);
  }
}

} // namespace mblm::cli

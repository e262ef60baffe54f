// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main program of what `mblm compile --emit exe` makes: the runtime's commands on the model that is linked in.
#include "runtime/Artifact.h"
#include "tools/commands/ModelCommands.h"

using namespace mblm;

namespace {

class LinkedSource : public cli::ModelSource {
public:
  void addOptions(CLI::App &) override {}
  std::string example() const override { return ""; }
  std::unique_ptr<rt::Program> open(const cli::Common &common, cli::Needs) override {
    return rt::selfProgram(common.threads);
  }
};

} // namespace

int main(int argc, char **argv) {
  std::string name = argc > 0 ? argv[0] : "model";
  cli::CommandLine line(name.substr(name.find_last_of('/') + 1), "A byte language model, compiled");
  LinkedSource source;
  cli::addTrain(line, source);
  cli::addGenerate(line, source);
  cli::addEval(line, source);
  cli::addRun(line, source);
  return line.run(argc, argv);
}

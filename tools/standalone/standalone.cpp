// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main program of what `mblm compile --emit exe` makes: the runtime's commands on the model that is linked in.
#include "runtime/Artifact.h"
#include "tools/commands/ModelCommands.h"

extern "C" {
extern const char mblm_metadata[];
// An entry that the model was compiled without is null.
#define DECLARE_ENTRY(NAME) __attribute__((weak)) int32_t mblm_entry_##NAME(MblmContext *context);
DECLARE_ENTRY(forward)
DECLARE_ENTRY(hidden)
DECLARE_ENTRY(empty)
DECLARE_ENTRY(loss)
DECLARE_ENTRY(gradients)
DECLARE_ENTRY(train_step)
#undef DECLARE_ENTRY
}

using namespace mblm;

namespace {

class LinkedSource : public cli::ModelSource {
public:
  void addOptions(CLI::App &) override {}
  std::string example() const override { return ""; }
  std::unique_ptr<rt::Program> open(const cli::Common &common) override {
    rt::LinkedArtifact model;
    model.metadata = mblm_metadata;
    model.entries[int(rt::Entry::Forward)] = mblm_entry_forward;
    model.entries[int(rt::Entry::Hidden)] = mblm_entry_hidden;
    model.entries[int(rt::Entry::Empty)] = mblm_entry_empty;
    model.entries[int(rt::Entry::Loss)] = mblm_entry_loss;
    model.entries[int(rt::Entry::Gradients)] = mblm_entry_gradients;
    model.entries[int(rt::Entry::TrainStep)] = mblm_entry_train_step;
    return rt::linkedProgram(model, common.threads);
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

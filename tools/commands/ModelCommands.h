// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands that need a compiled model and nothing of the compiler: shared by `mblm`, where the model is named on
// the command line, and by programs that carry their model inside.
#pragma once

#include "runtime/Program.h"
#include "tools/commands/CommandLine.h"

namespace mblm::cli {

// What a command runs of a model; a spec is compiled to no more than that.
enum class Needs {
  Everything,
  Batches, // whole passes: logits, losses, training
  Steps,   // byte by byte
  Evaluation, // whole passes, also with the weights as steps read them
};

// Where the commands' model comes from.
class ModelSource {
public:
  virtual ~ModelSource() = default;
  // Adds what names the model, and how it is to be run, to a command.
  virtual void addOptions(CLI::App &command) = 0;
  // The same for how its steps are to be run, to commands that run some.
  virtual void addStepOptions(CLI::App &command) { (void)command; }
  // In examples: "models/quickstart.json ", or nothing.
  virtual std::string example() const = 0;
  virtual std::unique_ptr<rt::Program> open(const Common &common, Needs needs) = 0;
  // A second model, which the command line names.
  virtual std::unique_ptr<rt::Program> openOther(const std::string &path, const Common &common, Needs needs);
  // For training on `batch` sequences of `length` bytes at a time (0: the model's context) within --max-memory.
  virtual std::unique_ptr<rt::Program> openForTraining(const Common &common, int64_t batch, int64_t length) {
    (void)batch, (void)length; // code that is compiled already cannot be planned
    return open(common, Needs::Batches);
  }
};

void addRun(CommandLine &line, ModelSource &source);
void addTrain(CommandLine &line, ModelSource &source);
void addGenerate(CommandLine &line, ModelSource &source);
void addEval(CommandLine &line, ModelSource &source);
void addPatch(CommandLine &line, ModelSource &source);

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model named on the command line, with the options that say how it is compiled and run.
#pragma once

#include "compiler/Driver/Models.h"
#include "tools/commands/ModelCommands.h"

namespace mblm::cli {

class SpecArgument : public ModelSource {
public:
  void addOptions(CLI::App &command) override;
  void addStepOptions(CLI::App &command) override;
  std::string example() const override { return "models/quickstart.json "; }
  std::unique_ptr<rt::Program> open(const Common &common, Needs needs) override;
  std::unique_ptr<rt::Program> openOther(const std::string &path, const Common &common, Needs needs) override;
  std::unique_ptr<rt::Program> openForTraining(const Common &common, int64_t batch, int64_t length) override;

  // Only the file, for commands that run nothing.
  void addPath(CLI::App &command);
  bool isGiven() const { return !path.empty(); }
  driver::NamedModel model() const { return driver::openModel(path); }
  // `ofKernels`: of CUDA kernels, not of what runs here.
  driver::Options options(const Common &common, bool ofKernels = false) const;

private:
  std::string path;
  std::string target = "cpu";
  std::string precision = "f32";
  std::string stepWeights = "f32";
  std::string localLayers = "pays", library = "pays";
  std::string arch;
  std::string cache, tuned;
  std::string fuse = "on";
  std::string level;
};

void addCheck(CommandLine &line, SpecArgument &source);
void addImport(CommandLine &line);
void addCompile(CommandLine &line, SpecArgument &source);
void addExplain(CommandLine &line, SpecArgument &source);
void addBench(CommandLine &line, SpecArgument &source);
void addTune(CommandLine &line, SpecArgument &source);

// One line a remark, on stderr.
void printRemarks(const std::vector<pipelines::FusionRemark> &remarks);

} // namespace mblm::cli

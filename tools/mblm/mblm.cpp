// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The user's command line.
#include "tools/mblm/Model.h"

using namespace mblm::cli;

int main(int argc, char **argv) {
  CommandLine line("mblm", "A compiler for hierarchical byte language models");
  SpecArgument source;
  addCheck(line, source);
  addImport(line);
  addCompile(line, source);
  addExplain(line, source);
  addRun(line, source);
  addTrain(line, source);
  addGenerate(line, source);
  addEval(line, source);
  addBench(line, source);
  addTune(line, source);
  addPatch(line, source);
  return line.run(argc, argv);
}

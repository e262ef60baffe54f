// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/commands/EntropyModel.h"

#include "runtime/Artifact.h"

namespace mblm::cli {

std::unique_ptr<rt::Program> ModelSource::openOther(const std::string &path, const Common &common, Needs) {
  return rt::loadArtifact(path, common.threads, rt::RunOn::Cpu); // a program without the compiler
}

void EntropyOptions::addTo(CLI::App &command) {
  CLI::Option *named = command.add_option("--entropy-model", model, "Where patches begin at high entropies: the model that tells them, as SPEC");
  command.add_option("--entropy-weights", weights, "Its weights (safetensors)")->needs(named);
}

void EntropyOptions::attachTo(rt::Model &patched, ModelSource &source, const Common &common, Needs needs) const {
  if (model.empty()) {
    return;
  }
  if (patched.info().patchRule.mode != rt::PatchRule::Mode::Entropy) {
    throw Error(Exit::Usage, "--entropy-model: model '" + patched.info().name + "' does not ask for entropies; expected it without");
  }
  if (weights.empty()) {
    throw Error(Exit::Usage, "--entropy-model: expected its weights, too (--entropy-weights)");
  }
  auto entropies = std::make_unique<rt::Model>(source.openOther(model, common, needs));
  if (entropies->info().patched || entropies->info().firstByte == 0) {
    throw Error(Exit::BadInput, "--entropy-model: '" + model + "' is no entropy model; expected one stage of llama layers with names \"blt\"");
  }
  if (entropies->info().vocab != patched.info().vocab) {
    throw Error(Exit::BadInput, "--entropy-model: its vocabulary has " + std::to_string(entropies->info().vocab) + " ids, expected " +
                                    std::to_string(patched.info().vocab));
  }
  for (const std::string &line : entropies->loadWeights(weights).warnings) {
    note(line);
  }
  patched.patchWith(std::move(entropies));
}

} // namespace mblm::cli

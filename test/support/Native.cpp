// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/support/Native.h"

#include "compiler/Driver/Compile.h"
#include "compiler/Target/Code.h"
#include "compiler/Target/Link.h"
#include "compiler/Target/Machine.h"
#include "compiler/Target/Metadata.h"
#include "compiler/Target/Simulation.h"
#include "runtime/Artifact.h"
#include "runtime/Level.h"
#include "runtime/Support/Error.h"

#include <filesystem>

using namespace mblm;

namespace {

class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mblm-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
      throw Error(Exit::FileIO, "cannot make the folder '" + pattern + "'");
    }
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

} // namespace

static const std::filesystem::path &folder() {
  static TemporaryFolder made;
  return made.path;
}

std::vector<std::string> test::hostLevels(bool narrowProducts) {
  std::vector<std::string> levels;
  for (const rt::Level &level : rt::allLevels()) {
    if ((narrowProducts || !level.onlyNarrow) && rt::lackingFor(level).empty()) {
      levels.push_back(level.name);
    }
  }
  return levels;
}

std::vector<std::string> test::simulatedLevels() { return {"sm_80", "sm_90a"}; }

static bool isSimulated(const test::Native &native) { return native.level.rfind("sm_", 0) == 0; }

static rt::RunOn whereToRun(const test::Native &native) {
  return isSimulated(native) ? rt::RunOn::Simulator : rt::RunOn::Cpu;
}

std::unique_ptr<rt::Program> test::compileSpec(const spec::Spec &spec, const Native &native) {
  driver::NamedModel model;
  model.path = spec.name;
  model.spec = spec;
  driver::Options options;
  if (isSimulated(native)) {
    options.target = driver::Target::Sim;
    options.arch = native.level;
    options.library = native.library;
  } else {
    options.level = native.level;
  }
  options.localLayers = native.localLayers;
  options.precision = native.precision;
  options.stepWeights = native.stepWeights;
  options.cache = folder().string();
  options.tuned = "off";
  options.entries = native.entries;
  options.fusion = native.fusion;
  options.plan = native.plan;
  return rt::loadArtifact(driver::artifactFor(model, options), native.threads, whereToRun(native));
}

std::unique_ptr<rt::Program> test::interpretSpec(const spec::Spec &spec) {
  driver::NamedModel model;
  model.spec = spec;
  driver::Options options;
  options.target = driver::Target::Reference;
  return driver::openProgram(model, options);
}

std::string test::newArtifactPath() {
  static int made = 0;
  return (folder() / ("module" + std::to_string(made++) + ".so")).string();
}

static std::string writeArtifact(mlir::ModuleOp module, const target::Machine &machine, const std::string &metadata) {
  std::string path = test::newArtifactPath();
  target::linkArtifact(target::generateCode(module, machine, metadata, target::CodeFormat::Object, 1), path);
  return path;
}

static std::string compileToSimulate(mlir::ModuleOp module, const rt::ModelInfo &info, const test::Native &native) {
  pipelines::toGPUPhase(module, {native.level, native.precision, native.localLayers, native.library});
  pipelines::toNVVMPhase(module);
  target::Machine machine = target::hostMachine();
  std::string metadata = target::metadataText(info, target::LoweredInfo(module, machine), module->getAttr("mblm.gpu"));
  target::lowerToSimulation(module);
  return writeArtifact(module, machine, metadata);
}

std::string test::compileToFile(mlir::ModuleOp module, const rt::ModelInfo &info, const Native &native) {
  if (native.edit) {
    native.edit(module);
  }
  if (isSimulated(native)) {
    return compileToSimulate(module, info, native);
  }
  bool narrow = native.precision == "bf16";
  target::Machine machine = native.level.empty() ? target::hostMachine(narrow) : target::machineOfLevel(native.level);
  pipelines::toLoopsPhase(module, {machine.level, native.precision, native.localLayers});
  std::string metadata = target::metadataText(info, target::LoweredInfo(module, machine), {});
  pipelines::toLLVMPhase(module);
  return writeArtifact(module, machine, metadata);
}

std::unique_ptr<rt::Program> test::compileKernels(mlir::ModuleOp module, const rt::ModelInfo &info,
                                                  const Native &native) {
  return rt::loadArtifact(compileToFile(module, info, native), native.threads, whereToRun(native));
}

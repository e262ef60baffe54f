// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words on the command line to the driver's options.
#include "tools/mblm/Model.h"

#include "compiler/Driver/Gpu.h"
#include "compiler/Driver/Plan.h"
#include "compiler/Frontend/ModelInfo.h"

namespace mblm::cli {

void SpecArgument::addPath(CLI::App &command) {
  command.add_option("SPEC", path, "Model: a spec (JSON), an artifact, or a program made by 'compile'")->required();
}

void SpecArgument::addOptions(CLI::App &command) {
  addPath(command);
  command.add_option("--target", target, "cpu (default), cuda, sim: the CUDA kernels on the CPU, or reference: the slow f64 interpreter")
      ->check(CLI::IsMember({"cpu", "reference", "cuda", "sim"}));
  command
      .add_option("--precision", precision,
                  "f32 (default), bf16: factors of products, of CUDA kernels tensors too; or tf32, of CUDA kernels alone: products on tensor cores")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}));
  command.add_option("--arch", arch, "Of CUDA kernels: sm_80 or sm_90a (default: both for --target cuda, else sm_80)")
      ->check(CLI::IsMember({"sm_80", "sm_90a"}));
  command
      .add_option("--local-layers", localLayers,
                  "Layers on at most 32 positions as one CUDA kernel; on a CPU kernels that go together from block of rows to block of rows: "
                  "never, pays (default: where it saves time), or fits")
      ->check(CLI::IsMember({"never", "pays", "fits"}));
  command
      .add_option("--library", library,
                  "Products of CUDA programs by cuBLASLt, where a machine has it: never, pays (default: large plain ones), or fits")
      ->check(CLI::IsMember({"never", "pays", "fits"}));
  command.add_option("--cache", cache, "Folder of compiled models (default: the user's cache folder), or 'off'");
  command.add_option("--tuned", tuned,
                     "Schedules that 'tune' found: a file (default: tuned.json in the folder of compiled models), or 'off'");
  command.add_option("--level", level,
                     "Instructions to use: amx, avx512bf16, avx512, avx2 or portable, or neon for aarch64 (default: what this machine "
                     "has). Several, avx512,avx2, or all: a machine takes the best that it has, or what MBLM_LEVEL names");
  command.add_option("--fuse", fuse, "on (default), off: a kernel for each op, or at most so many moves an entry");
}

void SpecArgument::addStepOptions(CLI::App &command) {
  command
      .add_option("--step-weights", stepWeights,
                  "As what steps byte by byte read the weights of linear maps: f32 (default), or int8 with one scale for each output "
                  "channel, on CPUs; eval says what that costs, by whole passes over the values that they stand for")
      ->check(CLI::IsMember({"f32", "int8"}));
}

driver::Options SpecArgument::options(const Common &common, bool ofKernels) const {
  driver::Options options;
  static const std::map<std::string, driver::Target> targets = {{"cpu", driver::Target::Cpu},
                                                                {"cuda", driver::Target::Cuda},
                                                                {"sim", driver::Target::Sim},
                                                                {"reference", driver::Target::Reference}};
  options.target = targets.at(target);
  bool native = options.target == driver::Target::Cpu && precision == "bf16";
  if (precision != "f32" && !ofKernels && !native && !driver::usesKernels(options.target)) {
    std::string known = options.target == driver::Target::Cpu ? "in f32 or bf16" : "in f64 only";
    throw Error(Exit::Usage, "--precision " + precision + " with --target " + target + ": computes " + known + "; expected --target cuda or sim" +
                                 (precision == "bf16" ? ", or cpu" : ""));
  }
  if (stepWeights != "f32" && (ofKernels || options.target != driver::Target::Cpu)) {
    throw Error(Exit::Usage, "--step-weights " + stepWeights + ": " +
                                 (options.target == driver::Target::Reference ? "the interpreter computes in f64 only" : "CUDA kernels read weights in --precision") +
                                 "; expected --target cpu");
  }
  options.precision = precision;
  options.stepWeights = stepWeights;
  options.localLayers = localLayers;
  options.library = library;
  options.arch = arch;
  options.level = level;
  options.cache = cache;
  options.tuned = tuned;
  options.fusion.on = fuse != "off";
  if (options.fusion.on && fuse != "on") {
    bool digits = fuse.size() < 10 && !fuse.empty() && fuse.find_first_not_of("0123456789") == std::string::npos;
    if (!digits) {
      throw Error(Exit::Usage, "--fuse: expected on, off or a number of moves, got '" + fuse + "'");
    }
    options.fusion.limit = std::stoll(fuse);
  }
  options.threads = common.threads;
  options.verbose = common.verbose;
  options.note = note;
  return options;
}

std::unique_ptr<rt::Program> SpecArgument::open(const Common &common, Needs needs) {
  driver::Options chosen = options(common);
  driver::NamedModel named = model();
  if (needs == Needs::Batches && chosen.stepWeights != "f32") {
    throw Error(Exit::Usage, "--step-weights " + chosen.stepWeights + ": whole passes read weights in f32; expected an --entry that "
                             "works byte by byte");
  }
  if (needs != Needs::Everything) {
    chosen.entries = driver::entriesOf(named.spec, /*steps=*/needs == Needs::Steps);
  }
  if (needs == Needs::Evaluation && chosen.stepWeights != "f32") { // steps say which weights they read so
    for (const std::string &entry : driver::entriesOf(named.spec, /*steps=*/true)) {
      chosen.entries.push_back(entry);
    }
  }
  return driver::openProgram(named, chosen);
}

std::unique_ptr<rt::Program> SpecArgument::openOther(const std::string &other, const Common &common, Needs needs) {
  SpecArgument second = *this;
  second.path = other;
  second.stepWeights = "f32"; // patches begin where they do in evaluation
  return second.open(common, needs);
}

std::unique_ptr<rt::Program> SpecArgument::openForTraining(const Common &common, int64_t batch, int64_t length) {
  driver::Options chosen = options(common);
  driver::NamedModel named = model();
  chosen.entries = driver::entriesOf(named.spec, /*steps=*/false);
  bool planned = !common.maxMemory.empty() && chosen.target != driver::Target::Reference &&
                 named.kind != driver::ModelKind::Artifact;
  if (planned) {
    rt::ModelInfo info = makeModelInfo(named.spec);
    int64_t bytes = length > 0 ? length : std::max<int64_t>(info.maxLength, 1);
    int64_t limit = parseSize(common.maxMemory, "--max-memory");
    driver::PlannedMemory memory =
        driver::planTraining(named, chosen, batch, bytes / info.inner + (bytes % info.inner != 0), limit);
    chosen.plan = memory.plan;
    if (common.verbose) {
      note("memory plan: " + driver::describe(memory.plan) + ", peak " + grouped(memory.peak()) + " bytes");
    }
  }
  return driver::openProgram(named, chosen);
}

} // namespace mblm::cli

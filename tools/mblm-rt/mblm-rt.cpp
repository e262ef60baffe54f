// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `mblm` without its compiler: commands on artifacts, for machines that only run them.
#include "runtime/Artifact.h"
#include "runtime/Cuda/CudaDevice.h"
#include "tools/commands/Timing.h"

using namespace mblm;

namespace {

class ArtifactSource : public cli::ModelSource {
public:
  void addOptions(CLI::App &command) override {
    command.add_option("ARTIFACT", path, "Made by 'mblm compile'")->required();
    command.add_option("--target", target, "cpu (default), cuda, or sim: the CUDA kernels on the CPU")
        ->check(CLI::IsMember({"cpu", "cuda", "sim"}));
  }
  std::string example() const override { return "quickstart.so "; }
  std::unique_ptr<rt::Program> open(const cli::Common &common, cli::Needs) override {
    return rt::loadArtifact(path, common.threads,
                            target == "cuda"  ? rt::RunOn::Cuda
                            : target == "sim" ? rt::RunOn::Simulator
                                              : rt::RunOn::Cpu);
  }

private:
  std::string path;
  std::string target = "cpu";
};

} // namespace

static void addBench(cli::CommandLine &line, cli::ModelSource &source) {
  auto options = std::make_shared<cli::BenchOptions>();
  CLI::App &command =
      line.add("bench", "Times a training step or a forward pass", source.example() + "--entry train --batch 4",
               [&line, &source, options] {
                 std::optional<cli::Timed> timed = cli::timeModel(source, *options, line.common);
                 if (timed && line.common.json) {
                   std::printf("%s\n", timed->report.dump().c_str());
                 } else if (timed) {
                   cli::printTiming(*timed, {});
                 }
               });
  source.addOptions(command);
  cli::addBenchOptions(command, *options);
}

static void addDevice(cli::CommandLine &line) {
  line.add("device", "Shows the GPU that artifacts run on", "", [&line] {
    std::unique_ptr<rt::gpu::Device> device = rt::cuda::openDevice(nullptr);
    if (line.common.json) {
      nlohmann::json report = {{"device", device->describe()}, {"free_bytes", device->freeBytes()}};
      std::printf("%s\n", report.dump().c_str());
    } else {
      std::printf("%s, %s bytes free\n", device->describe().c_str(), cli::grouped(device->freeBytes()).c_str());
    }
  });
}

int main(int argc, char **argv) {
  cli::CommandLine line("mblm-rt", "Runs byte language models that 'mblm compile' made");
  ArtifactSource source;
  cli::addRun(line, source);
  cli::addTrain(line, source);
  cli::addGenerate(line, source);
  cli::addEval(line, source);
  addBench(line, source);
  addDevice(line);
  return line.run(argc, argv);
}

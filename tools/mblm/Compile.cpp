// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `compile`: a spec to a file, at any stage of the way.
#include "compiler/Driver/Compile.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>

namespace mblm::cli {

static const std::map<std::string, driver::Emit> forms = {
    {"artifact", driver::Emit::Artifact}, {"exe", driver::Emit::Executable}, {"object", driver::Emit::Object}, {"mblm", driver::Emit::Model},
    {"kernel", driver::Emit::Kernel},     {"llvm", driver::Emit::LLVM},      {"asm", driver::Emit::Assembly},
    {"header", driver::Emit::Header},     {"ptx", driver::Emit::Ptx},        {"cubin", driver::Emit::Cubin}};

// Whether the form is of levels of machines.
static bool isNative(driver::Emit form) {
  using driver::Emit;
  return form != Emit::Model && form != Emit::Kernel && form != Emit::Ptx && form != Emit::Cubin;
}

void addCompile(CommandLine &line, SpecArgument &source) {
  struct CompileOptions {
    std::string output;
    std::string emit = "artifact";
    std::vector<std::string> entries;
    bool remarks = false;
  };
  auto options = std::make_shared<CompileOptions>();
  CLI::App &command = line.add(
      "compile", "Compiles a spec to an artifact, which can stand wherever a spec can, or to a program of its own",
      "models/quickstart.json -o quickstart --emit exe", [&line, &source, options] {
        driver::Emit form = forms.at(options->emit);
        driver::Options chosen = source.options(line.common, form == driver::Emit::Ptx || form == driver::Emit::Cubin);
        if (chosen.target == driver::Target::Reference) {
          throw Error(Exit::Usage, "compile: the reference interpreter runs specs as they are; expected --target cpu");
        }
        chosen.entries = options->entries;
        std::vector<pipelines::FusionRemark> remarks;
        chosen.remarks = options->remarks ? &remarks : nullptr;
        auto begin = std::chrono::steady_clock::now();
        driver::compileTo(source.model(), chosen, form, options->output);
        double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        printRemarks(remarks);
        int64_t bytes = int64_t(std::filesystem::file_size(options->output));
        if (line.common.json) {
          nlohmann::json report = {{"output", options->output}, {"bytes", bytes}, {"seconds", seconds}};
          if (isNative(form)) {
            for (const target::Machine &machine : driver::machinesFor(chosen)) {
              report["levels"].push_back(machine.level);
            }
          }
          std::printf("%s\n", report.dump().c_str());
        } else {
          std::printf("%s: %s bytes in %.2f s\n", options->output.c_str(), grouped(bytes).c_str(), seconds);
        }
      });
  source.addOptions(command);
  source.addStepOptions(command);
  command.add_option("-o,--output", options->output, "File to write")->required();
  command
      .add_option("--emit", options->emit,
                  "artifact (default), exe, object, mblm, kernel, llvm, asm, header, ptx, cubin")
      ->check(CLI::IsMember({"artifact", "exe", "object", "mblm", "kernel", "llvm", "asm", "header", "ptx", "cubin"}));
  command.add_option("--entry", options->entries, "Only these, e.g. forward,empty (default: every entry)")
      ->delimiter(',');
  command.add_flag("--remarks", options->remarks, "Say on stderr what was fused, and what was not and why");
}

} // namespace mblm::cli

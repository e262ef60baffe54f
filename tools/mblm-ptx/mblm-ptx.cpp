// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For those who write CUDA kernels: a model, or kernels in MLIR, to PTX, machine code, or a table of what can be told
// of them without a GPU.
#include "compiler/Driver/Gpu.h"
#include "compiler/Driver/Models.h"
#include "compiler/Pipelines/Reproducer.h"
#include "dialects/Register.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <functional>

using namespace mblm;

namespace {
struct PtxOptions {
  std::vector<std::string> inputs;
  std::string output;
  std::string emit = "table";
  driver::Options driver;
};
} // namespace

static target::GpuCode compileMlir(const std::string &input, const PtxOptions &options,
                                   const std::optional<std::string> &ptxas, driver::KernelsMet *met) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mblm::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  if (!module) {
    throw Error(Exit::BadInput, input + ": expected a spec (.json), or MLIR with kernels or a gpu.module");
  }
  target::GpuCode code;
  pipelines::withReproducer(*module, [&] { code = driver::gpuCodeOf(*module, options.driver, ptxas, met); });
  return code;
}

static target::GpuCode compile(const std::string &input, const PtxOptions &options, driver::KernelsMet *met = nullptr) {
  std::optional<std::string> ptxas = options.emit == "cubin" ? driver::requirePtxas()
                                     : options.emit == "ptx" ? std::nullopt
                                                             : target::findPtxas();
  return llvm::StringRef(input).ends_with(".json")
             ? driver::gpuCodeOf(driver::openModel(input).spec, options.driver, ptxas, met)
             : compileMlir(input, options, ptxas, met);
}

static std::string render(const target::GpuCode &code, const std::string &emit) {
  if (emit == "ptx" || emit == "cubin") {
    return emit == "ptx" ? code.ptx : code.cubin;
  }
  if (emit == "table") {
    return target::evidenceTable(code.kernels);
  }
  std::string lines;
  for (const target::KernelEvidence &kernel : code.kernels) {
    lines += target::toJson(kernel).dump() + "\n";
  }
  return lines;
}

// Of each input, the kernels that none before it has; written as soon as they are known.
static void writeAll(const PtxOptions &options, const std::function<void(const std::string &)> &write) {
  driver::KernelsMet met;
  std::vector<target::KernelEvidence> all;
  for (const std::string &input : options.inputs) {
    std::vector<target::KernelEvidence> kernels = compile(input, options, &met).kernels;
    std::string summary = input + ": " + target::evidenceSummary(kernels);
    write(options.emit == "summary" || kernels.empty() ? summary : input + "\n" + target::evidenceTable(kernels));
    all.insert(all.end(), kernels.begin(), kernels.end());
  }
  write("all: " + target::evidenceSummary(all));
}

static void writeOne(const PtxOptions &options, const std::function<void(const std::string &)> &write) {
  if (options.inputs.size() > 1) {
    throw Error(Exit::Usage, "--emit " + options.emit + " takes one input, but got " + std::to_string(options.inputs.size()));
  }
  write(render(compile(options.inputs[0], options), options.emit));
}

int main(int argc, char **argv) {
  PtxOptions options;
  driver::Options &driver = options.driver;
  CLI::App app("Compiles CUDA kernels and shows what can be told of them without a GPU.\n"
               "Example: mblm-ptx models/quickstart.json --arch sm_90a --precision bf16");
  app.add_option("inputs", options.inputs,
                 "Specs (.json), or MLIR with kernels or a gpu.module; - is stdin. Of kernels that inputs share, the first "
                 "one's are shown")
      ->required();
  app.add_option("--arch", driver.arch, "sm_80 (default) or sm_90a")->check(CLI::IsMember({"sm_80", "sm_90a"}));
  app.add_option("--precision", driver.precision, "f32 (default), tf32 or bf16")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}));
  app.add_option("--entry", driver.entries, "Only these entries of a spec (default: all)")->delimiter(',');
  app.add_option("--emit", options.emit,
                 "table (default), summary: a line per input, json: a line per kernel, ptx or cubin")
      ->check(CLI::IsMember({"table", "summary", "json", "ptx", "cubin"}));
  app.add_option("-o,--output", options.output, "File to write (default: stdout)");
  app.add_option("--threads", driver.threads, "Default: one per CPU")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    std::string text;
    auto write = [&](const std::string &part) {
      text += part;
      if (options.output.empty()) {
        std::fwrite(part.data(), 1, part.size(), stdout);
        std::fflush(stdout);
      }
    };
    bool many = options.emit == "summary" || (options.emit == "table" && options.inputs.size() > 1);
    (many ? writeAll : writeOne)(options, write);
    if (!options.output.empty()) {
      rt::writeTextFile(options.output, text);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "mblm-ptx: %s\n", error.what());
    return int(error.code);
  }
  return 0;
}

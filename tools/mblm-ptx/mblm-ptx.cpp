// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For those who write CUDA kernels: a file with a gpu.module to PTX, machine code, or a table of what can be told of
// them without a GPU.
#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/Reproducer.h"
#include "compiler/Target/GpuCode.h"
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
#include <thread>

using namespace mblm;

namespace {
struct PtxOptions {
  std::string input, output;
  std::string arch = "sm_80", emit = "table";
  int threads = int(std::thread::hardware_concurrency());
};
} // namespace

static target::GpuCode compile(mlir::ModuleOp module, const PtxOptions &options) {
  std::optional<std::string> ptxas = options.emit == "ptx" ? std::nullopt : target::findPtxas();
  if (!ptxas && options.emit == "cubin") {
    throw Error(Exit::Usage, "--emit cubin needs ptxas of the CUDA Toolkit; expected it in MBLM_PTXAS, PATH or CUDA_HOME");
  }
  auto kernels = llvm::to_vector(module.getOps<mlir::gpu::GPUModuleOp>());
  if (kernels.size() != 1) {
    throw Error(Exit::BadInput,
                options.input + ": has " + std::to_string(kernels.size()) + " gpu.modules, expected one");
  }
  pipelines::toNVVMPhase(module);
  return target::generateGpuCode(kernels.front(), options.arch, ptxas, options.threads);
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

int main(int argc, char **argv) {
  PtxOptions options;
  CLI::App app("Compiles a gpu.module and shows what can be told of their kernels without a GPU.\n"
               "Example: mblm-ptx kernels.mlir --arch sm_90a");
  app.add_option("input", options.input, "MLIR file with a gpu.module, or -")->required();
  app.add_option("--arch", options.arch, "sm_80 (default) or sm_90a")->check(CLI::IsMember({"sm_80", "sm_90a"}));
  app.add_option("--emit", options.emit, "table (default), json: a line per kernel, ptx or cubin")
      ->check(CLI::IsMember({"table", "json", "ptx", "cubin"}));
  app.add_option("-o,--output", options.output, "File to write (default: stdout)");
  app.add_option("--threads", options.threads, "Default: one per CPU")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    mlir::registerAllExtensions(registry);
    mblm::registerAllDialects(registry);
    mlir::MLIRContext context(registry);
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(options.input, &context);
    if (!module) {
      return int(Exit::BadInput);
    }
    std::string text;
    pipelines::withReproducer(*module, [&] { text = render(compile(*module, options), options.emit); });
    if (options.output.empty()) {
      std::fwrite(text.data(), 1, text.size(), stdout);
    } else {
      rt::writeTextFile(options.output, text);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "mblm-ptx: %s\n", error.what());
    return int(error.code);
  }
  return 0;
}

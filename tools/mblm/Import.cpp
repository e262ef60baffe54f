// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `import`: a reference's own configuration, and its weights, as ours.
#include "compiler/Spec/Import.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Reader.h"
#include "runtime/Support/File.h"
#include "runtime/Weights.h"
#include "tools/mblm/GivenWeights.h"
#include "tools/mblm/LlamaWeights.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace mblm::cli {

namespace {

struct ImportOptions {
  std::string format, config, weights, output, weightsOut;
  std::vector<std::string> globalFrom;
  uint64_t seed = 0;
};

void printNames(const char *what, const std::vector<std::string> &names) {
  for (const std::string &name : names) {
    std::printf("%-14s %s\n", what, name.c_str());
  }
}

// The parameters of a file that fits, in the model's order and as f32.
void writeWeights(const rt::ModelInfo &info, const GivenWeights &file, const std::string &path) {
  std::vector<rt::TensorView> tensors;
  for (const rt::Parameter &parameter : info.parameters) {
    tensors.push_back({parameter.name, parameter.shape, nullptr, rt::DType::F32});
  }
  std::vector<float> current;
  rt::writeSafetensors(path, tensors, {}, [&](size_t index) {
    current = file.floats(info.parameters[index].name);
    return current.data();
  });
}

spec::TensorShapes shapesOf(const GivenWeights &file) {
  spec::TensorShapes shapes;
  for (const rt::TensorInfo &tensor : file.tensors()) {
    shapes[tensor.name] = tensor.shape;
  }
  return shapes;
}

// With where the tensors of a Llama checkpoint go.
void printReport(const rt::WeightsReport &report, const LlamaWeights *llama) {
  if (llama) {
    for (const std::string &name : report.mapped) {
      std::printf("%-14s %s -> %s\n", "mapped", llama->original(name).c_str(), name.c_str());
    }
  } else {
    printNames("mapped", report.mapped);
  }
  printNames("ignored", report.ignored);
  printNames("missing", report.missing);
  printNames("extra", report.extra);
  printNames("wrongly shaped", report.wronglyShaped);
  if (llama) {
    printNames("fresh", llama->fresh());
  }
}

nlohmann::json reportJson(const rt::WeightsReport &report, const LlamaWeights *llama) {
  nlohmann::json json = {{"mapped", report.mapped},
                         {"missing", report.missing},
                         {"extra", report.extra},
                         {"wrongly_shaped", report.wronglyShaped},
                         {"ignored", report.ignored}};
  if (llama) {
    json["fresh"] = llama->fresh();
    for (const std::string &name : report.mapped) {
      json["from"][name] = llama->original(name);
    }
  }
  return json;
}

// What does not fit, in one line.
void requireFit(const ImportOptions &options, const rt::WeightsReport &report) {
  if (report.fits()) {
    return;
  }
  if (!options.weights.empty()) {
    throw Error(Exit::BadInput,
                "weights '" + options.weights + "' do not fit '" + options.config + "': " + report.line());
  }
  rt::WeightsReport rest = report;
  rest.reason.clear();
  throw Error(Exit::BadInput, "weights '" + options.globalFrom[0] + "' do not fit the global layers of '" +
                                  options.config + "': " + (report.reason.empty() ? "" : report.reason + "; ") +
                                  rest.line());
}

void importModel(const ImportOptions &options, bool json) {
  std::unique_ptr<GivenWeights> file;
  spec::TensorShapes shapes;
  if (!options.weights.empty()) {
    file = std::make_unique<GivenWeights>(options.weights);
    shapes = shapesOf(*file);
  }
  std::vector<std::string> notes;
  spec::Spec spec = spec::importConfig(options.format, options.config, file ? &shapes : nullptr, &notes);
  rt::ModelInfo info = makeModelInfo(spec);
  std::optional<rt::WeightsReport> report;
  std::unique_ptr<LlamaWeights> llama;
  if (file) {
    report = rt::compareWeights(info, file->tensors());
  } else if (!options.globalFrom.empty()) {
    llama = std::make_unique<LlamaWeights>(options.globalFrom, spec, info);
    report = llama->report();
    notes.push_back("the global layers rotate by rope_theta alone: angles that a checkpoint's own configuration scales (Llama 3.1's "
                    "rope_scaling) are not scaled here");
  }
  for (const std::string &note : notes) {
    std::fprintf(stderr, "note: %s\n", note.c_str());
  }
  if (json) {
    nlohmann::json result = {
        {"spec", options.output}, {"parameters", info.parameters.size()}, {"notes", notes}};
    if (report) {
      result["weights"] = reportJson(*report, llama.get());
    }
    std::printf("%s\n", result.dump().c_str());
  } else if (report) {
    printReport(*report, llama.get());
  }
  if (report) {
    requireFit(options, *report);
  }
  if (!options.weightsOut.empty()) {
    llama ? llama->write(options.weightsOut, options.seed) : writeWeights(info, *file, options.weightsOut);
  }
  rt::writeTextFile(options.output, spec::writeSpec(spec));
  if (!json) {
    std::printf("%s: %zu stages, %zu parameters\n", options.output.c_str(), spec.stages.size(), info.parameters.size());
  }
}

// What the options of weights ask of each other.
void checkOptions(const ImportOptions &options) {
  const bool global = !options.globalFrom.empty();
  if (global && options.format != "blt") {
    throw Error(Exit::Usage, "import: --global-from belongs to format blt, not " + options.format);
  }
  if (global && !options.weights.empty()) {
    throw Error(Exit::Usage, "import: --global-from and --weights exclude each other");
  }
  if (!options.weightsOut.empty() && options.weights.empty() && !global) {
    throw Error(Exit::Usage, "import: --weights-out needs --weights" +
                                 std::string(options.format == "blt" ? " or --global-from" : ""));
  }
}

} // namespace

void addImport(CommandLine &line) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App &command =
      line.add("import", "Turns a reference's configuration into a spec; weights keep their names and load as they are",
               "megabyte config.json --weights pytorch.safetensors -o model.json", [&line, options] {
                 checkOptions(*options);
                 importModel(*options, line.common.json);
               });
  command.add_option("FORMAT", options->format, "mblm, megabyte, mamba, transformer, perceiver-ar, blt or blt-entropy")->required();
  command.add_option("CONFIG", options->config, "The reference's configuration (JSON)")->required();
  command.add_option("-o,--output", options->output, "Spec to write")->required();
  command.add_option("--weights", options->weights,
                     "Compare these weights with the model, and let them say which Mamba it has (safetensors, or "
                     "PyTorch's .pth)");
  command
      .add_option("--global-from", options->globalFrom,
                  "blt: a Llama checkpoint for the global layers, in Meta's or Hugging Face's names (safetensors or .pth; once "
                  "for each file of one in several)")
      ->allow_extra_args(false);
  command.add_option("--seed", options->seed, "With --global-from: of the other parameters' first values");
  command.add_option("--weights-out", options->weightsOut,
                     "Write the model's weights as f32, in its order (safetensors)");
}

} // namespace mblm::cli

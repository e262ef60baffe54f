// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `import`: a reference's own configuration, and its weights, as ours.
#include "compiler/Spec/Import.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Reader.h"
#include "compiler/Torch/TorchFile.h"
#include "runtime/Support/File.h"
#include "runtime/Weights.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace mblm::cli {

namespace {

struct ImportOptions {
  std::string format, config, weights, output, weightsOut;
};

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Weights in either form.
class GivenWeights {
public:
  explicit GivenWeights(const std::string &path) {
    bool named = endsWith(path, ".pth") || endsWith(path, ".pt") || endsWith(path, ".bin");
    if (named || torch::isZipFile(path)) {
      pickled = std::make_unique<torch::TorchFile>(path);
    } else {
      plain = std::make_unique<rt::SafetensorsFile>(path);
    }
  }
  const std::vector<rt::TensorInfo> &tensors() const { return pickled ? pickled->tensors() : plain->tensors(); }
  std::vector<float> floats(const std::string &name) const {
    return pickled ? pickled->floats(name) : plain->floats(name);
  }

private:
  std::unique_ptr<torch::TorchFile> pickled;
  std::unique_ptr<rt::SafetensorsFile> plain;
};

void printNames(const char *what, const std::vector<std::string> &names) {
  for (const std::string &name : names) {
    std::printf("%-14s %s\n", what, name.c_str());
  }
}

// The parameters of a file that fits, in the model's order and as f32.
void writeWeights(const rt::ModelInfo &info, const GivenWeights &file, const std::string &path) {
  std::vector<std::vector<float>> values;
  std::vector<rt::TensorView> tensors;
  for (const rt::Parameter &parameter : info.parameters) {
    values.push_back(file.floats(parameter.name));
    tensors.push_back({parameter.name, parameter.shape, values.back().data(), rt::DType::F32});
  }
  rt::writeSafetensors(path, tensors);
}

spec::TensorShapes shapesOf(const GivenWeights &file) {
  spec::TensorShapes shapes;
  for (const rt::TensorInfo &tensor : file.tensors()) {
    shapes[tensor.name] = tensor.shape;
  }
  return shapes;
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
  rt::WeightsReport report;
  if (file) {
    report = rt::compareWeights(info, file->tensors());
  }
  for (const std::string &note : notes) {
    std::fprintf(stderr, "note: %s\n", note.c_str());
  }
  if (json) {
    nlohmann::json result = {
        {"spec", options.output}, {"parameters", info.parameters.size()}, {"notes", notes}};
    if (file) {
      result["weights"] = {{"mapped", report.mapped},
                           {"missing", report.missing},
                           {"extra", report.extra},
                           {"wrongly_shaped", report.wronglyShaped},
                           {"ignored", report.ignored}};
    }
    std::printf("%s\n", result.dump().c_str());
  } else if (file) {
    printNames("mapped", report.mapped);
    printNames("ignored", report.ignored);
    printNames("missing", report.missing);
    printNames("extra", report.extra);
    printNames("wrongly shaped", report.wronglyShaped);
  }
  if (file && !report.fits()) {
    throw Error(Exit::BadInput,
                "weights '" + options.weights + "' do not fit '" + options.config + "': " + report.line());
  }
  if (!options.weightsOut.empty()) {
    writeWeights(info, *file, options.weightsOut);
  }
  rt::writeTextFile(options.output, spec::writeSpec(spec));
  if (!json) {
    std::printf("%s: %zu stages, %zu parameters\n", options.output.c_str(), spec.stages.size(), info.parameters.size());
  }
}

} // namespace

void addImport(CommandLine &line) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App &command =
      line.add("import", "Turns a reference's configuration into a spec; weights keep their names and load as they are",
               "megabyte config.json --weights pytorch.safetensors -o model.json", [&line, options] {
                 if (options->weights.empty() && !options->weightsOut.empty()) {
                   throw Error(Exit::Usage, "import: --weights-out needs --weights");
                 }
                 importModel(*options, line.common.json);
               });
  command.add_option("FORMAT", options->format, "mblm, megabyte, mamba, transformer, blt or blt-entropy")->required();
  command.add_option("CONFIG", options->config, "The reference's configuration (JSON)")->required();
  command.add_option("-o,--output", options->output, "Spec to write")->required();
  command.add_option("--weights", options->weights,
                     "Compare these weights with the model, and let them say which Mamba it has (safetensors, or "
                     "PyTorch's .pth)");
  command.add_option("--weights-out", options->weightsOut,
                     "Write the model's weights as f32, in its order (safetensors)");
}

} // namespace mblm::cli

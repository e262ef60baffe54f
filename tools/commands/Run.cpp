// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `run`: one forward pass, and with --gradients one backward pass, from file to file.
#include "runtime/Decoder.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <numeric>

namespace mblm::cli {

namespace {

struct RunOptions {
  std::string weights, input, output;
  std::string entry = "forward";
  bool gradients = false;
  EntropyOptions entropy;
};

// The ids of an input file as [batch, length], and the shape that the rows of the result have there.
struct RunInput {
  std::vector<int32_t> ids;
  std::vector<float> mask; // empty: all ones
  std::vector<int32_t> lengths, targets, visible; // empty: none
  int64_t batch = 0, length = 0;
  std::vector<int64_t> rowShape; // [batch, length], or as nested as the ids were
  rt::Ids view() const {
    rt::Ids view{batch, length, ids.data(), mask.empty() ? nullptr : mask.data()};
    view.patches = int64_t(lengths.size()) / batch;
    view.lengths = lengths.empty() ? nullptr : lengths.data();
    view.targets = targets.empty() ? nullptr : targets.data();
    view.visible = visible.empty() ? nullptr : visible.data();
    return view;
  }
};

[[noreturn]] void failShape(const std::string &path, const rt::TensorInfo &tensor, const std::string &expected) {
  throw Error(Exit::BadInput,
              "'" + path + "': tensor '" + tensor.name + "' has shape " + rt::shapeText(tensor.shape) + ", expected " + expected);
}

// A number for each id, where the file has them.
std::vector<int32_t> numbersForIds(const rt::SafetensorsFile &file, const std::string &name, const RunInput &input) {
  const rt::TensorInfo *tensor = file.find(name);
  if (tensor && tensor->elements != int64_t(input.ids.size())) {
    failShape(file.path(), *tensor, "that of 'ids', " + rt::shapeText(input.rowShape));
  }
  return tensor ? file.integers(name) : std::vector<int32_t>();
}

// What goes along with the ids of models whose patches the data decides.
void readPatches(const rt::SafetensorsFile &file, RunInput &input) {
  if (const rt::TensorInfo *lengths = file.find("patch_lengths")) {
    if (lengths->shape.size() != 2 || lengths->shape[0] != input.batch) {
      failShape(file.path(), *lengths, "[" + std::to_string(input.batch) + ", patches]");
    }
    input.lengths = file.integers("patch_lengths");
  }
}

// MEGABYTE also takes ids that are cut into patches: one dimension for each stage, the inner ones of the stages'
// lengths.
bool isNested(const rt::ModelInfo &info, const std::vector<int64_t> &shape) {
  return info.names == "megabyte" && shape.size() > 2 && shape.size() == info.stageLengths.size() + 1 &&
         std::equal(shape.begin() + 2, shape.end(), info.stageLengths.begin() + 1);
}

RunInput readInput(const std::string &path, const rt::ModelInfo &info) {
  rt::SafetensorsFile file(path);
  const rt::TensorInfo &tensor = file.get("ids");
  if (tensor.shape.size() != 2 && !isNested(info, tensor.shape)) {
    failShape(path, tensor, std::string("[batch, length]") +
                                (info.names == "megabyte" ? ", or one dimension for each stage behind the batch" : ""));
  }
  RunInput input;
  input.ids = file.integers("ids");
  input.rowShape = tensor.shape;
  input.batch = tensor.shape[0];
  input.length = std::accumulate(tensor.shape.begin() + 1, tensor.shape.end(), int64_t(1), std::multiplies<>());
  if (input.batch < 1) {
    failShape(path, tensor, "at least one sequence");
  }
  if (const rt::TensorInfo *mask = file.find("loss_mask")) {
    if (mask->shape != tensor.shape) {
      failShape(path, *mask, "that of 'ids', " + rt::shapeText(tensor.shape));
    }
    input.mask = file.floats("loss_mask");
  }
  if (info.patched) {
    readPatches(file, input);
  }
  if (info.patched || info.isMasked()) {
    input.targets = numbersForIds(file, "targets", input);
  }
  if (info.isMasked()) {
    input.visible = numbersForIds(file, "attention_mask", input);
  }
  return input;
}

// The logits behind each byte, as the decoder has them when it is fed one byte at a time.
rt::Rows stepThrough(rt::Model &model, const RunInput &input, std::vector<float> &logits) {
  std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, input.batch, input.length);
  rt::Decoder &decoder = *decoderOwner;
  int64_t vocab = model.info().vocab;
  logits.resize(input.batch * input.length * vocab);
  std::vector<int32_t> column(input.batch);
  for (int64_t t = 0; t < input.length; ++t) {
    for (int64_t b = 0; b < input.batch; ++b) {
      column[b] = input.ids[b * input.length + t];
    }
    rt::Rows rows = decoder.feed(column.data(), 1);
    for (int64_t b = 0; b < input.batch; ++b) {
      std::copy_n(rows.data + b * vocab, vocab, logits.data() + (b * input.length + t) * vocab);
    }
  }
  return {logits.data(), input.batch, input.length, vocab};
}

void runModel(rt::Model &model, const RunOptions &options, const Common &common) {
  if (options.entry == "step") {
    rt::requireSteps(model.info());
  }
  RunInput input = readInput(options.input, model.info());
  if (options.gradients && input.length == 0) {
    throw Error(Exit::BadInput, "'" + options.input +
                                    "': tensor 'ids' holds no bytes, so there is no loss to take "
                                    "gradients of; expected a length of at least 1");
  }
  for (const std::string &line : model.loadWeights(options.weights).warnings) {
    note(line);
  }
  std::vector<rt::TensorView> results;
  rt::Call::Scalars scalars;
  if (options.gradients) {
    scalars = model.gradients(input.view());
    results = model.tensors(rt::Flat::Grads, "grad.");
  } else if (input.length > 0) {
    scalars = model.loss(input.view());
  }
  bool hidden = options.entry == "hidden";
  std::vector<float> stepped;
  rt::Rows rows;
  if (options.entry == "step" && input.length > 0) {
    rows = stepThrough(model, input, stepped);
  } else {
    rows = hidden ? model.hidden(input.view()) : model.forward(input.view());
  }
  std::vector<int64_t> shape = input.length > 0 ? input.rowShape : std::vector<int64_t>{input.batch, rows.rows};
  if (model.info().prefix > 0) {
    shape.back() = rows.rows;
  }
  shape.push_back(rows.width);
  if (input.length > 0) {
    results.insert(results.begin(), {"loss", {}, &scalars.loss, rt::DType::F32});
  }
  results.insert(results.begin(), {hidden ? "hidden" : "logits", shape, rows.data, rt::DType::F32});
  rt::writeSafetensors(options.output, results);

  if (common.json) {
    nlohmann::json report = {{"output", options.output}, {"shape", shape}, {"level", model.getProgram().level()}};
    report["loss"] = input.length > 0 ? nlohmann::json(scalars.loss) : nlohmann::json();
    std::printf("%s\n", report.dump().c_str());
  } else {
    std::string loss = input.length > 0 ? ", loss " + std::to_string(scalars.loss) : "";
    std::printf("%s %s%s -> %s\n", hidden ? "hidden" : "logits", rt::shapeText(shape).c_str(), loss.c_str(),
                options.output.c_str());
  }
}

} // namespace

void addRun(CommandLine &line, ModelSource &source) {
  auto options = std::make_shared<RunOptions>();
  CLI::App &command = line.add(
      "run", "One forward pass on ids from a file; writes logits, the loss and, where asked, every gradient",
      source.example() + "--weights w.safetensors --input in.safetensors --output out.safetensors --gradients",
      [&line, &source, options] {
        bool steps = options->entry == "step";
        rt::Model model(source.open(line.common, steps ? Needs::Everything : Needs::Batches));
        options->entropy.attachTo(model, source, line.common, Needs::Everything);
        runModel(model, *options, line.common);
      });
  source.addOptions(command);
  source.addStepOptions(command);
  command.add_option("--weights", options->weights, "Weights under the reference's names (safetensors)")->required();
  command.add_option("--input", options->input, "Safetensors with 'ids' [batch, length] and, if wanted, 'loss_mask'; where the data decides the patches also "
                 "'patch_lengths' [batch, patches] and, if wanted, 'targets'; of masked models 'attention_mask' and 'targets'")
      ->required();
  command.add_option("--output", options->output, "Safetensors to write")->required();
  options->entropy.addTo(command);
  command.add_flag("--gradients", options->gradients, "Also write grad.NAME for every parameter");
  command.add_option("--entry", options->entry, "What to compute: forward (default); hidden: the states before the head; step: the logits, byte by byte")
      ->check(CLI::IsMember({"forward", "hidden", "step"}));
}

} // namespace mblm::cli

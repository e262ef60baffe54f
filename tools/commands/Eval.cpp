// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `eval`: how well a model predicts a file.
#include "runtime/Evaluate.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace mblm::cli {

namespace {

struct EvalCommand {
  std::string weights, data, batches;
  std::string metric = "bpb";
  rt::EvalOptions options;
  EntropyOptions entropy;
};

// What is reported of one set of weights: `value` is the metric's, in the unit that `text` ends on.
struct Score {
  double value = 0;
  std::string text;
  nlohmann::json report;
};

std::string fourPlaces(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

Score scoreOfAccuracy(rt::Model &model, const EvalCommand &command) {
  rt::Accuracy found;
  if (command.batches.empty()) {
    rt::Data data(command.data);
    found = rt::accuracy(model, data, data.all(), command.options);
  } else {
    found = rt::accuracy(model, rt::readBatches(command.batches), command.options);
  }
  if (found.targets == 0) {
    throw Error(Exit::BadInput, "'" + (command.batches.empty() ? command.data : command.batches) +
                                    "' holds no targets; expected a byte that is no padding and whose loss_mask is "
                                    "not zero");
  }
  return {found.share(), "accuracy " + fourPlaces(found.share()) + ": " + grouped(found.hits) + " of " + grouped(found.targets) + " targets",
          {{"value", found.share()}, {"hits", found.hits}, {"targets", found.targets}}};
}

Score scoreOfLoss(rt::Model &model, const EvalCommand &command) {
  bool perWord = command.metric == "ppl";
  if (perWord && model.info().isMasked()) {
    throw Error(Exit::BadInput, "model '" + model.info().name + "' is asked for masked bytes alone; expected --metric bpb");
  }
  rt::Data data(command.data);
  rt::EvalResult result = rt::evaluate(model, data, data.all(), command.options);
  if (perWord && result.words == 0) {
    throw Error(Exit::BadInput, "'" + command.data + "' holds no words, only white space; expected --metric bpb");
  }
  double value = perWord ? result.wordPerplexity() : result.bitsPerByte();
  return {value, command.metric + " " + fourPlaces(value) + " over " + grouped(result.bytes) + " bytes",
          {{"value", value}, {"bytes", result.bytes}, {"words", result.words}, {"nats", result.nats}, {"bpb", result.bitsPerByte()}}};
}

// Of a model whose steps read weights in int8, also with these weights. That comes from whole passes over their values in f32, which
// steps compute too, but for the order of sums.
void report(rt::Model &model, const EvalCommand &command, const Common &common) {
  auto score = command.metric == "accuracy" ? scoreOfAccuracy : scoreOfLoss;
  Score plain = score(model, command);
  plain.report["metric"] = command.metric;
  plain.report["level"] = model.getProgram().level();
  if (model.getProgram().quantizes()) {
    model.quantizeWeights();
    Score rounded = score(model, command);
    double difference = rounded.value - plain.value;
    char text[32];
    std::snprintf(text, sizeof text, "%+.5f", difference);
    plain.text += "; with int8 weights in steps " + fourPlaces(rounded.value) + ", difference " + text;
    plain.report["int8"] = std::move(rounded.report);
    plain.report["int8"]["difference"] = difference;
  }
  std::printf("%s\n", common.json ? plain.report.dump().c_str() : plain.text.c_str());
}

void checkUsage(const EvalCommand &command) {
  if (command.data.empty() == command.batches.empty()) {
    throw Error(Exit::Usage, "eval: expected either --data or --batches");
  }
  if (command.batches.empty()) {
    return;
  }
  if (command.metric != "accuracy") {
    throw Error(Exit::Usage, "eval: --batches names targets for --metric accuracy; expected --data for bpb and ppl");
  }
  if (command.options.window > 0 || command.options.maxBytes > 0) {
    throw Error(Exit::Usage, "eval: --batches brings its sequences; expected it without --window and --max-bytes");
  }
}

} // namespace

void addEval(CommandLine &line, ModelSource &source) {
  auto eval = std::make_shared<EvalCommand>();
  CLI::App &command =
      line.add("eval", "Bits per byte, perplexity per word, or the share of bytes that a model gets right",
               source.example() + "--weights runs/book/weights.safetensors --data other.txt", [&line, &source, eval] {
                 checkUsage(*eval);
                 rt::Model model(source.open(line.common, Needs::Evaluation));
                 eval->entropy.attachTo(model, source, line.common, Needs::Batches);
                 for (const std::string &text : model.loadWeights(eval->weights).warnings) {
                   note(text);
                 }
                 report(model, *eval, line.common);
               });
  source.addOptions(command);
  source.addStepOptions(command);
  command.add_option("--weights", eval->weights, "Weights under the reference's names (safetensors)")->required();
  eval->entropy.addTo(command);
  command.add_option("--data", eval->data, "File or folder to predict; every byte counts");
  command.add_option("--batches", eval->batches,
                     "For accuracy: safetensors with 'ids' [count, batch, length]; bytes whose 'loss_mask' is not zero "
                     "count");
  command
      .add_option(
          "--metric", eval->metric,
          "bpb (default); ppl, perplexity per word; or accuracy, the share of bytes whose logit is the highest, "
          "given the true bytes before them")
      ->check(CLI::IsMember({"bpb", "ppl", "accuracy"}));
  command.add_option("--window", eval->options.window, "Bytes of context at most (default: the model's)")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch", eval->options.batch, "Sequences at a time (default 1)")->check(CLI::Range(1, 1 << 20));
  command.add_option("--max-bytes", eval->options.maxBytes, "Only so many from the beginning")
      ->check(CLI::PositiveNumber);
}

} // namespace mblm::cli

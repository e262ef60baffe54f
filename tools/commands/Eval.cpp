// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `eval`: how well a model predicts a file.
#include "runtime/Evaluate.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace mblm::cli {

namespace {

struct EvalCommand {
  std::string weights, data;
  std::string metric = "bpb";
  rt::EvalOptions options;
};

void evaluateModel(rt::Model &model, const EvalCommand &command, const Common &common) {
  rt::Data data(command.data);
  for (const std::string &line : model.loadWeights(command.weights).warnings) {
    note(line);
  }
  rt::EvalResult result = rt::evaluate(model, data, data.all(), command.options);
  bool perWord = command.metric == "ppl";
  if (perWord && result.words == 0) {
    throw Error(Exit::BadInput, "'" + command.data + "' holds no words, only white space; expected --metric bpb");
  }
  double value = perWord ? result.wordPerplexity() : result.bitsPerByte();
  if (common.json) {
    nlohmann::json report = {{"metric", command.metric}, {"value", value},      {"bytes", result.bytes},
                             {"words", result.words},    {"nats", result.nats}, {"bpb", result.bitsPerByte()}};
    std::printf("%s\n", report.dump().c_str());
  } else {
    std::printf("%s %.4f over %s bytes\n", command.metric.c_str(), value, grouped(result.bytes).c_str());
  }
}

} // namespace

void addEval(CommandLine &line, ModelSource &source) {
  auto eval = std::make_shared<EvalCommand>();
  CLI::App &command =
      line.add("eval", "Bits per byte, or perplexity per word, of a file",
               source.example() + "--weights runs/book/weights.safetensors --data other.txt", [&line, &source, eval] {
                 if (eval->metric == "accuracy") {
                   throw Error(Exit::Usage, "eval: answer accuracy is not measured yet; expected "
                                            "--metric bpb or ppl");
                 }
                 rt::Model model(source.open(line.common, Needs::Batches));
                 evaluateModel(model, *eval, line.common);
               });
  source.addOptions(command);
  command.add_option("--weights", eval->weights, "Weights under the reference's names (safetensors)")->required();
  command.add_option("--data", eval->data, "File or folder to predict")->required();
  command.add_option("--metric", eval->metric, "bpb (default) or ppl, perplexity per word")
      ->check(CLI::IsMember({"bpb", "ppl", "accuracy"}));
  command.add_option("--window", eval->options.window, "Bytes of context at most (default: the model's)")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch", eval->options.batch, "Windows at a time (default 1)")->check(CLI::Range(1, 1 << 20));
  command.add_option("--max-bytes", eval->options.maxBytes, "Only so many from the beginning")
      ->check(CLI::PositiveNumber);
}

} // namespace mblm::cli

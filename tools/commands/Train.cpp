// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `train`: the runtime's training loop with a progress line.
#include "runtime/Train.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>

namespace mblm::cli {

namespace {

struct TrainCommand {
  rt::TrainOptions options;
  std::string config;
  EntropyOptions entropy;
  bool progress = false;
};

// One line that is written over on a terminal; elsewhere, where asked for, a new one every few seconds.
class Progress {
public:
  explicit Progress(bool always) : terminal(onTerminal()), shown(always || terminal) {}
  ~Progress() { end(); }

  void step(const rt::StepReport &report) {
    auto now = std::chrono::steady_clock::now();
    bool last = report.step == report.steps;
    if (!shown || (!last && now - latest < std::chrono::milliseconds(terminal ? 200 : 5000))) {
      return;
    }
    latest = now;
    std::fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", rt::progressLine(report).c_str());
    open = terminal;
  }
  void line(const std::string &text) {
    end();
    note(text);
  }
  void evaluation(int64_t step, double bits) {
    if (shown) {
      char text[80];
      std::snprintf(text, sizeof text, "step %lld  held-out bpb %.3f", (long long)step, bits);
      line(text);
    }
  }
  void end() {
    if (open) {
      std::fputc('\n', stderr);
      open = false;
    }
  }

private:
  bool terminal, shown;
  bool open = false; // a line without its end
  std::chrono::steady_clock::time_point latest{};
};

// Sequences at a time and their bytes; 0 bytes: the model's context.
std::pair<int64_t, int64_t> shapeOf(const rt::TrainOptions &options) {
  if (options.batches.empty()) {
    return {options.config.batch, options.config.length};
  }
  rt::SafetensorsFile file(options.batches);
  const std::vector<int64_t> &shape = file.get("ids").shape;
  bool sized = shape.size() == 3 && shape[1] > 0 && shape[2] > 0;
  return sized ? std::pair{shape[1], shape[2]} : std::pair{int64_t(1), int64_t(1)}; // training says what is wrong
}

void trainModel(rt::Model &model, TrainCommand &command, const Common &common) {
  rt::TrainOptions &options = command.options;
  Progress progress(command.progress);
  options.onStep = [&](const rt::StepReport &report) { progress.step(report); };
  options.onEval = [&](int64_t step, double bits) { progress.evaluation(step, bits); };
  options.warn = [&](const std::string &text) { progress.line("warning: " + text); };
  rt::TrainResult result = rt::train(model, options);
  progress.end();

  std::string weights = options.out + "/weights.safetensors";
  if (common.json) {
    nlohmann::json report = {{"steps", result.steps}, {"loss", result.loss}, {"weights", weights}};
    report["eval_bpb"] = result.evalBitsPerByte ? nlohmann::json(*result.evalBitsPerByte) : nlohmann::json();
    report["peak_bytes"] = rt::memoryAccount().peak();
    report["level"] = model.getProgram().level();
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  std::printf("%lld steps, last loss %.4f", (long long)result.steps, result.loss);
  if (result.evalBitsPerByte) {
    std::printf(", held-out bpb %.3f", *result.evalBitsPerByte);
  }
  std::printf(" -> %s\n", weights.c_str());
}

} // namespace

void addTrain(CommandLine &line, ModelSource &source) {
  auto train = std::make_shared<TrainCommand>();
  CLI::App &command =
      line.add("train", "Trains on raw bytes; writes log.jsonl, checkpoints and weights.safetensors into a folder",
               source.example() + "--data book.txt --steps 500 --out runs/book", [&line, &source, train] {
                 rt::TrainOptions &options = train->options;
                 if (options.data.empty() == options.batches.empty()) {
                   throw Error(Exit::Usage, "train: expected either --data or --batches");
                 }
                 if (!train->config.empty()) {
                   options.config = rt::readTrainConfig(train->config);
                 }
                 auto [batch, length] = shapeOf(options);
                 rt::Model model(source.openForTraining(line.common, batch, length));
                 train->entropy.attachTo(model, source, line.common, Needs::Batches);
                 trainModel(model, *train, line.common);
               });
  source.addOptions(command);
  train->entropy.addTo(command);
  rt::TrainOptions &options = train->options;
  command.add_option("--data", options.data, "A file, or a folder whose files are read one after another");
  command.add_option("--batches", options.batches,
                     "Safetensors with every micro-batch: 'ids' [steps * accumulate, batch, length], 'loss_mask', and of patches "
                     "'patch_lengths' and 'targets'");
  command.add_option("--steps", options.steps, "Updates to make")
      ->required()
      ->check(CLI::Range(int64_t(0), int64_t(1) << 40));
  command.add_option("--out", options.out, "Folder for the log, checkpoints and weights")->required();
  command.add_option("--weights", options.weights, "Start from these (default: drawn from the config's seed)");
  command.add_option("--config", train->config, "Training settings (JSON)");
  command.add_option("--eval-data", options.evalData, "Evaluate on this instead of the end of the data");
  command.add_option("--max-seconds", options.maxSeconds, "Stop after so many seconds, saving as at the end")
      ->check(CLI::PositiveNumber);
  command.add_flag("--resume", options.resume, "Go on from the newest whole checkpoint in the folder");
  command.add_flag("--progress", train->progress, "Show progress even when stderr is no terminal");
}

} // namespace mblm::cli

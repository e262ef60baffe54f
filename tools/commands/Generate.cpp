// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `generate`: bytes from a trained model, shown as they come.
#include "runtime/Generate.h"
#include "runtime/Support/File.h"
#include "runtime/Tokenizer.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <sstream>

namespace mblm::cli {

namespace {

constexpr int64_t promptLimit = int64_t(1) << 28;

struct GenerateOptions {
  std::string weights;
  std::string prompt, promptFile, promptIds;
  std::string saveState, loadState;
  int64_t count = 0;
  rt::SampleOptions sampling;
  bool raw = false;
  EntropyOptions entropy;
};

std::vector<int32_t> parseIds(const std::string &text) {
  std::vector<int32_t> ids;
  std::stringstream items(text);
  std::string item;
  while (std::getline(items, item, ',')) {
    bool digits = !item.empty() && item.size() < 10 && item.find_first_not_of("0123456789") == std::string::npos;
    if (!digits) {
      throw Error(Exit::Usage, "generate: --prompt-ids: expected numbers with commas between them, got '" + item + "'");
    }
    ids.push_back(std::stoi(item));
  }
  return ids;
}

// Bytes as the model's ids, behind its mark where sequences begin with one.
std::vector<int32_t> promptOf(const GenerateOptions &options, const rt::ModelInfo &info) {
  if (!options.promptIds.empty()) {
    return parseIds(options.promptIds);
  }
  std::string text = options.promptFile.empty() ? options.prompt : rt::readTextFile(options.promptFile, promptLimit);
  std::vector<int32_t> ids;
  if (info.firstByte > 0 && options.loadState.empty()) {
    ids.push_back(rt::beginId);
  }
  for (char c : text) {
    ids.push_back(static_cast<unsigned char>(c) + info.firstByte);
  }
  return ids;
}

void put(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void generateBytes(rt::Model &model, const GenerateOptions &options, const Common &common) {
  for (const std::string &line : model.loadWeights(options.weights).warnings) {
    note(line);
  }
  rt::Utf8Stream stream;
  std::string text;
  auto show = [&](int32_t shown) {
    int32_t id = shown - model.info().firstByte;
    if (id < 0) {
      return true; // a mark
    }
    if (options.raw) {
      text = id < 256 ? std::string(1, char(id)) : std::string();
      put(text);
    } else if (common.json) {
      text += stream.push(id);
    } else {
      put(stream.push(id));
    }
    return true;
  };
  std::vector<int32_t> prompt = promptOf(options, model.info());
  bool saves = !options.saveState.empty();
  int64_t have = int64_t(prompt.size()) + (options.loadState.empty() ? 0 : rt::Decoder::savedLength(options.loadState));
  std::unique_ptr<rt::Decoder> decoderOwner = rt::makeDecoder(model, 1, rt::roomFor(model, have, options.count + (saves ? 1 : 0)));
  rt::Decoder &decoder = *decoderOwner;
  if (!options.loadState.empty()) {
    decoder.load(options.loadState);
  }
  auto begin = std::chrono::steady_clock::now();
  if (!prompt.empty()) {
    decoder.feed(prompt.data(), int64_t(prompt.size()));
  }
  auto read = std::chrono::steady_clock::now();
  std::vector<int32_t> ids = rt::generate(decoder, {}, options.count, options.sampling, show, saves);
  auto end = std::chrono::steady_clock::now();
  if (saves) {
    decoder.save(options.saveState);
  }
  if (common.json) {
    nlohmann::json report = {{"ids", ids}, {"text", text + stream.finish()}};
    std::printf("%s\n", report.dump().c_str());
  } else if (!options.raw) {
    put(stream.finish() + "\n");
  }
  auto speed = [](const char *what, size_t bytes, std::chrono::duration<double> took) {
    char text[120];
    std::snprintf(text, sizeof text, "%s%zu bytes in %.2f s, %.1f bytes/s", what, bytes, took.count(),
                  double(bytes) / std::max(took.count(), 1e-9));
    return std::string(text);
  };
  note(speed("", ids.size(), end - read) + (prompt.empty() ? "" : speed("; prompt: ", prompt.size(), read - begin)));
}

} // namespace

void addGenerate(CommandLine &line, ModelSource &source) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App &command = line.add("generate", "Continues a prompt byte by byte",
                               source.example() + "--weights runs/book/weights.safetensors --prompt 'Once' -n 200",
                               [&line, &source, options] {
                                 if (options->raw && line.common.json) {
                                   throw Error(Exit::Usage, "generate: expected either --raw or --json, got both");
                                 }
                                 rt::Model model(source.open(line.common, Needs::Steps));
                                 options->entropy.attachTo(model, source, line.common, Needs::Steps);
                                 generateBytes(model, *options, line.common);
                               });
  source.addOptions(command);
  source.addStepOptions(command);
  command.add_option("--weights", options->weights, "Weights under the reference's names (safetensors)")->required();
  CLI::Option *prompt = command.add_option("--prompt", options->prompt, "Text to continue (default: nothing)");
  CLI::Option *file = command.add_option("--prompt-file", options->promptFile, "File whose bytes are continued");
  CLI::Option *ids = command.add_option("--prompt-ids", options->promptIds, "Ids to continue, e.g. 84,104");
  prompt->excludes(file)->excludes(ids);
  file->excludes(ids);
  options->entropy.addTo(command);
  command.add_option("--load-state", options->loadState, "Go on from what --save-state wrote, the prompt behind it");
  command.add_option("--save-state", options->saveState,
                     "Write what the model remembers at the end (safetensors); with -n 0 a prompt read once for all");
  command.add_option("-n,--count", options->count, "Bytes to generate")->required()->check(CLI::NonNegativeNumber);
  command.add_option("--temperature", options->sampling.temperature, "0: always the most probable byte (default 1)");
  CLI::Option *topK = command.add_option("--top-k", options->sampling.topK, "Draw from the K most probable ids only")
                          ->check(CLI::PositiveNumber);
  command
      .add_option("--filter-thres", options->sampling.filterThreshold,
                  "Draw from the most probable ids, (1 - F) of the vocabulary")
      ->check(CLI::Range(0.0, 1.0))
      ->excludes(topK);
  command.add_option("--seed", options->sampling.seed, "Seed of the draws (default 0)");
  command.add_flag("--raw", options->raw, "Write the bytes as they are, whatever they mean");
}

} // namespace mblm::cli

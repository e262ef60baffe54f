// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How fast an entry of a compiled model runs: the same call again and again.
#pragma once

#include "runtime/Decoder.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace mblm::cli {

struct BenchOptions {
  std::string weights, input;
  std::string entry = "train";
  int64_t batch = 0, context = 0; // 0: the input file's, else 1 and the model's context up to contextLimit
  double seconds = 3;
  bool interactive = false, profile = false;
  EntropyOptions entropy;
};

// Entries that read a context and go on behind it.
inline bool needsSteps(const std::string &entry) { return entry == "prefill" || entry == "decode" || entry == "step"; }

void addBenchOptions(CLI::App &command, BenchOptions &options);

// One entry with its input. Training goes on from the weights of the call before.
class Work {
public:
  Work(rt::Model &model, const BenchOptions &options);

  // Seconds that it took.
  double once();

  // The module's function whose costs are this work's.
  const char *costedFunction() const {
    return entry == "train" ? "train_step" : entry == "forward" ? "loss" : entry == "entropies" ? "entropies" : "forward";
  }
  int64_t slots() const { return (length + model.info().inner - 1) / model.info().inner; }
  int64_t patches() const { return lengths.empty() ? model.info().plannedPatches(slots()) : int64_t(lengths.size()) / batch; }
  int64_t bytes() const { return batch * (entry == "step" ? model.info().inner : entry == "decode" ? 1 : length); }

  int64_t batch = 1, length = 0;
  double loss = 0;           // of the latest call of an entry that computes one; of prefill and of the first byte of decode, -ln p of the likeliest next one; the mean entropy
  double prefillSeconds = 0; // of steps: what reading the context took

private:
  void startDecoder(bool mayShorten);
  void readContext();
  void tellMostProbable();
  double stepOnce();
  double decodeOnce();
  void readIds(const BenchOptions &options);
  void drawIds(const BenchOptions &options);
  void drawLengths();

  rt::Model &model;
  std::string entry;
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths; // of patches, where the data decides them; empty: as the model finds them
  std::unique_ptr<rt::Decoder> decoder;
  std::vector<int32_t> chosen; // the next id of each sequence
  float hyper[rt::HyperCount] = {};
  std::vector<float> decay;
};

// A model that was timed.
struct Timed {
  std::unique_ptr<rt::Model> model;
  std::unique_ptr<Work> work;
  nlohmann::json report;
  int64_t startBytes = 0; // of the process, before it was opened
  int threads = 0;
  size_t calls = 0;
  double total = 0; // seconds of all of them
};

// Nothing after a conversation with another program (--interactive).
std::optional<Timed> timeModel(ModelSource &source, const BenchOptions &options, const Common &common);

// What needs no knowledge of the model's costs.
void printTiming(const Timed &timed, const std::vector<std::string> &more);

} // namespace mblm::cli

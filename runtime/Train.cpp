// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One Trainer per run. All that decides an update (weights, moments, step number, config) is in a checkpoint; batches,
// dropout and learning rates are functions of the step, so a resumed run equals an uninterrupted one bit by bit.
#include "runtime/Train.h"

#include "runtime/Batches.h"
#include "runtime/Checkpoint.h"
#include "runtime/Evaluate.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Signals.h"
#include "runtime/TrainLog.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace mblm::rt {

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string progressLine(const StepReport &report) {
  int64_t left = std::min<int64_t>(int64_t(report.secondsLeft + 0.5), 359999);
  char hours[8] = "";
  if (left >= 3600) {
    std::snprintf(hours, sizeof hours, "%d:", int(left / 3600));
  }
  bool mega = report.bytesPerSecond >= 1e6;
  char text[200];
  std::snprintf(text, sizeof text, "step %lld/%lld  bpb %.3f  %.1f %s  eta %s%02d:%02d", (long long)report.step,
                (long long)report.steps, report.bitsPerByte, report.bytesPerSecond / (mega ? 1e6 : 1e3),
                mega ? "MB/s" : "kB/s", hours, int(left / 60 % 60), int(left % 60));
  return text;
}

namespace {

class Trainer {
public:
  Trainer(Model &model, const TrainOptions &options)
      : model(model), options(options), config(options.config), store(options.out) {
    if (options.steps < 0 || (options.data.empty() == options.batches.empty())) {
      throw Error(Exit::Usage, "training expects a number of steps from 0 and either data or batches");
    }
    if (config.length == 0) {
      config.length = std::max<int64_t>(model.info().maxLength, 1);
    }
    if (!config.lrPerStep.empty() && int64_t(config.lrPerStep.size()) < options.steps) {
      throw Error(Exit::BadInput, "\"lr\" lists " + std::to_string(config.lrPerStep.size()) + " rates, but there are " +
                                      std::to_string(options.steps) + " steps");
    }
    std::vector<std::string> names;
    for (const Parameter &p : model.info().parameters) {
      names.push_back(p.name);
    }
    decay = decayFlags(config, names);
    openData();
  }

  TrainResult run();

private:
  void openData();
  void start();
  StepReport step();
  void checkFinite(const StepReport &report) const;
  void evaluateNow();
  void save();
  bool timeIsUp() const { return options.maxSeconds > 0 && secondsSince(begin) >= options.maxSeconds; }
  double secondsLeft() const;
  void warn(const std::string &line) const {
    if (options.warn) {
      options.warn(line);
    }
  }

  Model &model;
  const TrainOptions &options;
  TrainConfig config;
  CheckpointStore store;
  std::vector<float> decay;
  std::unique_ptr<Data> data;
  std::unique_ptr<Data> separateEvalData;
  Range heldOut;
  std::unique_ptr<BatchSource> source;
  std::unique_ptr<TrainLog> log;
  Clock::time_point begin;
  int64_t done = 0;
  int64_t beginStep = 0; // where this run started
  int64_t saved = -1;
  int64_t evaluated = -1;
  TrainResult result;
};

void Trainer::openData() {
  if (!options.evalData.empty()) {
    separateEvalData = std::make_unique<Data>(options.evalData);
    heldOut = separateEvalData->all();
  }
  if (!options.batches.empty()) {
    source = replayBatches(options.batches, options.steps, config);
    return;
  }
  data = std::make_unique<Data>(options.data);
  Split split = splitData(*data, separateEvalData ? 0 : config.evalFraction);
  if (!separateEvalData) {
    heldOut = split.heldOut;
  }
  source = randomBatches(*data, split.train, model.info(), config);
}

// Weights, moments and step number: from a checkpoint, from a file, or fresh.
void Trainer::start() {
  makeFolder(options.out);
  std::optional<TrainState> state;
  if (options.resume) {
    state = store.load(model, [&](const std::string &line) { warn(line); });
  } else if (!store.steps().empty()) {
    warn("'" + store.path(store.steps().back()) +
         "' of an earlier run will be replaced by this run's first checkpoint; --resume would continue it");
  }
  if (state) {
    done = saved = state->step;
    if (state->config != trainConfigText(config)) {
      warn("resuming with other settings than the checkpoint was trained with; the result will differ from one run");
    }
  } else if (!options.weights.empty()) {
    for (const std::string &line : model.loadWeights(options.weights).warnings) {
      warn(line);
    }
  } else {
    model.initialize(config.seed);
  }
  log = std::make_unique<TrainLog>(options.out + "/log.jsonl", done);
}

double Trainer::secondsLeft() const {
  double passed = secondsSince(begin);
  double left = passed / double(done - beginStep) * double(options.steps - done);
  return options.maxSeconds > 0 ? std::clamp(options.maxSeconds - passed, 0.0, left) : left;
}

StepReport Trainer::step() {
  Clock::time_point stepBegin = Clock::now();
  double timeUsed = options.maxSeconds > 0 ? secondsSince(begin) / options.maxSeconds : 0;
  StepReport report;
  report.lr = learningRate(config, done, options.steps, timeUsed);
  float hyper[HyperCount] = {};
  hyper[Lr] = float(report.lr);
  hyper[Beta1] = float(config.beta1);
  hyper[Beta2] = float(config.beta2);
  hyper[Eps] = float(config.eps);
  hyper[WeightDecay] = float(config.weightDecay);
  hyper[ClipNorm] = float(config.clipNorm);
  hyper[Step] = float(done + 1);
  hyper[Decoupled] = config.optimizer == "adamw" ? 1 : 0;

  float scale = 1 / float(config.accumulate);
  double sum = 0;
  for (int64_t micro = 0; micro < config.accumulate; ++micro) {
    Ids ids = source->get(done, micro);
    bool last = micro + 1 == config.accumulate;
    Draw draw{config.seed, uint32_t(done * config.accumulate + micro)};
    Call::Scalars scalars =
        last ? model.trainStep(ids, scale, hyper, decay.data(), draw) : model.gradients(ids, scale, draw);
    sum += scalars.loss;
    report.gradNorm = scalars.gradNorm;
  }
  double seconds = std::max(secondsSince(stepBegin), 1e-9);
  report.step = ++done;
  report.steps = options.steps;
  report.loss = sum / double(config.accumulate);
  report.bitsPerByte = report.loss / std::log(2.0);
  report.bytesPerSecond = double(source->bytesPerStep()) / seconds;
  report.peakBytes = memoryAccount().peak();
  report.secondsLeft = secondsLeft();
  return report;
}

void Trainer::checkFinite(const StepReport &report) const {
  bool lossIsFinite = std::isfinite(report.loss);
  if (!lossIsFinite || !std::isfinite(report.gradNorm)) {
    throw Error(Exit::Numerics, std::string(lossIsFinite ? "the gradients' norm" : "the loss") + " of step " +
                                    std::to_string(report.step) + " is not finite (learning rate " +
                                    std::to_string(report.lr) + "); a lower rate or clip_norm may help" +
                                    (saved >= 0 ? ", '" + store.path(saved) + "' is intact" : ""));
  }
}

void Trainer::evaluateNow() {
  int64_t least = model.info().firstTarget() + 1;
  if (evaluated == done || heldOut.size() < least) {
    return;
  }
  EvalOptions eval;
  eval.window = config.length;
  eval.batch = config.batch;
  eval.maxBytes = config.evalBytes;
  double bits = evaluate(model, separateEvalData ? *separateEvalData : *data, heldOut, eval).bitsPerByte();
  result.evalBitsPerByte = bits;
  evaluated = done;
  log->evaluation(done, bits);
  if (options.onEval) {
    options.onEval(done, bits);
  }
}

void Trainer::save() {
  if (saved != done) {
    store.save(model, {done, config.seed, specHash(model.info()), trainConfigText(config)});
    saved = done;
  }
}

TrainResult Trainer::run() {
  start();
  StopSignals signals;
  begin = Clock::now();
  beginStep = done;
  while (done < options.steps && !timeIsUp()) {
    StepReport report = step();
    checkFinite(report);
    result.loss = report.loss;
    log->step(report);
    if (options.onStep) {
      options.onStep(report);
    }
    if (config.evalEvery > 0 && done % config.evalEvery == 0) {
      evaluateNow();
    }
    if (config.saveEvery > 0 && done % config.saveEvery == 0) {
      save();
    }
    if (int signal = signals.received()) {
      save();
      throw Error(signal == SIGINT ? Exit::Interrupted : Exit::Terminated,
                  "stopped after step " + std::to_string(done) + "; saved in '" + store.path(done) +
                      "', --resume continues");
    }
  }
  if (config.evalEvery > 0) {
    evaluateNow();
  }
  save();
  model.saveWeights(options.out + "/weights.safetensors");
  result.steps = done;
  return result;
}

} // namespace

TrainResult train(Model &model, const TrainOptions &options) { return Trainer(model, options).run(); }

} // namespace mblm::rt

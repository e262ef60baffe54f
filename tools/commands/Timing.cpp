// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With --interactive another program asks for each call, so that two programs can take turns.
#include "tools/commands/Timing.h"

#include "runtime/Support/Random.h"
#include "runtime/ThreadPool.h"
#include "tools/commands/KernelTable.h"
#include "tools/commands/Peak.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <numeric>

namespace mblm::cli {

using nlohmann::json;

static constexpr int64_t contextLimit = 8192;

Work::Work(rt::Model &model, const BenchOptions &options) : model(model), entry(options.entry) {
  if (options.weights.empty()) {
    model.initialize(0);
  } else {
    for (const std::string &line : model.loadWeights(options.weights).warnings) {
      note(line);
    }
  }
  if (options.input.empty()) {
    drawIds(options);
  } else {
    readIds(options);
  }
  if (needsSteps(entry)) {
    rt::requireSteps(model.info());
    startDecoder(options.context == 0 && options.input.empty());
    return;
  }
  hyper[rt::Lr] = 1e-4f;
  hyper[rt::Beta1] = 0.9f;
  hyper[rt::Beta2] = 0.999f;
  hyper[rt::Eps] = 1e-8f;
  hyper[rt::WeightDecay] = 0.01f;
  hyper[rt::ClipNorm] = 1;
  hyper[rt::Decoupled] = 1;
  decay.assign(model.info().parameters.size(), 1.0f);
}

double Work::once() {
  rt::Ids view = {batch, length, ids.data(), nullptr};
  if (!lengths.empty()) {
    view.lengths = lengths.data();
    view.patches = patches();
  }
  hyper[rt::Step] += 1;
  auto start = std::chrono::steady_clock::now();
  if (entry == "train") {
    rt::Draw draw{0, uint32_t(hyper[rt::Step])};
    loss = model.trainStep(view, 1, hyper, decay.data(), draw).loss;
  } else if (entry == "forward") {
    loss = model.loss(view).loss;
  } else if (entry == "logits") {
    model.forward(view);
  } else if (entry == "entropies") {
    rt::Rows entropies = model.entropies(view);
    loss = std::accumulate(entropies.data, entropies.data + entropies.batch * entropies.rows, 0.0) / double(entropies.batch * entropies.rows);
  } else if (entry == "prefill") {
    readContext();
    return prefillSeconds;
  } else {
    return entry == "decode" ? decodeOnce() : stepOnce();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Room behind the context for some outermost slots, as far as the model's limit allows; where it is used up, the text begins again.
void Work::startDecoder(bool mayShorten) {
  int64_t inner = model.info().inner, room = 256 * inner, longest = model.longest();
  if (longest > 0 && length + room > longest) {
    room = std::min(room, std::max(inner, longest / 2 / inner * inner));
    length = mayShorten ? longest - room : length;
    room = std::max<int64_t>(0, longest - length);
  }
  decoder = rt::makeDecoder(model, batch, length + room);
  readContext();
}

void Work::readContext() {
  decoder->reset();
  std::vector<int32_t> context;
  for (int64_t b = 0; b < batch; ++b) {
    auto begin = ids.begin() + b * (int64_t(ids.size()) / batch);
    context.insert(context.end(), begin, begin + length);
  }
  auto start = std::chrono::steady_clock::now();
  decoder->feed(context.data(), length);
  prefillSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  tellMostProbable();
}

// The next ids by greedy choice, and as the loss how surprising the first sequence's is: what peers can be compared by.
void Work::tellMostProbable() {
  rt::Rows logits = decoder->logits();
  int64_t vocab = model.info().vocab;
  chosen.resize(size_t(batch));
  for (int64_t b = batch; b-- > 0;) {
    const float *row = logits.data + b * logits.rows * logits.width;
    const float *best = std::max_element(row, row + vocab);
    chosen[size_t(b)] = int32_t(best - row);
    double sum = 0;
    for (int64_t v = 0; v < vocab; ++v) {
      sum += std::exp(double(row[v]) - double(*best));
    }
    loss = std::log(sum);
  }
}

// Bytes behind the context, each the most probable: whole outermost slots, so that every stage has its share. Seconds of one.
double Work::decodeOnce() {
  int64_t inner = model.info().inner, count = (std::max<int64_t>(inner, 16) + inner - 1) / inner * inner;
  if (decoder->length() + count > decoder->capacity()) {
    readContext();
  }
  double seconds = 0, firstLoss = 0;
  for (int64_t i = 0; i < count; ++i) {
    auto start = std::chrono::steady_clock::now();
    decoder->feed(chosen.data(), 1);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    tellMostProbable();
    firstLoss = i == 0 ? loss : firstLoss;
  }
  loss = firstLoss;
  return seconds / double(count);
}

// An outermost slot, byte by byte: every stage has its share.
double Work::stepOnce() {
  int64_t inner = model.info().inner;
  if (decoder->length() + inner > decoder->capacity()) {
    readContext();
  }
  auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < inner; ++i) {
    decoder->feed(ids.data() + i % (int64_t(ids.size()) / batch) * batch, 1);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Work::readIds(const BenchOptions &options) {
  rt::SafetensorsFile file(options.input);
  const std::vector<int64_t> &shape = file.get("ids").shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    throw Error(Exit::BadInput, "'" + options.input + "': tensor 'ids' has shape " + rt::shapeText(shape) +
                                    ", expected [batch, length] with at least one byte");
  }
  if (options.batch > 0 || options.context > 0) {
    throw Error(Exit::Usage, "bench: --input brings the batch and the context; expected it without --batch and "
                             "--context");
  }
  batch = shape[0];
  length = shape[1];
  ids = file.integers("ids");
  if (const rt::TensorInfo *tensor = file.find("patch_lengths"); tensor && model.info().patched) {
    lengths = file.integers("patch_lengths");
    if (tensor->shape.size() != 2 || tensor->shape[0] != batch) {
      throw Error(Exit::BadInput, "'" + options.input + "': tensor 'patch_lengths' has shape " + rt::shapeText(tensor->shape) +
                                      ", expected [" + std::to_string(batch) + ", patches]");
    }
  }
}

// Patches of 4 and 5 bytes in turn, behind one of a single byte.
void Work::drawLengths() {
  for (int64_t b = 0; b < batch; ++b) {
    lengths.push_back(1);
    int32_t next = 4;
    for (int64_t left = length; left > 0; next = 9 - next) {
      lengths.push_back(int32_t(std::min<int64_t>(left, next)));
      left -= lengths.back();
    }
  }
}

void Work::drawIds(const BenchOptions &options) {
  const rt::ModelInfo &info = model.info();
  batch = std::max<int64_t>(1, options.batch);
  length = options.context > 0 ? options.context : std::min(info.maxLength, contextLimit);
  int64_t first = info.pad == 0 ? 1 : 0; // bytes, none of them padding
  int64_t count = std::min<int64_t>(info.vocab - info.firstByte, 256) - first;
  int64_t total;
  if (__builtin_mul_overflow(batch, length, &total) || total > rt::defaultMemoryLimit() / int64_t(sizeof(int32_t))) {
    throw Error(Exit::Resource, "bench: " + std::to_string(batch) + " sequences of " + std::to_string(length) +
                                    " bytes do not fit into memory");
  }
  for (int64_t i = 0; i < total; ++i) {
    rt::PhiloxBlock bits = rt::randomBlock(0, rt::Stream::Sample, uint64_t(i), 0, 0);
    ids.push_back(int32_t(first + info.firstByte + int64_t(rt::below(bits[0], bits[1], uint64_t(count)))));
  }
  if (info.patched) {
    drawLengths();
  }
}

namespace {

// A line of /proc/self/status, in bytes: "VmRSS" or "VmHWM". The high-water mark of getrusage would include what the
// parent process held before it started this program.
int64_t statusBytes(const std::string &key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) {
      return std::stoll(line.substr(key.size() + 1)) * 1024;
    }
  }
  return 0;
}

double quantile(const std::vector<double> &sorted, double fraction) {
  return sorted[size_t(fraction * double(sorted.size() - 1) + 0.5)];
}

json memoryReport(int64_t startBytes) {
  return {{"peak_bytes", rt::memoryAccount().peak()},
          {"start_rss_bytes", startBytes},
          {"peak_rss_bytes", statusBytes("VmHWM")}};
}

// A line for the program at the other end.
void say(const json &line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

// Answers each line 'step' with one call; the end of the input, or any other line, ends it.
void takeTurns(Work &work, int64_t startBytes, int threads) {
  say({{"ready", true},
       {"batch", work.batch},
       {"context", work.length},
       {"peak_flops_per_second", measurePeakFlops(threads)}});
  for (std::string line; std::getline(std::cin, line) && line == "step";) {
    double seconds = work.once();
    say({{"seconds", seconds}, {"loss", work.loss}});
  }
  say(memoryReport(startBytes));
}

} // namespace

void addBenchOptions(CLI::App &command, BenchOptions &options) {
  command
      .add_option("--entry", options.entry,
                  "train (default): loss, gradients, clipping and AdamW; "
                  "forward: the loss without gradients; logits: "
                  "every logit; prefill: a context read before bytes are generated; decode: a byte behind it, the "
                  "likeliest; step: an outermost slot behind it, byte by byte; entropies: of BLT's entropy model")
      ->check(CLI::IsMember({"train", "forward", "logits", "prefill", "decode", "step", "entropies"}));
  options.entropy.addTo(command);
  command.add_option("--batch", options.batch, "Sequences (default 1)")->check(CLI::PositiveNumber);
  command.add_option("--context", options.context, "Bytes a sequence (default: the model's context, at most 8192)")
      ->check(CLI::PositiveNumber);
  command.add_option("--input", options.input, "Safetensors with 'ids' [batch, length] (default: random bytes)");
  command.add_option("--weights", options.weights, "Safetensors (default: drawn from the model's distributions)");
  command.add_option("--seconds", options.seconds, "Repeat for about so long, and at least five times (default 3)")
      ->check(CLI::PositiveNumber);
  command.add_flag("--profile", options.profile, "Also time every kernel");
  command.add_flag("--interactive", options.interactive,
                   "Make one call for each line 'step' on stdin and answer "
                   "each with a JSON line");
}

std::optional<Timed> timeModel(ModelSource &source, const BenchOptions &options, const Common &common) {
  int64_t startBytes = statusBytes("VmRSS");
  int threads = common.threads > 0 ? common.threads : rt::availableThreads();
  auto start = std::chrono::steady_clock::now();
  Timed timed;
  timed.startBytes = startBytes;
  timed.threads = threads;
  timed.model =
      std::make_unique<rt::Model>(source.open(common, needsSteps(options.entry) ? Needs::Steps : Needs::Batches));
  rt::Model &model = *timed.model;
  options.entropy.attachTo(model, source, common, needsSteps(options.entry) ? Needs::Steps : Needs::Batches);
  double openSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.interactive) { // at once: weights take their time
    say({{"open_s", openSeconds}, {"peak_rss_bytes", statusBytes("VmHWM")}});
  }
  timed.work = std::make_unique<Work>(model, options);
  Work &work = *timed.work;
  if (options.interactive) {
    takeTurns(work, startBytes, threads);
    return std::nullopt;
  }
  double firstSeconds = work.once(), firstLoss = work.loss;
  double total = firstSeconds; // the first calls meet cold caches and buffers
  for (int calls = 1; calls < 2 || total < options.seconds / 5; ++calls) {
    total += work.once();
  }
  if (options.profile) {
    model.getProgram().startProfile();
  }
  std::vector<double> seconds;
  total = 0;
  while (seconds.size() < 5 || total < options.seconds) {
    seconds.push_back(work.once());
    total += seconds.back();
  }
  std::sort(seconds.begin(), seconds.end());
  double median = quantile(seconds, 0.5);

  timed.calls = seconds.size();
  timed.total = total;
  json &report = timed.report;
  report = {{"name", model.info().name},
            {"entry", options.entry},
            {"level", model.getProgram().level()},
            {"batch", work.batch},
            {"context", work.length},
            {"threads", threads},
            {"repetitions", seconds.size()},
            {"open_s", openSeconds},
            {"first_s", firstSeconds},
            {"min_s", seconds.front()},
            {"p10_s", quantile(seconds, 0.1)},
            {"median_s", median},
            {"p90_s", quantile(seconds, 0.9)},
            {"bytes_per_second", double(work.bytes()) / median}};
  report.update(memoryReport(startBytes));
  if (options.entry != "logits" && options.entry != "step") {
    report["first_loss"] = firstLoss;
  }
  if (options.entry == "step" || options.entry == "decode") {
    report["prefill_s"] = work.prefillSeconds;
  }
  if (options.profile) {
    report["kernels"] = kernelsReport(model.getProgram());
  }
  return timed;
}

void printTiming(const Timed &timed, const std::vector<std::string> &more) {
  const json &report = timed.report;
  auto number = [&](const char *key) { return report[key].get<double>(); };
  std::string level = report["level"].get<std::string>();
  std::printf("%s, %s, %lld x %lld bytes, %d thread%s%s\n", report["name"].get<std::string>().c_str(),
              report["entry"].get<std::string>().c_str(), (long long)timed.work->batch, (long long)timed.work->length,
              timed.threads, timed.threads == 1 ? "" : "s", level.empty() ? "" : (", level " + level).c_str());
  std::printf("  median %.4f s (p10 %.4f, p90 %.4f, first %.4f; %zu calls), %s bytes/s\n", number("median_s"),
              number("p10_s"), number("p90_s"), number("first_s"), timed.calls,
              grouped(int64_t(number("bytes_per_second"))).c_str());
  for (const std::string &line : more) {
    std::printf("  %s\n", line.c_str());
  }
  std::printf("  memory: %s bytes in buffers; the process grew by %s to %s\n",
              grouped(report["peak_bytes"].get<int64_t>()).c_str(),
              grouped(report["peak_rss_bytes"].get<int64_t>() - timed.startBytes).c_str(),
              grouped(report["peak_rss_bytes"].get<int64_t>()).c_str());
  if (report.contains("kernels")) {
    printKernels(report["kernels"], timed.calls, timed.total);
  }
}

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/mblm/Tuner.h"

#include "compiler/Driver/Compile.h"
#include "runtime/Artifact.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace mblm::cli {

using driver::ProductKey;
using driver::Schedule;
using driver::TunedProducts;

// A schedule counts as better from here on: below, it is noise.
static constexpr double betterRatio = 0.98;
static constexpr int fewestRounds = 3;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

static std::string today() {
  std::time_t seconds = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

namespace {

using Functions = std::map<std::string, ProductKey>; // of products, what their kernels are called

// The entry with one set of schedules, ready to run.
class Candidate {
public:
  Candidate(const driver::NamedModel &model, driver::Options options, const TunedProducts &schedules, const BenchOptions &work, int threads)
      : threads(threads) {
    options.schedules = &schedules;
    running = std::make_unique<rt::Model>(rt::loadArtifact(driver::artifactFor(model, options), threads));
    this->work = std::make_unique<Work>(*running, work);
    this->work->once(); // meets cold caches and buffers
  }

  const Work &shape() const { return *work; }

  struct Times {
    double whole = 0;
    std::map<ProductKey, double> products;
  };
  // Of one call. One thread's times are CPU times, which no other program disturbs.
  Times once(const Functions &functions) {
    running->getProgram().startProfile();
    Times times;
    times.whole = work->once();
    double busy = 0;
    for (const rt::KernelTime &kernel : running->getProgram().profile()) {
      busy += kernel.busySeconds;
      auto found = functions.find(kernel.name);
      if (found != functions.end()) {
        times.products[found->second] += threads == 1 ? kernel.busySeconds : kernel.seconds;
      }
    }
    times.whole = threads == 1 ? busy : times.whole;
    return times;
  }

private:
  int threads;
  std::unique_ptr<rt::Model> running;
  std::unique_ptr<Work> work;
};

// What pairs of calls, one of each candidate, say.
struct Pairs {
  struct Compared {
    std::vector<double> ratios;
    double first = 1e300, second = 1e300; // the best
    void add(double a, double b) {
      ratios.push_back(b / a);
      first = std::min(first, a);
      second = std::min(second, b);
    }
  };
  Compared whole;
  std::map<ProductKey, Compared> products;
};

Pairs compare(Candidate &first, Candidate &second, const Functions &functions, double seconds) {
  Pairs pairs;
  double start = now();
  for (int round = 0; round < fewestRounds || now() - start < seconds; ++round) {
    bool swapped = round % 2 == 1; // neither is always the one that finds the other's caches
    Candidate::Times b = swapped ? second.once(functions) : Candidate::Times(), a = first.once(functions);
    b = swapped ? b : second.once(functions);
    pairs.whole.add(a.whole, b.whole);
    for (const auto &[key, time] : a.products) {
      pairs.products[key].add(time, b.products.at(key));
    }
  }
  return pairs;
}

// The products of the entry, those that share a schedule together, and what their kernels are called.
std::vector<TunedChoice> choicesOf(const driver::NamedModel &model, const driver::Options &options, const Work &work,
                                   Functions &functions) {
  TunedProducts none;
  driver::Options untuned = options;
  untuned.schedules = &none;
  driver::Explanation explanation = driver::explain(model, untuned, work.batch, work.slots());
  std::vector<TunedChoice> choices;
  for (const driver::Explanation::Kernel &kernel : explanation.kernels) {
    if (!kernel.product) {
      continue;
    }
    auto known = std::find_if(choices.begin(), choices.end(), [&](const TunedChoice &choice) { return choice.key == *kernel.product; });
    if (known == choices.end()) {
      TunedChoice &choice = choices.emplace_back();
      choice.key = *kernel.product;
      choice.tried = kernel.worthTrying;
      choice.product.modelled = choice.product.schedule = kernel.worthTrying.front();
      known = choices.end() - 1;
    } else { // what suits them all
      auto missing = [&](const Schedule &schedule) {
        return std::find(kernel.worthTrying.begin(), kernel.worthTrying.end(), schedule) == kernel.worthTrying.end();
      };
      known->tried.erase(std::remove_if(known->tried.begin() + 1, known->tried.end(), missing), known->tried.end());
    }
    known->product.rows = std::max(known->product.rows, kernel.rows);
    if (std::find(known->places.begin(), known->places.end(), kernel.where) == known->places.end()) {
      known->places.push_back(kernel.where);
    }
    for (const std::string &function : kernel.functions) {
      if (function.find("pack_rows") == std::string::npos) { // what lays operands out has no schedule
        functions.emplace(function, *kernel.product);
      }
    }
  }
  return choices;
}

} // namespace

TuneReport tuneProducts(const driver::NamedModel &model, driver::Options options, const BenchOptions &work, const TuneLimits &limits) {
  options.entries = {work.entry == "train" ? "train_step" : "loss"};
  options.cache = "off";
  options.localLayers = "never"; // products are timed one by one
  TunedProducts modelled;
  Candidate first(model, options, modelled, work, limits.threads);
  Functions functions;
  TuneReport report;
  report.choices = choicesOf(model, options, first.shape(), functions);

  size_t most = 1;
  for (TunedChoice &choice : report.choices) {
    most = std::max(most, choice.tried.size());
    choice.ratios.assign(choice.tried.size(), 1);
  }
  double share = limits.seconds / double(most); // one for each way, and one for the second look
  std::string date = today();
  for (size_t n = 1; n < most; ++n) {
    TunedProducts schedules;
    for (const TunedChoice &choice : report.choices) {
      if (n < choice.tried.size()) {
        schedules.products[choice.key].schedule = choice.tried[n];
      }
    }
    if (options.verbose) {
      options.say("way " + std::to_string(n) + " of " + std::to_string(most - 1));
    }
    Candidate second(model, options, schedules, work, limits.threads);
    Pairs pairs = compare(first, second, functions, share);
    for (TunedChoice &choice : report.choices) {
      auto times = pairs.products.find(choice.key);
      if (n >= choice.tried.size() || times == pairs.products.end()) {
        continue;
      }
      choice.ratios[n] = medianOf(times->second.ratios);
      if (choice.ratios[n] < betterRatio && choice.ratios[n] <= *std::min_element(choice.ratios.begin(), choice.ratios.end())) {
        choice.product.schedule = choice.tried[n];
      }
    }
  }

  // The chosen ones together: what was luck shows.
  TunedProducts chosen;
  for (const TunedChoice &choice : report.choices) {
    if (!(choice.product.schedule == choice.product.modelled)) {
      chosen.products[choice.key] = choice.product;
    }
  }
  Candidate second(model, options, chosen, work, limits.threads);
  Pairs pairs = compare(first, second, functions, share);
  for (TunedChoice &choice : report.choices) {
    auto times = pairs.products.find(choice.key);
    if (times == pairs.products.end()) {
      continue;
    }
    choice.better = chosen.products.count(choice.key) && medianOf(times->second.ratios) < betterRatio &&
                    times->second.second < times->second.first;
    choice.product.modelledSeconds = times->second.first;
    choice.product.seconds = choice.better ? times->second.second : times->second.first;
    choice.product.threads = limits.threads;
    choice.product.date = date;
  }
  report.modelledSeconds = pairs.whole.first;
  report.seconds = pairs.whole.second;
  report.ratio = medianOf(pairs.whole.ratios);
  return report;
}

} // namespace mblm::cli

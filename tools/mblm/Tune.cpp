// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `tune`: finds schedules of a model's products by timing, and keeps them in a file that compilations look into.
#include "runtime/Support/File.h"
#include "runtime/ThreadPool.h"
#include "tools/mblm/Model.h"
#include "tools/mblm/Tuner.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <memory>

namespace mblm::cli {

using driver::TunedProducts;
using nlohmann::json;

namespace {

struct TuneOptions {
  BenchOptions work;
  std::string database, importFrom, exportTo;
  double seconds = 60;
};

json toJson(const driver::Schedule &schedule) {
  return {{"rows", schedule.rows}, {"columns", schedule.columns}, {"depth", schedule.depth}};
}

json toJson(const TunedChoice &choice) {
  json tried = json::array();
  for (size_t n = 0; n < choice.tried.size(); ++n) {
    tried.push_back({{"schedule", toJson(choice.tried[n])}, {"ratio", choice.ratios[n]}});
  }
  return {{"op", choice.key.op},
          {"columns", choice.key.columns},
          {"depth", choice.key.depth},
          {"rows", choice.product.rows},
          {"places", choice.places},
          {"schedule", toJson(choice.better ? choice.product.schedule : choice.product.modelled)},
          {"modelled", toJson(choice.product.modelled)},
          {"seconds", choice.product.seconds},
          {"modelled_seconds", choice.product.modelledSeconds},
          {"tuned", choice.better},
          {"tried", tried}};
}

void printReport(const TuneReport &report, const std::string &path) {
  for (const TunedChoice &choice : report.choices) {
    std::string result = choice.better ? choice.product.schedule.text() : "stays";
    std::printf("%-40s %9.3f ms, %s: %s", choice.key.text().c_str(), 1e3 * choice.product.modelledSeconds,
                choice.product.modelled.text().c_str(), result.c_str());
    if (choice.better) {
      std::printf(", %.3f ms (%.1f %% less)", 1e3 * choice.product.seconds,
                  100 * (1 - choice.product.seconds / choice.product.modelledSeconds));
    }
    std::printf("\n");
  }
  std::printf("the whole call: %.4f s, with the chosen schedules %.4f s (median of pairs: %.3f times as long)\n", report.modelledSeconds,
              report.seconds, report.ratio);
  std::printf("kept in %s\n", path.c_str());
}

TunedProducts readIfThere(const std::string &path) { return llvm::sys::fs::exists(path) ? TunedProducts::read(path) : TunedProducts(); }

void tuneModel(SpecArgument &source, const TuneOptions &chosen, const Common &common) {
  driver::Options options = source.options(common);
  if (options.target != driver::Target::Cpu) {
    throw Error(Exit::Usage, "tune: expected --target cpu, for schedules are native code's");
  }
  options.tuned = chosen.database.empty() ? options.tuned : chosen.database;
  std::string path = driver::tunedPath(options);
  if (path.empty()) {
    throw Error(Exit::Usage, "tune: there is no folder to keep schedules in; expected --db FILE");
  }
  if (!source.isGiven() && chosen.importFrom.empty() && chosen.exportTo.empty()) {
    throw Error(Exit::Usage, "tune: expected a SPEC to tune, --import FILE or --export FILE");
  }
  // What is broken says so before minutes of timing, and what others have written meanwhile stays.
  TunedProducts kept = readIfThere(path);
  json result = {{"database", path}};
  auto keep = [&] {
    rt::makeFolder(llvm::sys::path::parent_path(path).empty() ? "." : llvm::sys::path::parent_path(path).str());
    kept.write(path);
  };
  if (!chosen.importFrom.empty()) {
    size_t taken = kept.merge(TunedProducts::read(chosen.importFrom));
    keep();
    result["imported"] = taken;
    if (!common.json) {
      std::printf("took %zu schedules from %s; %zu are in %s\n", taken, chosen.importFrom.c_str(), kept.products.size(), path.c_str());
    }
  }
  if (source.isGiven()) {
    TuneLimits limits;
    limits.seconds = chosen.seconds;
    limits.threads = common.threads > 0 ? common.threads : rt::availableThreads();
    TuneReport report = tuneProducts(source.model(), options, chosen.work, limits);
    kept = readIfThere(path);
    json products = json::array();
    for (const TunedChoice &choice : report.choices) {
      products.push_back(toJson(choice));
      if (choice.better) {
        kept.products[choice.key] = choice.product;
      } else {
        kept.products.erase(choice.key); // what was there is not better any more
      }
    }
    keep();
    result["products"] = products;
    result["call"] = {{"modelled_seconds", report.modelledSeconds}, {"seconds", report.seconds}, {"ratio", report.ratio}};
    if (!common.json) {
      printReport(report, path);
    }
  }
  if (!chosen.exportTo.empty()) {
    kept.write(chosen.exportTo);
    result["exported"] = kept.products.size();
    if (!common.json) {
      std::printf("wrote %zu schedules to %s\n", kept.products.size(), chosen.exportTo.c_str());
    }
  }
  if (common.json) {
    std::printf("%s\n", result.dump().c_str());
  }
}

} // namespace

void addTune(CommandLine &line, SpecArgument &source) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App &command = line.add("tune", "Times schedules of a model's products, and keeps the better ones for compilations to come",
                               "models/quickstart.json --entry train --batch 8 --seconds 60",
                               [&line, &source, options] { tuneModel(source, *options, line.common); });
  source.addOptions(command);
  command.get_option("SPEC")->required(false);
  command.add_option("--entry", options->work.entry, "train (default): a training step; forward: the loss alone")
      ->check(CLI::IsMember({"train", "forward"}));
  command.add_option("--batch", options->work.batch, "Sequences (default 1)")->check(CLI::PositiveNumber);
  command.add_option("--context", options->work.context, "Bytes a sequence (default: the model's context, at most 8192)")
      ->check(CLI::PositiveNumber);
  command.add_option("--seconds", options->seconds, "Time for about so long, compilations not counted (default 60)")
      ->check(CLI::PositiveNumber);
  command.add_option("--db", options->database, "File of schedules (default: --tuned, or tuned.json in the folder of compiled models)");
  command.add_option("--import", options->importFrom, "Take in the schedules of this file that are not there, or are newer");
  command.add_option("--export", options->exportTo, "Write all schedules to this file, last");
}

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `explain`: the kernels of a spec and the memory that they take.
#include "compiler/Driver/Explain.h"
#include "compiler/Frontend/ModelInfo.h"
#include "runtime/ThreadPool.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace mblm::cli {

namespace {

struct ExplainOptions {
  int64_t context = 0; // 0: the model's
  int64_t batch = 8;
  bool remarks = false;
};

struct EntryMemory {
  int64_t arena = 0;   // bytes
  int64_t scratch = 0; // bytes, of all threads
  int64_t buffers = 0; // bytes of parameters, gradients and moments that the entry needs
  int64_t total() const { return arena + scratch + buffers; }
};

EntryMemory memoryOf(const std::string &entry, const rt::EntrySizes &sizes, const rt::ModelInfo &info, int64_t batch,
                     int64_t slots, int threads) {
  int64_t copies = entry == "train_step" ? 4 : entry == "gradients" ? 2 : 1;
  EntryMemory memory;
  memory.arena = sizes.arena.at(batch, slots, entry) * int64_t(sizeof(float));
  memory.scratch = sizes.scratch.at(batch, slots, entry) * int64_t(sizeof(float)) * threads;
  memory.buffers = copies * info.parameterElements * int64_t(sizeof(float));
  return memory;
}

std::string formText(const rt::LinearSize &size) {
  static const char *const factors[] = {"", "*M", "*B", "*B*M"};
  std::string text;
  for (int i = 0; i < 4; ++i) {
    if (size.coefficients[i] != 0) {
      text += (text.empty() ? "" : " + ") + std::to_string(size.coefficients[i]) + factors[i];
    }
  }
  return text.empty() ? "0" : text;
}

void explainModel(const driver::NamedModel &model, const driver::Options &options, const ExplainOptions &chosen,
                  bool json) {
  rt::ModelInfo info = makeModelInfo(model.spec);
  int64_t context = chosen.context > 0 ? chosen.context : info.maxLength;
  int64_t slots = (context + info.inner - 1) / info.inner;
  int threads = options.threads > 0 ? options.threads : rt::availableThreads();
  driver::Explanation explanation = driver::explain(model, options);

  nlohmann::json entries, kernels = nlohmann::json::array(), remarks = nlohmann::json::array();
  int64_t peak = 0;
  for (const auto &[name, sizes] : explanation.entries) {
    EntryMemory memory = memoryOf(name, sizes, info, chosen.batch, slots, threads);
    peak = std::max(peak, memory.total());
    entries[name] = {{"arena_bytes", memory.arena},       {"scratch_bytes", memory.scratch},
                     {"buffer_bytes", memory.buffers},    {"total_bytes", memory.total()},
                     {"arena", sizes.arena.coefficients}, {"scratch", sizes.scratch.coefficients}};
  }
  if (json) {
    for (const driver::Explanation::Kernel &kernel : explanation.kernels) {
      kernels.push_back({{"name", kernel.name}, {"from", kernel.from}, {"entry", kernel.entry}});
    }
    for (const pipelines::FusionRemark &remark : explanation.remarks) {
      remarks.push_back({{"fused", remark.done}, {"at", remark.where}, {"text", remark.text}});
    }
    nlohmann::json report = {
        {"kernels", kernels},    {"fusion", remarks},  {"memory", {{"peak_bytes", peak}, {"entries", entries}}},
        {"batch", chosen.batch}, {"context", context}, {"threads", threads}};
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  // Launches of one kernel by one entry, in the order of the first.
  std::vector<std::pair<driver::Explanation::Kernel, int>> rows;
  for (const driver::Explanation::Kernel &kernel : explanation.kernels) {
    auto same = std::find_if(rows.begin(), rows.end(), [&](const auto &row) {
      return row.first.name == kernel.name && row.first.entry == kernel.entry;
    });
    if (same == rows.end()) {
      rows.push_back({kernel, 1});
    } else {
      ++same->second;
    }
  }
  for (const auto &[kernel, launches] : rows) {
    std::printf("%-11s %3d x %s\n", kernel.entry.c_str(), launches, kernel.name.c_str());
  }
  int64_t fused =
      std::count_if(explanation.remarks.begin(), explanation.remarks.end(), [](const auto &r) { return r.done; });
  std::printf("fusion: %lld ops moved into kernels beside them, %lld stayed (--remarks says which and why)\n",
              (long long)fused, (long long)(int64_t(explanation.remarks.size()) - fused));
  std::printf("memory for batch %lld, context %lld, %d threads (arena in floats, B: batch, M: slots of %lld bytes):\n",
              (long long)chosen.batch, (long long)context, threads, (long long)info.inner);
  for (const auto &[name, sizes] : explanation.entries) {
    EntryMemory memory = memoryOf(name, sizes, info, chosen.batch, slots, threads);
    std::printf("  %-11s %s bytes: buffers %s, arena %s = %s, scratch %s\n", name.c_str(),
                grouped(memory.total()).c_str(), grouped(memory.buffers).c_str(), grouped(memory.arena).c_str(),
                formText(sizes.arena).c_str(), grouped(memory.scratch).c_str());
  }
  std::printf("peak %s bytes\n", grouped(peak).c_str());
  if (chosen.remarks) {
    printRemarks(explanation.remarks);
  }
}

} // namespace

void printRemarks(const std::vector<pipelines::FusionRemark> &remarks) {
  for (const pipelines::FusionRemark &remark : remarks) {
    note(remark.where + ": " + (remark.done ? "fused: " : "not fused: ") + remark.text);
  }
}

void addExplain(CommandLine &line, SpecArgument &source) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App &command = line.add("explain", "Shows the kernels that a spec becomes, and the memory that they take",
                               "models/quickstart.json --context 512 --batch 16 --remarks", [&line, &source, options] {
                                 explainModel(source.model(), source.options(line.common), *options, line.common.json);
                               });
  source.addOptions(command);
  command.add_option("--context", options->context, "Bytes of a sequence (default: the model's context)")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch", options->batch, "Sequences at a time (default 8)")->check(CLI::PositiveNumber);
  command.add_flag("--remarks", options->remarks, "Say on stderr what was fused, and what was not and why");
}

} // namespace mblm::cli

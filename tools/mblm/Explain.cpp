// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `explain`: the kernels of a spec and the memory that they take.
#include "compiler/Driver/Explain.h"
#include "compiler/Driver/Plan.h"
#include "compiler/Frontend/ModelInfo.h"
#include "runtime/Support/File.h"
#include "runtime/ThreadPool.h"
#include "tools/mblm/KernelReport.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>

namespace mblm::cli {

namespace {

struct ExplainOptions {
  int64_t context = 0; // 0: the model's
  int64_t batch = 8;
  bool remarks = false;
  std::string device = "host";
  std::string html; // empty: none
};

struct EntryMemory {
  int64_t arena = 0;   // bytes
  int64_t scratch = 0; // bytes, of all threads
  int64_t buffers = 0; // bytes of parameters, gradients and moments that the entry needs, and of copies of weights
  int64_t total() const { return arena + scratch + buffers; }
};

EntryMemory memoryOf(const std::string &entry, const rt::EntrySizes &sizes, const rt::ModelInfo &info,
                     const rt::Shape &shape, int threads) {
  int64_t copies = entry == "train_step" ? 4 : entry == "gradients" ? 2 : 1;
  EntryMemory memory;
  memory.scratch = sizes.scratch.at(shape, entry) * int64_t(sizeof(float)) * threads;
  int64_t prepared = sizes.copies * int64_t(sizeof(float));
  memory.arena = sizes.bytes(shape, threads, entry) - memory.scratch - prepared;
  memory.buffers = copies * info.parameterElements * int64_t(sizeof(float)) + prepared;
  return memory;
}

std::string formText(const rt::LinearSize &size) {
  static const char *const factors[] = {"", "*M", "*B", "*B*M", "*G", "*P", "*B*P"};
  std::string text;
  for (size_t i = 0; i < std::size(factors); ++i) {
    if (size.coefficients[i] != 0) {
      text += (text.empty() ? "" : " + ") + std::to_string(size.coefficients[i]) + factors[i];
    }
  }
  return text.empty() ? "0" : text;
}

// The memory of each entry, as a table.
std::vector<std::vector<std::string>> memoryTable(const driver::Explanation &explanation, const rt::ModelInfo &info,
                                                  const rt::Shape &shape, int threads) {
  std::vector<std::vector<std::string>> table = {{"entry", "bytes", "buffers", "arena", "scratch", "arena, in floats"}};
  for (const auto &[name, sizes] : explanation.entries) {
    EntryMemory memory = memoryOf(name, sizes, info, shape, threads);
    table.push_back({name, grouped(memory.total()), grouped(memory.buffers), grouped(memory.arena),
                     grouped(memory.scratch), formText(sizes.arena)});
  }
  return table;
}

// The parts of a training step's memory: what the forward pass keeps for the backward pass, by stage, and the rest of the
// arena, which many values use one after another.
struct StepParts {
  std::map<std::string, int64_t> kept; // bytes
  int64_t transient = 0;
};

StepParts partsOf(const driver::Explanation &explanation, const EntryMemory &memory, const rt::Shape &shape) {
  StepParts parts;
  parts.transient = memory.arena;
  auto kept = explanation.kept.find("train_step");
  if (kept != explanation.kept.end()) {
    for (const auto &[stage, size] : kept->second) {
      int64_t bytes = size.at(shape, "train_step") * int64_t(sizeof(float));
      parts.kept[stage] += bytes;
      parts.transient -= bytes;
    }
  }
  return parts;
}

void explainModel(const driver::NamedModel &model, driver::Options options, const ExplainOptions &chosen,
                  const std::string &maxMemory, bool json) {
  rt::ModelInfo info = makeModelInfo(model.spec);
  int64_t context = chosen.context > 0 ? chosen.context : info.maxLength;
  int64_t slots = (context + info.inner - 1) / info.inner;
  int threads = options.threads > 0 ? options.threads : rt::availableThreads();
  rt::Shape shape{chosen.batch, slots, 1, info.plannedPatches(slots)};
  if (!maxMemory.empty()) {
    driver::PlannedMemory planned =
        driver::planTraining(model, options, chosen.batch, slots, parseSize(maxMemory, "--max-memory"));
    options.plan = planned.plan;
    shape = planned.shape;
  }
  driver::Explanation explanation = driver::explain(model, options, chosen.batch, slots);
  Device device = findDevice(chosen.device, threads);
  std::vector<KernelGroup> groups = groupKernels(explanation, device);

  nlohmann::json entries, remarks = nlohmann::json::array();
  int64_t peak = 0;
  for (const auto &[name, sizes] : explanation.entries) {
    EntryMemory memory = memoryOf(name, sizes, info, shape, threads);
    peak = std::max(peak, memory.total());
    entries[name] = {{"arena_bytes", memory.arena},       {"scratch_bytes", memory.scratch},
                     {"buffer_bytes", memory.buffers},    {"total_bytes", memory.total()},
                     {"arena", sizes.arena.coefficients}, {"scratch", sizes.scratch.coefficients}};
  }
  StepParts parts;
  if (auto step = explanation.entries.find("train_step"); step != explanation.entries.end()) {
    parts = partsOf(explanation, memoryOf(step->first, step->second, info, shape, threads), shape);
  }
  if (!chosen.html.empty()) {
    PageFacts facts;
    facts.title = info.name.empty() ? model.path : info.name;
    facts.lines = {model.path + ": batch " + grouped(chosen.batch) + ", context " + grouped(context) + ", " +
                       grouped(threads) + " threads" + (explanation.level.empty() ? "" : ", level " + explanation.level) +
                       "; peak " + grouped(peak) + " bytes",
                   "B: batch, M: slots of " + grouped(info.inner) + " bytes"};
    facts.memory = memoryTable(explanation, info, shape, threads);
    rt::writeTextFile(chosen.html, kernelPage(facts, groups, device));
  }
  if (json) {
    for (const pipelines::FusionRemark &remark : explanation.remarks) {
      remarks.push_back({{"fused", remark.done}, {"at", remark.where}, {"place", remark.place}, {"text", remark.text}});
    }
    nlohmann::json plan = {{"description", driver::describe(options.planOfTarget())},
                           {"recomputed_hidden", options.planOfTarget().recomputeHidden},
                           {"recomputed_stages", options.plan.recomputeStages},
                           {"pieces", options.plan.pieces},
                           {"kept_bytes", parts.kept},
                           {"transient_bytes", parts.transient}};
    if (options.plan.pieces) {
      plan["slots_of_a_piece"] = shape.piece;
    }
    nlohmann::json report = {
        {"kernels", kernelsJson(explanation, device)},
        {"fusion", remarks},
        {"memory", {{"peak_bytes", peak}, {"entries", entries}, {"plan", plan}}},
        {"device", {{"name", device.name}, {"flops_per_second", device.flops}, {"bytes_per_second", device.bytes}}},
        {"machine", {{"cpu", explanation.cpu}, {"level", explanation.level}}},
        {"batch", chosen.batch},
        {"context", context},
        {"threads", threads}};
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  std::printf("kernels%s for batch %lld, context %lld on %s: %.4g GFLOP/s, %.4g GB/s\n",
              explanation.level.empty() ? "" : (" at level " + explanation.level).c_str(), (long long)chosen.batch,
              (long long)context, device.name.c_str(), 1e-9 * device.flops, 1e-9 * device.bytes);
  printKernelGroups(groups, device);
  int64_t fused =
      std::count_if(explanation.remarks.begin(), explanation.remarks.end(), [](const auto &r) { return r.done; });
  std::printf("fusion: %lld ops moved into kernels beside them, %lld stayed (--remarks says which and why)\n",
              (long long)fused, (long long)(int64_t(explanation.remarks.size()) - fused));
  std::printf("memory for batch %lld, context %lld, %d threads (arena in floats, B: batch, M: slots of %lld bytes):\n",
              (long long)chosen.batch, (long long)context, threads, (long long)info.inner);
  for (const auto &[name, sizes] : explanation.entries) {
    EntryMemory memory = memoryOf(name, sizes, info, shape, threads);
    std::printf("  %-11s %s bytes: buffers %s, arena %s = %s, scratch %s\n", name.c_str(),
                grouped(memory.total()).c_str(), grouped(memory.buffers).c_str(), grouped(memory.arena).c_str(),
                formText(sizes.arena).c_str(), grouped(memory.scratch).c_str());
  }
  std::printf("plan: %s%s\n", driver::describe(options.planOfTarget()).c_str(),
              options.plan.pieces ? (" (G = " + grouped(shape.piece) + " of " + grouped(chosen.batch * slots) + " slots)").c_str()
                                  : "");
  if (!parts.kept.empty()) {
    std::printf("train_step keeps for its backward pass:");
    for (const auto &[stage, bytes] : parts.kept) {
      std::printf(" %s %s,", stage.c_str(), grouped(bytes).c_str());
    }
    std::printf(" and uses %s bytes for values that come and go\n", grouped(parts.transient).c_str());
  }
  std::printf("peak %s bytes\n", grouped(peak).c_str());
  if (chosen.remarks) {
    printRemarks(explanation.remarks);
  }
}

} // namespace

void printRemarks(const std::vector<pipelines::FusionRemark> &remarks) {
  for (const pipelines::FusionRemark &remark : remarks) {
    note((remark.place.empty() ? "" : remark.place + ": ") + remark.where + ": " +
         (remark.done ? "fused: " : "not fused: ") + remark.text);
  }
}

void addExplain(CommandLine &line, SpecArgument &source) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App &command =
      line.add("explain", "Shows the kernels that a spec becomes, what they cost, and the memory that they take",
               "models/quickstart.json --context 512 --batch 16 --html explain.html", [&line, &source, options] {
                 explainModel(source.model(), source.options(line.common), *options, line.common.maxMemory,
                              line.common.json);
               });
  source.addOptions(command);
  std::string others;
  for (const std::string &name : deviceNames()) {
    others += name == "host" ? "" : (others.empty() ? "" : ", ") + name;
  }
  command.add_option("--context", options->context, "Bytes of a sequence (default: the model's context)")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch", options->batch, "Sequences at a time (default 8)")->check(CLI::PositiveNumber);
  command
      .add_option("--device", options->device, "Times are what this allows: host (default), as measured, or " + others)
      ->check(CLI::IsMember(deviceNames()));
  command.add_option("--html", options->html, "Write all of it as one page, with what was fused beside each kernel");
  command.add_flag("--remarks", options->remarks, "Say on stderr what was fused, and what was not and why");
}

} // namespace mblm::cli

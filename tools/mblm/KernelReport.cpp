// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Remarks belong to a kernel by its place in the model, which fusion leaves alone.
#include "tools/mblm/KernelReport.h"

#include <cstdio>
#include <map>

namespace mblm::cli {

using driver::Explanation;
using nlohmann::json;

namespace {
// What the fusion said about a place. The entries repeat each other.
struct Remarks {
  std::vector<std::string> fused, notFused;
};
} // namespace

namespace {
class RemarkIndex {
public:
  explicit RemarkIndex(const Explanation &explanation) {
    for (const pipelines::FusionRemark &remark : explanation.remarks) {
      Remarks &place = places[remark.where];
      std::vector<std::string> &list = remark.done ? place.fused : place.notFused;
      if (std::find(list.begin(), list.end(), remark.text) == list.end()) {
        list.push_back(remark.text);
      }
    }
  }
  // Of a place's kernels only those with row programs take part in fusion.
  const Remarks &of(const Explanation::Kernel &kernel) const {
    static const Remarks none;
    auto found = kernel.hasRows ? places.find(kernel.where) : places.end();
    return found == places.end() ? none : found->second;
  }

private:
  std::map<std::string, Remarks> places;
};
} // namespace

// One that launches nothing is known by its kind.
static std::string nameOf(const Explanation::Kernel &kernel) {
  return kernel.functions.empty() ? kernel.op : kernel.functions.front();
}

std::string scheduleText(const Explanation::Kernel &kernel) {
  return kernel.schedule ? kernel.schedule->text() + (kernel.tuned ? ", tuned" : "") : "";
}

std::vector<KernelGroup> groupKernels(const Explanation &explanation, const Device &device) {
  RemarkIndex remarks(explanation);
  std::vector<KernelGroup> groups;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (const Explanation::Kernel &kernel : explanation.kernels) {
    auto [at, isNew] = index.try_emplace({kernel.entry, nameOf(kernel)}, groups.size());
    if (isNew) {
      groups.push_back({kernel.entry, nameOf(kernel)});
      groups.back().fused = remarks.of(kernel).fused;
      groups.back().notFused = remarks.of(kernel).notFused;
    }
    KernelGroup &group = groups[at->second];
    group.kernels.push_back(&kernel);
    group.counted = group.counted && kernel.cost;
    if (kernel.cost) {
      group.cost.flops += kernel.cost->flops;
      group.cost.bytes += kernel.cost->bytes;
      group.seconds += device.seconds(*kernel.cost);
    }
  }
  return groups;
}

json kernelsJson(const Explanation &explanation, const Device &device) {
  RemarkIndex remarks(explanation);
  json kernels = json::array();
  for (const Explanation::Kernel &kernel : explanation.kernels) {
    json entry = {{"entry", kernel.entry},
                  {"name", nameOf(kernel)},
                  {"op", kernel.op},
                  {"from", kernel.where},
                  {"place", kernel.place},
                  {"functions", kernel.functions},
                  {"fused", remarks.of(kernel).fused},
                  {"not_fused", remarks.of(kernel).notFused}};
    if (kernel.schedule) {
      entry["schedule"] = {{"rows", kernel.schedule->rows}, {"columns", kernel.schedule->columns}, {"depth", kernel.schedule->depth}};
      entry["tuned"] = kernel.tuned;
    }
    if (kernel.cost) {
      entry["flops"] = kernel.cost->flops;
      entry["bytes"] = kernel.cost->bytes;
      entry["intensity"] = kernel.cost->bytes > 0 ? kernel.cost->flops / kernel.cost->bytes : 0;
      entry["roofline_s"] = device.seconds(*kernel.cost);
      entry["bound"] = device.computeBound(*kernel.cost) ? "compute" : "memory";
    }
    kernels.push_back(entry);
  }
  return kernels;
}

void printKernelGroups(const std::vector<KernelGroup> &groups, const Device &device) {
  double total = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const KernelGroup &group = groups[i];
    if (i == 0 || groups[i - 1].entry != group.entry) {
      std::printf("%s\n  count      MFLOP         MB  flop/byte    at least  by       kernel\n", group.entry.c_str());
      total = 0;
    }
    total += group.seconds;
    std::string fusion = group.fused.empty() ? "" : ", took in " + std::to_string(group.fused.size());
    if (std::string schedule = scheduleText(*group.kernels.front()); !schedule.empty()) {
      fusion += "; " + schedule;
    }
    if (!group.counted) {
      std::printf("%5zu x          ?          ?          ?           ?           %s%s\n", group.kernels.size(),
                  group.name.c_str(), fusion.c_str());
    } else {
      double intensity = group.cost.bytes > 0 ? group.cost.flops / group.cost.bytes : 0;
      std::printf("%5zu x %10.4g %10.4g %10.3g %8.4g us  %-7s  %s%s\n", group.kernels.size(), 1e-6 * group.cost.flops,
                  1e-6 * group.cost.bytes, intensity, 1e6 * group.seconds,
                  device.computeBound(group.cost) ? "compute" : "memory", group.name.c_str(), fusion.c_str());
    }
    if (i + 1 == groups.size() || groups[i + 1].entry != group.entry) {
      std::printf("  at least %.4g ms on %s\n", 1e3 * total, device.name.c_str());
    }
  }
}

} // namespace mblm::cli

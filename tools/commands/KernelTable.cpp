// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a kernel, then one line a kind of kernel.
#include "tools/commands/KernelTable.h"

#include <algorithm>
#include <cstdio>

using namespace mblm;
using namespace mblm::cli;
using nlohmann::json;

namespace {
struct Line {
  std::string name;
  double wall = 0, cpu = 0;
  int64_t launches = 0;
};
} // namespace

// What kind of kernel a name ends in: kernels are called WHERE_KIND, with a number behind where that is taken.
static std::string kindOf(std::string name) {
  static const char *const kinds[] = {"weight_gemm",    "gemm",      "pack_rows",          "pack",
                                "remember",           "scan_step", "ssd_step",
                                      "rows",           "reduce",    "embed_grad",         "rope_table",
                                      "attention_grad", "cached_attention", "attention", "cross_entropy_grad", "cross_entropy",
                                      "mean_loss",      "update",    "run"};
  for (size_t end; (end = name.find_last_not_of("0123456789")) != std::string::npos && end + 1 < name.size();) {
    end -= name[end] == 'v' ? 1 : 0; // "_v2" of another kernel of that name, "_2" of a kernel's second part
    if (name[end] != '_') {
      break;
    }
    name.resize(end);
  }
  for (const std::string kind : kinds) {
    if (name.size() >= kind.size() && name.compare(name.size() - kind.size(), kind.size(), kind) == 0) {
      return kind;
    }
  }
  return "other";
}

json cli::kernelsReport(const rt::Program &program) {
  json kernels = json::array();
  for (const rt::KernelTime &kernel : program.profile()) {
    kernels.push_back({{"name", kernel.name},
                       {"calls", kernel.calls},
                       {"seconds", kernel.seconds},
                       {"busy_seconds", kernel.busySeconds}});
    if (kernel.memoryBytes > 0) {
      kernels.back()["memory_bytes"] = kernel.memoryBytes;
    }
  }
  return kernels;
}

void cli::printKernels(const json &kernels, size_t calls, double seconds) {
  std::vector<Line> lines, kinds;
  Line outside{"(outside of kernels)", seconds, 0, 0};
  for (const json &kernel : kernels) {
    Line line{kernel["name"], kernel["seconds"], kernel["busy_seconds"], kernel["calls"]};
    outside.wall -= line.wall;
    lines.push_back(line);
    std::string kind = kindOf(line.name);
    auto sum = std::find_if(kinds.begin(), kinds.end(), [&](const Line &known) { return known.name == kind; });
    if (sum == kinds.end()) {
      sum = kinds.insert(kinds.end(), Line{kind});
    }
    sum->wall += line.wall;
    sum->cpu += line.cpu;
    sum->launches += line.launches;
  }
  std::sort(kinds.begin(), kinds.end(), [](const Line &x, const Line &y) { return x.wall > y.wall; });
  kinds.push_back(outside);
  for (const std::vector<Line> &list : {lines, kinds}) {
    std::printf("\n%10s %10s %7s %8s  kernel\n", "ms", "CPU ms", "share", "launches");
    for (const Line &line : list) {
      double scale = 1e3 / double(calls);
      std::printf("%10.3f %10.3f %6.1f%% %8lld  %s\n", scale * line.wall, scale * line.cpu, 100 * line.wall / seconds,
                  (long long)(line.launches / int64_t(calls)), line.name.c_str());
    }
  }
}

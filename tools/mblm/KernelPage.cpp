// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain tables that fold, no scripts; a bar shows each kernel's share of its entry's time.
#include "tools/mblm/KernelReport.h"

#include <cstdio>
#include <map>

namespace mblm::cli {

static const char *const style = R"(
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; width: 100%; margin: .5em 0 1.5em; }
th, td { text-align: right; padding: .2em .6em; border-bottom: 1px solid #ddd; vertical-align: top; }
th { background: #f3f3f3; }
td.text, th.text { text-align: left; }
td.name { text-align: left; font-family: ui-monospace, monospace; font-size: 12px; }
tr.memory td.bound { color: #a50; }
tr.compute td.bound { color: #06a; }
summary { cursor: pointer; font-size: 1.15em; margin: .4em 0; }
td details summary { font-size: 1em; margin: 0; }
ul { margin: .2em 0; padding-left: 1.2em; font-size: 12px; }
.bar { background: #9bd; height: .7em; display: inline-block; }
)";

static std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

static std::string number(const char *format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

static std::string cell(const std::string &text, const char *kind = nullptr) {
  return std::string("<td") + (kind ? std::string(" class=\"") + kind + "\"" : "") + ">" + text + "</td>";
}

static std::string list(const char *what, const std::vector<std::string> &lines) {
  if (lines.empty()) {
    return "";
  }
  std::string text = "<details><summary>" + std::to_string(lines.size()) + " " + what + "</summary><ul>";
  for (const std::string &line : lines) {
    text += "<li>" + escaped(line) + "</li>";
  }
  return text + "</ul></details>";
}

static std::string kernelRow(const KernelGroup &group, double entrySeconds, const Device &device) {
  bool compute = device.computeBound(group.cost);
  std::string row = std::string("<tr class=\"") + (compute ? "compute" : "memory") + "\">";
  const driver::Explanation::Kernel &first = *group.kernels.front();
  std::string where = (first.place.empty() ? "" : first.place + ": ") + first.where;
  if (std::string schedule = scheduleText(first); !schedule.empty()) {
    where += "; " + schedule;
  }
  row += "<td class=\"name\" title=\"" + escaped(where) + "\">" + escaped(group.name) + "</td>";
  row += cell(std::to_string(group.kernels.size()));
  if (group.counted) {
    double share = entrySeconds > 0 ? group.seconds / entrySeconds : 0;
    row += cell(number("%.4g", 1e-6 * group.cost.flops)) + cell(number("%.4g", 1e-6 * group.cost.bytes)) +
           cell(number("%.3g", group.cost.bytes > 0 ? group.cost.flops / group.cost.bytes : 0)) +
           cell(number("%.4g", 1e6 * group.seconds)) + cell(compute ? "compute" : "memory", "bound") +
           cell("<span class=\"bar\" style=\"width:" + number("%.1f", 6 * share) + "em\"></span> " +
                    number("%.1f%%", 100 * share),
                "text");
  } else {
    for (int i = 0; i < 6; ++i) {
      row += cell("?");
    }
  }
  return row + cell(list("taken in", group.fused) + list("not", group.notFused), "text") + "</tr>\n";
}

std::string kernelPage(const PageFacts &facts, const std::vector<KernelGroup> &groups, const Device &device) {
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(facts.title) +
                     "</title><style>" + style + "</style></head><body>\n<h1>" + escaped(facts.title) + "</h1>\n";
  for (const std::string &line : facts.lines) {
    page += "<p>" + escaped(line) + "</p>\n";
  }
  page += "<h2>Memory</h2>\n<table>";
  for (size_t i = 0; i < facts.memory.size(); ++i) {
    page += "<tr>";
    for (size_t j = 0; j < facts.memory[i].size(); ++j) {
      std::string tag = i == 0 ? "th" : "td";
      page += "<" + tag + (j == 0 ? " class=\"text\"" : "") + ">" + escaped(facts.memory[i][j]) + "</" + tag + ">";
    }
    page += "</tr>\n";
  }
  page += "</table>\n<h2>Kernels</h2>\n<p>" + escaped(device.name) + ": " + number("%.4g", 1e-9 * device.flops) +
          " GFLOP/s, " + number("%.4g", 1e-9 * device.bytes) +
          " GB/s. Times are what these allow at least, every tensor moved once.</p>\n";
  std::map<std::string, double> seconds;
  for (const KernelGroup &group : groups) {
    seconds[group.entry] += group.seconds;
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (i == 0 || groups[i - 1].entry != groups[i].entry) {
      page += "<details" + std::string(groups[i].entry == "train_step" ? " open" : "") + "><summary>" +
              escaped(groups[i].entry) + ": " + number("%.4g", 1e3 * seconds[groups[i].entry]) +
              " ms</summary>\n<table><tr><th class=\"text\">kernel</th><th>count</th><th>MFLOP</th><th>MB</th>"
              "<th>flop/byte</th><th>µs at least</th><th>bound by</th><th class=\"text\">share</th>"
              "<th class=\"text\">fusion</th></tr>\n";
    }
    page += kernelRow(groups[i], seconds[groups[i].entry], device);
    if (i + 1 == groups.size() || groups[i + 1].entry != groups[i].entry) {
      page += "</table></details>\n";
    }
  }
  return page + "</body></html>\n";
}

} // namespace mblm::cli

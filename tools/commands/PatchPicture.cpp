// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/commands/PatchPicture.h"

#include "runtime/Tokenizer.h"

#include <algorithm>
#include <cstdio>

namespace mblm::cli {

// One id as it is shown.
static std::string shown(int32_t id) {
  static const char *const marks[] = {"<pad>", "<begin>", "<end>", "<piece>"};
  if (id < rt::byteOffset) {
    return marks[id];
  }
  int32_t byte = id - rt::byteOffset;
  if (byte == '\n') {
    return "\\n";
  }
  if (byte >= ' ' && byte <= '~') {
    return std::string(1, char(byte));
  }
  char escaped[8];
  std::snprintf(escaped, sizeof escaped, "\\x%02x", unsigned(byte));
  return escaped;
}

std::string patchesAsText(const PatchedText &text, bool colours) {
  std::string out;
  size_t at = 0;
  for (size_t patch = 0; patch < text.lengths.size(); ++patch) {
    out += colours ? (patch % 2 == 0 ? "\033[30;46m" : "\033[30;43m") : (patch == 0 ? "" : "|");
    for (int32_t i = 0; i < text.lengths[patch] && at < text.ids.size(); ++i, ++at) {
      out += shown(text.ids[at]);
      if (text.ids[at] == '\n' + rt::byteOffset && !colours) {
        out += "\n";
      }
    }
    out += colours ? "\033[0m" : "";
    bool lineEnds = at > 0 && text.ids[at - 1] == '\n' + rt::byteOffset;
    out += colours && lineEnds ? "\n" : "";
  }
  return out + "\n";
}

static std::string escapedForXml(const std::string &text) {
  std::string out;
  for (char c : text) {
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return out;
}

namespace {
// Appends elements, whose places are pixels.
class Picture {
public:
  explicit Picture(std::string &out) : out(out) {}
  template <typename... Numbers>
  void add(const char *format, Numbers... numbers) {
    char line[240];
    std::snprintf(line, sizeof line, format, numbers...);
    out += line;
  }
  std::string &out;
};
} // namespace

std::string patchesAsSvg(const PatchedText &text, int64_t most) {
  constexpr double step = 14, height = 160, left = 44, top = 16;
  int64_t count = std::min<int64_t>(most, int64_t(text.ids.size()));
  double highest = 1;
  for (float entropy : text.entropies) {
    highest = std::max(highest, double(entropy));
  }
  double width = left + step * double(count) + 12;
  std::string out;
  Picture picture(out);
  picture.add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"monospace\" font-size=\"11\">\n", width,
              top + height + 40);
  out += "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  auto levelOf = [&](double entropy) { return top + height * (1 - entropy / highest); };
  size_t patch = 0;
  int64_t border = 0;
  for (int64_t i = 0; i < count; ++i) {
    double x = left + step * double(i);
    if (i == border) {
      border += patch < text.lengths.size() ? text.lengths[patch] : count;
      picture.add("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, top,
                  step * double(std::min(border, count) - i), height, patch % 2 == 0 ? "#eef6f8" : "#fdf5e6");
      ++patch;
    }
    if (i < int64_t(text.entropies.size())) { // of what follows: the bar stands before the byte that it foretells
      double y = levelOf(text.entropies[size_t(i)]);
      picture.add("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#3b7ea1\"/>\n", x + 2, y, step - 4, top + height - y);
    }
    picture.add("<text x=\"%.1f\" y=\"%.1f\" transform=\"rotate(60 %.1f %.1f)\">", x + 3, top + height + 12, x + 3, top + height + 12);
    out += escapedForXml(shown(text.ids[size_t(i)])) + "</text>\n";
  }
  for (double nats = 0; nats <= highest; nats += 1) {
    picture.add("<text x=\"4\" y=\"%.1f\">%.0f nats</text>\n", levelOf(nats) + 4, nats);
  }
  if (text.threshold && *text.threshold <= highest) {
    double y = levelOf(*text.threshold);
    picture.add("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#b22222\" stroke-dasharray=\"4 3\"/>\n", left, y, width - 12, y);
  }
  return out + "</svg>\n";
}

} // namespace mblm::cli

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nlohmann::json with a callback that watches keys and depth.
#include "runtime/Support/Json.h"

#include <algorithm>
#include <set>

namespace mblm::rt {

using nlohmann::json;

std::string lineColumn(const std::string &text, size_t offset) {
  offset = std::min(offset, text.size());
  size_t line = 1 + std::count(text.begin(), text.begin() + offset, '\n');
  size_t lineStart = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
  size_t column = lineStart == std::string::npos ? offset + 1 : offset - lineStart;
  return std::to_string(line) + ":" + std::to_string(column);
}

json parseJson(const std::string &text, const std::string &where, Exit code) {
  static constexpr size_t maxDepth = 64;
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int, json::parse_event_t event, json &value) {
    switch (event) {
    case json::parse_event_t::object_start:
    case json::parse_event_t::array_start:
      keys.emplace_back();
      if (keys.size() > maxDepth) {
        throw Error(code, where + ": JSON nested deeper than " + std::to_string(maxDepth) + " levels");
      }
      break;
    case json::parse_event_t::object_end:
    case json::parse_event_t::array_end:
      keys.pop_back();
      break;
    case json::parse_event_t::key:
      if (!keys.back().insert(value.get<std::string>()).second) {
        throw Error(code, where + ": key '" + value.get<std::string>() + "' stands twice in one object");
      }
      break;
    case json::parse_event_t::value:
      break;
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error &error) {
    size_t at = error.byte > 0 ? error.byte - 1 : 0;
    std::string reason = error.what(); // "[json.exception.parse_error.101] parse error at line 1, column 2: REASON"
    size_t colon = reason.find(": ");
    reason = colon == std::string::npos ? reason : reason.substr(colon + 2);
    // Quoting the input could carry control characters or broken UTF-8 into the message.
    std::replace_if(
        reason.begin(), reason.end(), [](unsigned char c) { return c < 32 || c > 126; }, '?');
    throw Error(code, where + ":" + lineColumn(text, at) + ": not valid JSON: " + reason);
  } catch (const json::exception &error) { // numbers out of range
    throw Error(code, where + ": not valid JSON: " + std::string(error.what()));
  }
}

static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearestName(const std::string &name, const std::vector<std::string> &candidates) {
  std::string best;
  size_t bestDistance = std::max<size_t>(2, name.size() / 2);
  for (const std::string &candidate : candidates) {
    size_t distance = name.size() > 100 ? name.size() : editDistance(name, candidate);
    if (distance <= bestDistance && (best.empty() || distance < bestDistance)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

} // namespace mblm::rt

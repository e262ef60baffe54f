// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One message per way in which a value can be wrong, the same for every field.
#include "compiler/Spec/Objects.h"

using namespace mblm;
using namespace mblm::spec;

// Insertions, deletions, replacements and swaps of neighbours.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      size_t replaced = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string mblm::spec::nearestWord(const std::string &word, const std::vector<std::string> &candidates) {
  std::string best;
  if (word.size() > 64) { // no typing error; do not spend time on it
    return best;
  }
  size_t bestDistance = SIZE_MAX;
  for (const std::string &candidate : candidates) {
    // The beginning of a word is as near as a slip of one key.
    bool begins = word.size() > 1 && candidate.compare(0, word.size(), word) == 0;
    size_t distance = begins && word != candidate ? 1 : editDistance(word, candidate);
    if (distance <= std::max(word.size(), candidate.size()) * 2 / 3 && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

std::string mblm::spec::entries(size_t count) { return std::to_string(count) + (count == 1 ? " entry" : " entries"); }

static std::string listed(const std::vector<std::string> &words) {
  std::string line;
  for (const std::string &word : words) {
    line += (line.empty() ? "" : ", ") + word;
  }
  return line;
}

void mblm::spec::checkObject(const Source &source, const Node &node, const std::string &pointer,
                           const std::string &what) {
  if (node.kind != Node::Kind::Object) {
    source.fail(node.offset, pointer, what + " is " + describe(node) + "; expected an object");
  }
}

void mblm::spec::checkKeys(const Source &source, const Node &node, const std::string &pointer, const Place &here,
                           const std::vector<Place> &elsewhere) {
  checkObject(source, node, pointer, here.what);
  auto has = [](const Place &place, const std::string &key) {
    return std::find(place.keys.begin(), place.keys.end(), key) != place.keys.end();
  };
  for (const Node::Member &member : node.members) {
    if (has(here, member.key)) {
      continue;
    }
    std::string message = "unknown key " + inQuotes(member.key) + " in " + here.what;
    std::string nearest = nearestWord(member.key, here.keys);
    auto other =
        std::find_if(elsewhere.begin(), elsewhere.end(), [&](const Place &place) { return has(place, member.key); });
    if (other != elsewhere.end()) {
      message += "; it belongs in " + other->what;
    } else if (!nearest.empty()) {
      message += "; nearest valid key is \"" + nearest + "\"";
    } else {
      message += "; valid keys are " + listed(here.keys);
    }
    source.fail(member.offset, pointer + pointerStep(member.key), message);
  }
}

static size_t characters(const std::string &text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The entries of a list of integers or words, each as a field of its own would be.
static Value takeItems(const Source &source, const Node &node, const std::string &pointer, const Facts &facts) {
  Facts item = facts;
  item.nullable = false;
  item.kind = facts.kind == Facts::Kind::Words ? Facts::Kind::Choice : Facts::Kind::Integer;
  item.min = facts.itemMin;
  item.max = facts.itemMax;
  std::vector<int64_t> values;
  for (const Node &entry : node.items) {
    std::string at = pointer + "/" + std::to_string(values.size());
    values.push_back(std::get<int64_t>(takeValue(source, entry, at, item)));
  }
  return values;
}

Value mblm::spec::takeValue(const Source &source, const Node &node, const std::string &pointer, const Facts &facts) {
  auto refuse = [&](const std::string &more = "") {
    source.fail(node.offset, pointer, facts.key + " is " + describe(node) + "; expected " + facts.expected() + more);
  };
  if (facts.nullable && node.kind == Node::Kind::Null) {
    return Value();
  }
  bool number = node.kind == Node::Kind::Integer || node.kind == Node::Kind::Real;
  switch (facts.kind) {
  case Facts::Kind::Boolean:
    if (node.kind != Node::Kind::Boolean) {
      refuse();
    }
    return Value(node.boolean);
  case Facts::Kind::Integer:
    if (node.kind != Node::Kind::Integer || node.real < facts.min || node.real > facts.max) {
      refuse();
    }
    return Value(node.integer);
  case Facts::Kind::Number:
    if (!number || node.real < facts.min || node.real > facts.max || (facts.belowMax && node.real == facts.max)) {
      refuse();
    }
    return Value(node.real);
  case Facts::Kind::Choice: {
    auto at = std::find(facts.choices.begin(), facts.choices.end(), node.text);
    if (node.kind != Node::Kind::String || at == facts.choices.end()) {
      std::string nearest = node.kind == Node::Kind::String ? nearestWord(node.text, facts.choices) : "";
      refuse(nearest.empty() || facts.choices.size() == 1 ? "" : " (nearest: \"" + nearest + "\")");
    }
    return Value(int64_t(at - facts.choices.begin()));
  }
  case Facts::Kind::Text:
    if (node.kind != Node::Kind::String) {
      refuse();
    }
    if (double(characters(node.text)) > facts.max) {
      source.fail(node.offset, pointer,
                  facts.key + " has " + std::to_string(characters(node.text)) + " characters; expected " +
                      facts.expected());
    }
    return Value(node.text);
  case Facts::Kind::Integers:
  case Facts::Kind::Words:
  case Facts::Kind::List:
    if (node.kind != Node::Kind::Array) {
      refuse();
    }
    if (double(node.items.size()) < facts.min || double(node.items.size()) > facts.max) {
      source.fail(node.offset, pointer,
                  facts.key + " has " + entries(node.items.size()) + "; expected " + facts.expected());
    }
    return facts.kind == Facts::Kind::List ? Value() : takeItems(source, node, pointer, facts);
  case Facts::Kind::Object:
    if (node.kind != Node::Kind::Object) {
      refuse();
    }
    break;
  case Facts::Kind::Any:
    break;
  }
  return Value();
}

void mblm::spec::failMissing(const Source &source, const Node &object, const std::string &pointer, const Facts &facts) {
  source.fail(object.offset, pointer, "\"" + facts.key + "\" is missing; expected " + facts.expected());
}

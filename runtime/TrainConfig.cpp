// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table below is the only list of keys: it reads them, writes them back and names the nearest one in errors.
#include "runtime/TrainConfig.h"

#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <cmath>
#include <fnmatch.h>
#include <functional>
#include <limits>

namespace mblm::rt {

using nlohmann::json;

namespace {

// Thrown by a field's reader: what was expected. The caller adds the place and the value.
struct Expected {
  std::string what;
};

struct Field {
  const char *key;
  std::function<void(TrainConfig &, const json &)> read;
  std::function<json(const TrainConfig &)> write;
};

double number(const json &value, double low, double high, const char *what) {
  if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high)) {
    throw Expected{what};
  }
  return value.get<double>();
}

Field real(const char *key, double TrainConfig::*member, double low, double high, const char *what) {
  return {key, [=](TrainConfig &c, const json &v) { c.*member = number(v, low, high, what); },
          [=](const TrainConfig &c) { return json(c.*member); }};
}

Field count(const char *key, int64_t TrainConfig::*member, int64_t low, int64_t high) {
  auto read = [=](TrainConfig &c, const json &v) {
    if (!v.is_number_integer() || v.get<double>() < double(low) || v.get<double>() > double(high)) {
      throw Expected{"a whole number from " + std::to_string(low) + " to " + std::to_string(high)};
    }
    c.*member = v.get<int64_t>();
  };
  return {key, read, [=](const TrainConfig &c) { return json(c.*member); }};
}

Field choice(const char *key, std::string TrainConfig::*member, const char *first, const char *second) {
  auto read = [=](TrainConfig &c, const json &v) {
    if (v != first && v != second) {
      throw Expected{std::string("\"") + first + "\" or \"" + second + "\""};
    }
    c.*member = v.get<std::string>();
  };
  return {key, read, [=](const TrainConfig &c) { return json(c.*member); }};
}

constexpr double huge = 1e30;
constexpr int64_t manySteps = int64_t(1) << 40;

void readLr(TrainConfig &c, const json &v) {
  const char *what = "a number from 0, or a list with one for each step";
  if (!v.is_array()) {
    c.lr = number(v, 0, huge, what);
    return;
  }
  for (const json &item : v) {
    c.lrPerStep.push_back(number(item, 0, huge, what));
  }
  if (v.empty()) {
    throw Expected{what};
  }
}

void readBetas(TrainConfig &c, const json &v) {
  const char *what = "two numbers from 0 to below 1";
  if (!v.is_array() || v.size() != 2) {
    throw Expected{what};
  }
  c.beta1 = number(v[0], 0, std::nextafter(1.0, 0.0), what);
  c.beta2 = number(v[1], 0, std::nextafter(1.0, 0.0), what);
}

void readNoDecay(TrainConfig &c, const json &v) {
  bool strings = v.is_array() && std::all_of(v.begin(), v.end(), [](const json &item) { return item.is_string(); });
  if (!strings) {
    throw Expected{"a list of parameter names or globs"};
  }
  c.noDecay = v.get<std::vector<std::string>>();
}

void readSeed(TrainConfig &c, const json &v) {
  if (!v.is_number_unsigned()) {
    throw Expected{"a whole number from 0 to 18446744073709551615"};
  }
  c.seed = v.get<uint64_t>();
}

const std::vector<Field> &fields() {
  using C = TrainConfig;
  static const std::vector<Field> table = {
      choice("optimizer", &C::optimizer, "adam", "adamw"),
      {"lr", readLr, [](const C &c) { return c.lrPerStep.empty() ? json(c.lr) : json(c.lrPerStep); }},
      choice("schedule", &C::schedule, "constant", "cosine"),
      count("warmup_steps", &C::warmupSteps, 0, manySteps),
      real("min_lr_ratio", &C::minLrRatio, 0, 1, "a number from 0 to 1"),
      {"betas", readBetas,
       [](const C &c) {
         return json::array({c.beta1, c.beta2});
       }},
      real("eps", &C::eps, std::numeric_limits<double>::min(), 1, "a number above 0, at most 1"),
      real("weight_decay", &C::weightDecay, 0, huge, "a number from 0"),
      {"no_decay", readNoDecay, [](const C &c) { return json(c.noDecay); }},
      real("clip_norm", &C::clipNorm, 0, huge, "a number from 0 (0: off)"),
      count("accumulate", &C::accumulate, 1, 1 << 24),
      count("batch", &C::batch, 1, (1 << 24) - 1),
      count("length", &C::length, 1, manySteps),
      {"seed", readSeed, [](const C &c) { return json(c.seed); }},
      count("eval_every", &C::evalEvery, 0, manySteps),
      count("eval_bytes", &C::evalBytes, 0, manySteps),
      real("eval_fraction", &C::evalFraction, 0, 0.9, "a number from 0 to 0.9"),
      count("save_every", &C::saveEvery, 0, manySteps),
  };
  return table;
}

// ":LINE:COLUMN" of a key in a flat object whose text parsed.
std::string keyPlace(const std::string &text, const std::string &key) {
  std::string quoted = "\"" + key + "\"";
  for (size_t at = text.find(quoted); at != std::string::npos; at = text.find(quoted, at + 1)) {
    size_t next = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (next != std::string::npos && text[next] == ':') {
      return ":" + lineColumn(text, at);
    }
  }
  return ""; // spelled with escapes
}

} // namespace

TrainConfig parseTrainConfig(const std::string &text, const std::string &where) {
  json object = parseJson(text, where, Exit::BadInput);
  if (!object.is_object()) {
    throw Error(Exit::BadInput, where + ":1:1: expected an object with training settings");
  }
  TrainConfig config;
  for (const auto &item : object.items()) {
    const std::string &key = item.key();
    const json &value = item.value();
    auto field = std::find_if(fields().begin(), fields().end(), [&](const Field &f) { return f.key == key; });
    if (field == fields().end()) {
      std::vector<std::string> keys;
      for (const Field &f : fields()) {
        keys.push_back(f.key);
      }
      std::string nearest = nearestName(key, keys);
      std::string shown = json(key).dump(-1, ' ', true);
      throw Error(Exit::BadInput, where + keyPlace(text, key) + ": unknown setting " + shown +
                                      (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
    }
    try {
      field->read(config, value);
    } catch (const Expected &expected) {
      throw Error(Exit::BadInput, where + keyPlace(text, key) + ": \"" + key + "\" expects " + expected.what +
                                      ", got " + value.dump(-1, ' ', true).substr(0, 60));
    }
  }
  if (!config.lrPerStep.empty() && (config.schedule != "constant" || config.warmupSteps > 0)) {
    throw Error(Exit::BadInput, where + keyPlace(text, "lr") +
                                    ": \"lr\" as a list sets every step; leave out \"schedule\" and \"warmup_steps\"");
  }
  return config;
}

TrainConfig readTrainConfig(const std::string &path) { return parseTrainConfig(readTextFile(path, 64 << 20), path); }

std::string trainConfigText(const TrainConfig &config) {
  json object;
  for (const Field &field : fields()) {
    object[field.key] = field.write(config);
  }
  return object.dump();
}

double learningRate(const TrainConfig &config, int64_t step, int64_t steps, double timeUsed) {
  if (!config.lrPerStep.empty()) {
    return config.lrPerStep.at(step);
  }
  int64_t warmup = config.warmupSteps;
  if (step < warmup) {
    return config.lr * double(step + 1) / double(warmup);
  }
  if (config.schedule == "constant") {
    return config.lr;
  }
  double done = steps > warmup ? double(step - warmup) / double(steps - warmup) : 1;
  double part = std::min(1.0, std::max(done, timeUsed));
  double wave = 0.5 * (1 + std::cos(3.141592653589793 * part));
  return config.lr * (config.minLrRatio + (1 - config.minLrRatio) * wave);
}

std::vector<float> decayFlags(const TrainConfig &config, const std::vector<std::string> &names) {
  std::vector<float> flags(names.size(), 1.0f);
  for (const std::string &pattern : config.noDecay) {
    bool used = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (fnmatch(pattern.c_str(), names[i].c_str(), 0) == 0) {
        flags[i] = 0;
        used = true;
      }
    }
    if (!used) {
      std::string nearest = nearestName(pattern, names);
      throw Error(Exit::BadInput, "no_decay pattern '" + pattern + "' fits no parameter" +
                                      (nearest.empty() ? "" : "; the nearest name is '" + nearest + "'"));
    }
  }
  return flags;
}

} // namespace mblm::rt

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/Plan.h"

#include "runtime/ABI.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Json.h"

#include <algorithm>

namespace mblm::rt::gpu {

using nlohmann::json;

static LinearSize formOf(const json &value, size_t first = 0) {
  LinearSize size;
  for (size_t i = 0; i < size.coefficients.size() && first + i < value.size(); ++i) {
    size.coefficients[i] = value.at(first + i).get<int64_t>();
  }
  return size;
}

static PlannedLaunch readLaunch(const json &value, const std::string &where) {
  PlannedLaunch launch;
  launch.kernel = value.at("kernel").get<std::string>();
  launch.from = value.at("from").get<std::string>();
  launch.grid = formOf(value.at("grid"));
  launch.divisor = value.at("divisor").get<int64_t>();
  launch.y = value.at("y").get<int64_t>();
  launch.threads = value.at("threads").get<int64_t>();
  launch.sharedBytes = value.at("shared").get<int64_t>();
  bool bad = launch.divisor < 1 || launch.y < 1 || launch.threads < 1 || launch.sharedBytes < 0;
  for (const json &argument : value.at("arguments")) {
    launch.arguments.push_back({argument.at(0).get<int>(), formOf(argument, 1)});
    bad = bad || launch.arguments.back().slot < 0 || launch.arguments.back().slot >= MBLM_SLOTS;
  }
  for (const json &described : value.at("maps")) {
    PlannedMap map;
    map.tensor = described.at("tensor").get<int64_t>();
    map.offset = formOf(described.at("offset"));
    map.rows = formOf(described.at("rows"));
    map.columns = described.at("columns").get<int64_t>();
    map.tileRows = described.at("tile").at(0).get<int64_t>();
    map.tileColumns = described.at("tile").at(1).get<int64_t>();
    if (described.contains("matrices")) {
      map.matrices = formOf(described["matrices"]);
    }
    bad = bad || map.tensor < 0 || map.tensor >= int64_t(launch.arguments.size()) || map.columns < 1 || map.tileRows < 1 ||
          map.tileColumns < 1;
    launch.maps.push_back(map);
  }
  if (bad) {
    throw Error(Exit::Integrity, where + ": metadata: launch of '" + launch.kernel + "' is damaged");
  }
  return launch;
}

Plan readPlan(const json &value, const std::string &where) {
  Plan plan;
  plan.pieces = value.at("pieces").get<int64_t>();
  for (const auto &[name, described] : value.at("entries").items()) {
    PlannedEntry &entry = plan.entries[name];
    entry.arena = formOf(described.at("arena"));
    if (described.contains("ids")) {
      entry.ids = formOf(described["ids"]);
    }
    if (described.contains("output")) {
      entry.output = formOf(described["output"]);
    }
    for (const json &launch : described.at("launches")) {
      entry.launches.push_back(readLaunch(launch, where));
    }
  }
  return plan;
}

std::vector<int64_t> pieceTable(const ModelInfo &info) {
  std::vector<int64_t> table;
  for (size_t number = 0; number < info.parameters.size(); ++number) {
    const Parameter &p = info.parameters[number];
    for (int64_t at = 0; at < p.elements(); at += MBLM_PIECE_FLOATS) {
      table.insert(table.end(),
                   {p.offset + at, std::min<int64_t>(MBLM_PIECE_FLOATS, p.elements() - at), int64_t(number)});
    }
  }
  return table;
}

} // namespace mblm::rt::gpu

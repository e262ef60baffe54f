// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/Plan.h"

#include "runtime/ABI.h"
#include "runtime/Metadata.h"
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

static Argument argumentOf(const json &value) { return {value.at(0).get<int>(), formOf(value, 1)}; }

static bool isBuffer(const Argument &argument, size_t tensors) {
  return argument.slot >= 0 && argument.slot < MBLM_SLOTS + int(tensors);
}

static PlannedLoop readLoop(const json &value, const std::string &where) {
  PlannedLoop loop;
  loop.arena = argumentOf(value.at("arena"));
  bool bad = !isBuffer(loop.arena, 0);
  for (const json &tensor : value.at("tensors")) {
    loop.tensors.push_back({argumentOf(tensor.at("at")), tensor.at("slot").get<int64_t>()});
    bad = bad || !isBuffer(loop.tensors.back().at, 0) || loop.tensors.back().elements < 0;
  }
  if (bad) {
    throw Error(Exit::Integrity, where + ": metadata: a loop over pieces is damaged");
  }
  return loop;
}

static Element elementOf(const json &value) { return value.get<std::string>() == "bf16" ? Element::BF16 : Element::F32; }

static PlannedProduct readProduct(const json &value) {
  PlannedProduct product;
  auto tensor = [&](const char *name) {
    return value.contains(name) ? std::optional(value[name].get<int64_t>()) : std::nullopt;
  };
  product.left = value.at("left").get<int64_t>();
  product.right = value.at("right").get<int64_t>();
  product.result = value.at("result").get<int64_t>();
  product.addend = tensor("addend");
  product.bias = tensor("bias");
  product.rows = formOf(value.at("rows"));
  product.columns = formOf(value.at("columns"));
  product.depth = formOf(value.at("depth"));
  product.leftDepthInside = value.at("left_depth").get<std::string>() == "inside";
  product.rightDepthInside = value.at("right_depth").get<std::string>() == "inside";
  product.element = elementOf(value.at("element"));
  product.resultElement = elementOf(value.at("result_element"));
  product.gelu = value.at("activation").get<std::string>() == "gelu_tanh";
  product.rounded = value.at("compute").get<std::string>() == "tf32";
  product.launches = value.at("launches").get<int64_t>();
  product.least = value.at("least").get<int64_t>();
  return product;
}

static bool isSound(const PlannedProduct &product, int64_t arguments) {
  auto isArgument = [&](int64_t number) { return number >= 0 && number < arguments; };
  return isArgument(product.left) && isArgument(product.right) && isArgument(product.result) &&
         isArgument(product.addend.value_or(0)) && isArgument(product.bias.value_or(0)) && product.launches >= 1;
}

static PlannedLaunch readLaunch(const json &value, const std::vector<PlannedLoop> &loops, const std::string &where) {
  PlannedLaunch launch;
  launch.kernel = value.at("kernel").get<std::string>();
  launch.from = value.at("from").get<std::string>();
  launch.grid = formOf(value.at("grid"));
  launch.divisor = value.at("divisor").get<int64_t>();
  launch.y = value.at("y").get<int64_t>();
  launch.threads = value.at("threads").get<int64_t>();
  launch.sharedBytes = value.at("shared").get<int64_t>();
  bool bad = launch.divisor < 1 || launch.y < 1 || launch.threads < 1 || launch.sharedBytes < 0;
  if (value.contains("loop")) {
    launch.loop = value["loop"].get<size_t>();
    bad = bad || *launch.loop >= loops.size();
  }
  size_t tensors = launch.loop && !bad ? loops[*launch.loop].tensors.size() : 0;
  for (const json &argument : value.at("arguments")) {
    launch.arguments.push_back(argumentOf(argument));
    bad = bad || !isBuffer(launch.arguments.back(), tensors);
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
  if (value.contains("product")) {
    launch.product = readProduct(value["product"]);
    bad = bad || !isSound(*launch.product, int64_t(launch.arguments.size()));
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
    for (auto [size, name] : {std::pair{&entry.ids, "ids"}, {&entry.output, "output"}, {&entry.lengths, "lengths"},
                              {&entry.targets, "targets"}, {&entry.ranges, "ranges"}, {&entry.entropies, "entropies"}}) {
      if (described.contains(name)) {
        *size = formOf(described[name]);
      }
    }
    if (described.contains("step")) {
      entry.inputs = readStepInputs(described["step"]);
    }
    for (const json &loop : described.at("loops")) {
      entry.loops.push_back(readLoop(loop, where));
    }
    for (const json &launch : described.at("launches")) {
      entry.launches.push_back(readLaunch(launch, entry.loops, where));
    }
    for (const json &launch : described.at("narrow")) {
      entry.narrow.push_back(readLaunch(launch, {}, where));
    }
    for (size_t n = 0; n < entry.launches.size(); ++n) {
      const std::optional<PlannedProduct> &product = entry.launches[n].product;
      if (product && uint64_t(product->launches) > entry.launches.size() - n) {
        throw Error(Exit::Integrity, where + ": metadata: product in the place of '" + entry.launches[n].kernel + "' is damaged");
      }
    }
  }
  return plan;
}

bool PlannedEntry::hasProducts() const {
  return std::any_of(launches.begin(), launches.end(), [](const PlannedLaunch &launch) { return launch.product.has_value(); });
}

ProductCall PlannedProduct::call(const std::vector<void *> &pointers, const Shape &shape, const std::string &what) const {
  ProductCall call;
  call.left = pointers[left];
  call.right = pointers[right];
  call.result = pointers[result];
  call.addend = addend ? pointers[*addend] : nullptr;
  call.bias = bias ? pointers[*bias] : nullptr;
  call.rows = rows.at(shape, what);
  call.columns = columns.at(shape, what);
  call.depth = depth.at(shape, what);
  call.leftDepthInside = leftDepthInside;
  call.rightDepthInside = rightDepthInside;
  call.leftStride = leftDepthInside ? call.depth : call.rows;
  call.rightStride = rightDepthInside ? call.depth : call.columns;
  call.resultStride = call.columns;
  call.element = element;
  call.resultElement = resultElement;
  call.gelu = gelu;
  call.rounded = rounded;
  call.from = what;
  return call;
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

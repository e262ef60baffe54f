// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the metadata with every field checked: an artifact may be damaged or of another version.
#include "runtime/Metadata.h"

#include "runtime/ABI.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Memory.h"

namespace mblm::rt {

using nlohmann::json;

int64_t EntrySizes::bytes(const Shape &shape, int threads, const std::string &what) const {
  int64_t floats = scratch.at(shape, what);
  if (__builtin_mul_overflow(floats, threads, &floats) ||
      __builtin_add_overflow(floats, arena.at(shape, what), &floats) || __builtin_add_overflow(floats, copies, &floats) ||
      __builtin_mul_overflow(floats, int64_t(sizeof(float)), &floats)) {
    throw Error(Exit::Resource, what + " needs more memory than can be counted");
  }
  return floats;
}

int64_t EntrySizes::chargedBytes(const Shape &shape, int threads, const std::string &what) const {
  (void)bytes(shape, threads, what); // refuses what cannot be counted
  return bufferBytes(arena.at(shape, what), what) + threads * bufferBytes(scratch.at(shape, what), what) +
         (copies > 0 ? bufferBytes(copies, what) : 0);
}

int64_t trainingBufferBytes(const ModelInfo &info) { return 4 * bufferBytes(info.parameterElements, info.name); }

int64_t largestPiece(const EntrySizes &sizes, Shape shape, int threads, int64_t maximum, const std::string &what) {
  int64_t all;
  if (__builtin_mul_overflow(shape.batch, shape.slots, &all)) {
    return 1;
  }
  auto fits = [&](int64_t piece) {
    shape.piece = piece;
    return sizes.chargedBytes(shape, threads, what) <= maximum;
  };
  if (!sizes.byPieces() || fits(all)) {
    return all;
  }
  int64_t piece = 1;
  while (2 * piece < all && fits(2 * piece)) {
    piece *= 2;
  }
  return piece;
}

static LinearSize linearSize(const json &value) {
  LinearSize size;
  constexpr size_t withoutPatches = 5;
  if (value.size() != size.coefficients.size() && value.size() != withoutPatches) {
    throw json::other_error::create(
        501, "a linear size has " + std::to_string(withoutPatches) + " or " + std::to_string(size.coefficients.size()) + " coefficients",
        nullptr);
  }
  for (size_t i = 0; i < value.size(); ++i) {
    size.coefficients[i] = value.at(i).get<int64_t>();
  }
  return size;
}

static StateTensor readState(const json &value, const std::string &where) {
  StateTensor state;
  state.name = value.at("name").get<std::string>();
  state.positions.more = value.at("positions").at(0).get<int64_t>();
  state.positions.perSlot = value.at("positions").at(1).get<int64_t>();
  state.perPatch = value.value("per_patch", 0) != 0;
  state.width = value.at("width").get<int64_t>();
  state.offset = linearSize(value.at("offset"));
  bool negative = state.positions.more < 0 || state.positions.perSlot < 0 || state.width < 1;
  for (int64_t n : state.offset.coefficients) {
    negative = negative || n < 0;
  }
  if (negative) {
    throw Error(Exit::Integrity, where + ": metadata: state '" + state.name + "' has a negative size");
  }
  return state;
}

static PatchRule readPatchRule(const json &value) {
  PatchRule rule;
  rule.mode = PatchRule::Mode(value.at("mode").get<int>());
  rule.size = value.at("size").get<int64_t>();
  rule.lead = value.at("lead").get<int64_t>();
  rule.firstAlone = true;
  rule.threshold = value.at("threshold").get<float>();
  if (value.contains("threshold_add")) {
    rule.thresholdAdd = value["threshold_add"].get<float>();
  }
  rule.monotonic = value.at("monotonic").get<bool>();
  rule.maxLength = value.at("max_length").get<int64_t>();
  return rule;
}

StepInputs readStepInputs(const json &step) {
  StepInputs inputs;
  inputs.ids = step.value("ids", int64_t(0));
  for (const json &range : step.value("ranges", json::array())) {
    inputs.ranges.push_back({range.at("kind").get<std::string>(), range.at("numbers").get<int64_t>(), range.at("rows").get<int64_t>(),
                             range.at("window").get<int64_t>(), range.at("end").get<int64_t>()});
  }
  return inputs;
}

static PreparedCopies readPrepared(const json &value, int64_t parameters, const std::string &where) {
  PreparedCopies prepared;
  prepared.floats = value.at("floats").get<int64_t>();
  if (prepared.floats < 1) {
    throw Error(Exit::Integrity, where + ": metadata: copies of weights take " + std::to_string(prepared.floats) + " floats, expected at least 1");
  }
  for (const json &item : value.at("quantized")) {
    PreparedCopies::Quantized weight{item.at("offset").get<int64_t>(), item.at("rows").get<int64_t>(), item.at("columns").get<int64_t>(),
                                    item.at("numbers").get<int64_t>(), item.at("scales").get<int64_t>()};
    auto inside = [](int64_t begin, int64_t count, int64_t total) { return begin >= 0 && count <= total - begin; };
    int64_t elements;
    if (weight.rows < 1 || weight.columns < 1 || __builtin_mul_overflow(weight.rows, weight.columns, &elements) ||
        !inside(weight.offset, elements, parameters) || !inside(weight.numbers, (elements + 3) / 4, prepared.floats) ||
        !inside(weight.scales, weight.rows, prepared.floats)) {
      throw Error(Exit::Integrity, where + ": metadata: the int8 copy of the weight at " + std::to_string(weight.offset) +
                                       " lies outside its buffer of " + std::to_string(prepared.floats) + " floats");
    }
    prepared.quantized.push_back(weight);
  }
  return prepared;
}

static Parameter readParameter(const json &value, int64_t total, const std::string &where) {
  Parameter p;
  p.name = value.at("name").get<std::string>();
  p.shape = value.at("shape").get<std::vector<int64_t>>();
  p.offset = value.at("offset").get<int64_t>();
  p.init = value.at("init").get<std::string>();
  p.scale = value.value("scale", 0.0);
  p.low = value.value("low", 0.0);
  p.high = value.value("high", 0.0);
  p.zeroRow = value.value("zero_row", int64_t(-1));
  int64_t elements = 1;
  bool bad = p.offset < 0 || p.shape.empty() || p.zeroRow >= p.shape[0];
  for (int64_t d : p.shape) {
    bad = bad || d < 1 || __builtin_mul_overflow(elements, d, &elements);
  }
  if (bad || elements > total - p.offset) {
    throw Error(Exit::Integrity, where + ": metadata: parameter '" + p.name + "' lies outside the buffer of " +
                                     std::to_string(total) + " floats");
  }
  return p;
}

static ModelInfo readInfo(const json &meta, const std::string &where) {
  ModelInfo info;
  info.name = meta.at("name").get<std::string>();
  info.vocab = meta.at("vocab").get<int64_t>();
  if (meta.contains("pad")) {
    info.pad = meta["pad"].get<int64_t>();
  }
  info.inner = meta.at("inner").get<int64_t>();
  info.maxSlots = meta.at("max_slots").get<int64_t>();
  info.maxLength = meta.at("max_length").get<int64_t>();
  info.startToken = meta.at("start_token").get<bool>();
  info.hiddenDim = meta.at("hidden_dim").get<int64_t>();
  info.stageLengths = meta.at("stage_lengths").get<std::vector<int64_t>>();
  info.names = meta.at("names").get<std::string>();
  info.spec = meta.at("spec").get<std::string>();
  info.ignorable = meta.at("ignorable").get<std::vector<std::string>>();
  info.documentEnd = meta.value("document_end", int64_t(-1));
  info.firstByte = meta.value("first_byte", int32_t(0));
  info.prefix = meta.value("prefix", int64_t(0));
  if (meta.contains("mask")) {
    info.maskToken = meta["mask"].at("token").get<int64_t>();
    info.maskProbability = meta["mask"].at("probability").get<double>();
  }
  info.patched = meta.contains("patches");
  if (info.patched) {
    info.patchRule = readPatchRule(meta["patches"]);
    info.mostPatches = meta["patches"].at("most").get<int64_t>();
  }
  info.parameterElements = meta.at("parameter_elements").get<int64_t>();
  for (const json &p : meta.at("parameters")) {
    info.parameters.push_back(readParameter(p, info.parameterElements, where));
  }
  bool padOutside = info.pad && (*info.pad < 0 || *info.pad >= info.vocab);
  if (info.vocab < 1 || info.inner < 1 || info.maxSlots < 0 || info.maxLength < 0 || info.hiddenDim < 0 || padOutside ||
      info.prefix < 0 || (info.prefix > 0 && info.inner > 1) || info.maskToken >= info.vocab ||
      info.parameterElements < 0 || (info.inner > 1 && !info.pad)) {
    throw Error(Exit::Integrity, where + ": metadata: sizes contradict each other");
  }
  return info;
}

static NativeCode readNativeCode(const json &value, int64_t parameters, const std::string &where) {
  NativeCode code;
  code.level = value.at("level").get<std::string>();
  code.suffix = value.value("suffix", "");
  if (value.contains("prepared")) {
    code.prepared = readPrepared(value["prepared"], parameters, where);
  }
  for (const auto &[name, sizes] : value.at("entries").items()) {
    code.entries[name] = {linearSize(sizes.at("arena")), linearSize(sizes.at("scratch")), readStepInputs(sizes),
                          sizes.value("prepared", 0) != 0 ? code.prepared.floats : 0};
  }
  int64_t before = -1; // the `pieces` of the kernel before
  for (const json &kernel : value.at("kernels")) {
    std::vector<Launches> &launches = code.launches[kernel.at("entry").get<std::string>()];
    int64_t group = kernel.value("pieces", int64_t(-1));
    if (launches.empty() || group != before) {
      launches.push_back({group >= 0, {}});
    }
    launches.back().names.push_back(kernel.at("name").get<std::string>());
    before = group;
  }
  return code;
}

Metadata parseMetadata(const std::string &text, const std::string &where) {
  json meta = parseJson(text, where + ": metadata", Exit::Integrity);
  try {
    int64_t abi = meta.at("abi").get<int64_t>();
    if (abi != MBLM_ABI) {
      throw Error(Exit::Integrity, where + ": made for runtime ABI " + std::to_string(abi) + ", this runtime has " +
                                       std::to_string(MBLM_ABI) + "; compile the spec again");
    }
    Metadata result;
    result.info = readInfo(meta, where);
    for (const json &code : meta.at("levels")) {
      result.levels.push_back(readNativeCode(code, result.info.parameterElements, where));
    }
    if (result.levels.empty()) {
      throw Error(Exit::Integrity, where + ": metadata: 'levels' is empty, expected at least one");
    }
    for (const json &state : meta.at("states")) {
      result.states.push_back(readState(state, where));
    }
    if (meta.contains("gpu")) {
      for (const auto &[architecture, plan] : meta["gpu"].items()) {
        result.gpu[architecture] = gpu::readPlan(plan, where);
      }
    }
    return result;
  } catch (const json::exception &error) {
    throw Error(Exit::Integrity, where + ": metadata: " + error.what());
  }
}

} // namespace mblm::rt

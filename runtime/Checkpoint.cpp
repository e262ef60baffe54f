// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Order of writing: files, manifest, folder sync, rename, parent sync. Order of reading: manifest, hashes, names,
// values.
#include "runtime/Checkpoint.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Hash.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <filesystem>

namespace mblm::rt {

namespace fs = std::filesystem;
using nlohmann::json;

static const char *const fileNames[] = {"weights.safetensors", "optimizer.safetensors", "state.json"};
static const std::string prefix = "checkpoint-";
static constexpr int64_t smallFile = 64 << 20;

std::string specHash(const ModelInfo &info) {
  json spec = json::parse(info.spec, nullptr, false);
  std::string text = spec.is_discarded() ? info.spec : spec.dump(); // sorted keys, no layout
  return hexText(hash64(text.data(), text.size()));
}

std::string CheckpointStore::path(int64_t step) const { return folder + "/" + prefix + std::to_string(step); }

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::string digits = name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : "";
    bool number = !digits.empty() && digits.size() <= 18 &&
                  std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number && std::to_string(std::stoll(digits)) == digits) {
      found.push_back(std::stoll(digits));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

static void writeFiles(Model &model, const TrainState &state, const std::string &at) {
  writeSafetensors(at + "/" + fileNames[0], model.tensors(Flat::Params));
  std::vector<TensorView> moments = model.tensors(Flat::M, "m.");
  std::vector<TensorView> second = model.tensors(Flat::V, "v.");
  moments.insert(moments.end(), second.begin(), second.end());
  writeSafetensors(at + "/" + fileNames[1], moments);
  json fields = {
      {"step", state.step}, {"seed", state.seed}, {"spec_hash", state.specHash}, {"config", json::parse(state.config)}};
  writeTextFile(at + "/" + fileNames[2], fields.dump(1) + "\n");

  json manifest = {{"format", 1}};
  for (const char *name : fileNames) {
    std::string file = at + "/" + name;
    manifest["files"][name] = {{"size", InputFile(file).size()}, {"hash", hexText(hashFile(file))}};
  }
  writeTextFile(at + "/MANIFEST.json", manifest.dump(1) + "\n");
}

void CheckpointStore::save(Model &model, const TrainState &state) {
  std::string target = path(state.step);
  std::string temporary = folder + "/." + prefix + std::to_string(state.step) + ".new";
  std::string old = folder + "/." + prefix + std::to_string(state.step) + ".old";
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  fs::remove_all(old, ignored);
  try {
    makeFolder(temporary);
    writeFiles(model, state, temporary);
    syncFolder(temporary);
    if (fs::exists(target)) {
      fs::rename(target, old);
    }
    fs::rename(temporary, target);
    syncFolder(folder);
  } catch (const fs::filesystem_error &error) {
    fs::remove_all(temporary, ignored);
    throw Error(Exit::FileIO, "cannot save '" + target + "': " + error.code().message());
  } catch (const Error &) {
    fs::remove_all(temporary, ignored);
    throw;
  }
  fs::remove_all(old, ignored);
  removeOthers(state.step);
  previous = state.step;
}

void CheckpointStore::removeOthers(int64_t step) {
  std::error_code ignored; // what cannot be removed is merely left
  for (int64_t other : steps()) {
    if (other != step && other != previous) {
      fs::remove_all(path(other), ignored);
    }
  }
  std::vector<fs::path> leftovers; // of runs that were killed while saving
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().filename().string().rfind("." + prefix, 0) == 0) {
      leftovers.push_back(it->path());
    }
  }
  for (const fs::path &leftover : leftovers) {
    fs::remove_all(leftover, ignored);
  }
}

// Throws Error(Integrity) or Error(FileIO) unless every file is as the manifest says.
static void verifyFiles(const std::string &at) {
  std::string where = at + "/MANIFEST.json";
  json manifest = parseJson(readTextFile(where, smallFile), where, Exit::Integrity);
  for (const char *name : fileNames) {
    std::string file = at + "/" + name;
    bool same;
    try {
      const json &entry = manifest.at("files").at(name);
      same = InputFile(file).size() == entry.at("size").get<int64_t>() &&
             hexText(hashFile(file)) == entry.at("hash").get<std::string>();
    } catch (const json::exception &error) {
      throw Error(Exit::Integrity, where + ": " + error.what());
    }
    if (!same) {
      throw Error(Exit::Integrity, "'" + file + "' is not what the checkpoint's manifest says (damaged or cut short)");
    }
  }
}

static TrainState readState(const std::string &at) {
  std::string where = at + "/state.json";
  json fields = parseJson(readTextFile(where, smallFile), where, Exit::Integrity);
  try {
    return {fields.at("step").get<int64_t>(), fields.at("seed").get<uint64_t>(),
            fields.at("spec_hash").get<std::string>(), fields.at("config").dump()};
  } catch (const json::exception &error) {
    throw Error(Exit::Integrity, where + ": " + error.what());
  }
}

static void requireFit(const ModelInfo &info, const SafetensorsFile &file, const std::string &before) {
  WeightsReport report = compareWeights(info, file, before);
  if (!report.missing.empty() || !report.wronglyShaped.empty()) {
    throw Error(Exit::Integrity, "'" + file.path() + "' does not fit the model: " + report.line());
  }
}

std::optional<TrainState> CheckpointStore::load(Model &model, const Warn &warn) {
  std::vector<int64_t> found = steps();
  std::string lastReason;
  for (auto step = found.rbegin(); step != found.rend(); ++step) {
    std::string at = path(*step);
    try {
      verifyFiles(at);
      TrainState state = readState(at);
      if (state.specHash != specHash(model.info())) {
        throw Error(Exit::BadInput, "'" + at + "' was saved by another model than '" + model.info().name +
                                        "'; train into another folder or without --resume");
      }
      SafetensorsFile weights(at + "/" + fileNames[0]);
      SafetensorsFile moments(at + "/" + fileNames[1]);
      requireFit(model.info(), weights, "");
      requireFit(model.info(), moments, "m.");
      requireFit(model.info(), moments, "v.");
      model.readFlat(Flat::Params, weights);
      model.readFlat(Flat::M, moments, "m.");
      model.readFlat(Flat::V, moments, "v.");
      previous = *step;
      return state;
    } catch (const Error &error) {
      if (error.code != Exit::Integrity && error.code != Exit::FileIO) {
        throw;
      }
      lastReason = error.what();
      warn("passing over '" + at + "': " + lastReason);
    }
  }
  if (found.empty()) {
    return std::nullopt;
  }
  throw Error(Exit::Integrity, "none of the " + std::to_string(found.size()) + " checkpoints in '" + folder +
                                   "' is whole (" + lastReason + "); train without --resume to start over");
}

} // namespace mblm::rt

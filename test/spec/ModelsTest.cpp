// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every spec that is shipped can be read, and is written without loss; the published schema is the one of the table.
#include "compiler/Spec/Parameters.h"
#include "test/spec/Refusal.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace mblm::spec;

namespace {

std::string contents(const std::string &path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> modelFiles() {
  std::vector<std::string> files;
  for (const auto &entry : std::filesystem::directory_iterator("models")) {
    if (entry.path().extension() == ".json" && entry.path().filename() != "schema.json") {
      files.push_back(entry.path().string());
    }
  }
  return files;
}

int64_t count(const std::string &path) {
  int64_t total = 0;
  for (const Parameter &parameter : listParameters(readSpec(path))) {
    total += parameter.elements();
  }
  return total;
}

TEST(Models, ReadAndWrittenWithoutLoss) {
  std::vector<std::string> files = modelFiles();
  EXPECT_GE(files.size(), 58u);
  for (const std::string &file : files) {
    SCOPED_TRACE(file);
    Spec spec = readSpec(file);
    std::string written = writeSpec(spec);
    Spec again = parseSpec(written, "again.json");
    EXPECT_EQ(writeSpec(again), written);
    std::vector<Parameter> before = listParameters(spec);
    std::vector<Parameter> after = listParameters(again);
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(before[i].name, after[i].name);
      EXPECT_EQ(before[i].shape, after[i].shape);
    }
    // What a file says in words stands in the canonical form unchanged.
    nlohmann::json said = nlohmann::json::parse(contents(file));
    nlohmann::json canonical = nlohmann::json::parse(written);
    for (const auto &[key, value] : said.items()) {
      if (value.is_object()) {
        for (const auto &[inner, part] : value.items()) {
          EXPECT_EQ(canonical.at(key).at(inner), part) << key << "/" << inner;
        }
      } else if (key != "stages") {
        EXPECT_EQ(canonical.at(key), value) << key;
      }
    }
    for (size_t i = 0; i < said["stages"].size(); ++i) {
      const nlohmann::json &stage = said["stages"][i];
      for (size_t l = 0; l < stage["layers"].size(); ++l) {
        for (const auto &[key, value] : stage["layers"][l].items()) {
          EXPECT_EQ(canonical["stages"][i]["layers"][l].at(key), value) << key;
        }
      }
    }
  }
}

// The counts of models/README.md. That of mblm-360m-1d-t is published.
TEST(Models, ParameterCounts) {
  const std::map<std::string, int64_t> counts = {
      {"mblm-360m-1d-t", 361451776},        {"mblm-360m-2d-tt", 361752832},    {"mblm-360m-3d-ttt", 362211584},
      {"mblm-360m-3d", 363163904},          {"megabyte-758m-262m", 967948544}, {"megabyte-1.3b-350m", 1546948864},
      {"byte-transformer-320m", 315278592}, {"quickstart", 2004929},           {"mambabyte-353m", 353945600},
      {"mambabyte-972m", 973934080},        {"mambabyte-1.6b", 1606095360},    {"mblm-350m-3d-5m", 350049052},
      {"blt-400m", 2872692480},             {"blt-1b", 4533879808},            {"blt-2b", 5323750400},
      {"blt-4b", 7332647936},               {"blt-8b", 10553570560},           {"blt-entropy", 99512064},
      {"perceiver-ar-248m", 248069120},
  };
  for (const auto &[name, total] : counts) {
    EXPECT_EQ(count("models/" + name + ".json"), total) << name;
  }
}

// What MBLM's published configurations count with either Mamba.
TEST(Models, PublishedCountsWithEitherMamba) {
  const std::map<std::string, std::pair<int64_t, int64_t>> counts = {
      {"mblm-360m-2d-mm", {360850560, 400073984}},
      {"mblm-360m-2d-mt", {358898528, 377755904}},
      {"mblm-360m-3d-mtt", {362870112, 369658112}},
      {"mblm-360m-1d-m", {356983616, 397716736}},
  };
  for (const auto &[name, totals] : counts) {
    EXPECT_EQ(count("models/" + name + ".json"), totals.first) << name;
    EXPECT_EQ(count("models/" + name + "-mamba1.json"), totals.second) << name;
  }
}

TEST(Models, TwinsAreTiny) {
  size_t twins = 0;
  for (const std::string &file : modelFiles()) {
    size_t at = file.find("-tiny.json");
    if (at == std::string::npos) {
      continue;
    }
    EXPECT_LT(count(file), 100000) << file;
    std::string big = file.substr(0, at) + ".json";
    if (std::filesystem::exists(big)) {
      ++twins;
      EXPECT_EQ(readSpec(file).stages.size(), readSpec(big).stages.size()) << file;
      EXPECT_EQ(readSpec(file).names, readSpec(big).names) << file;
    }
  }
  EXPECT_EQ(twins, 24u);
}

TEST(Models, SchemaIsTheTable) {
  EXPECT_EQ(contents("models/schema.json"), jsonSchema());
  nlohmann::json schema = nlohmann::json::parse(jsonSchema());
  EXPECT_EQ(schema["properties"]["vocab"]["minimum"], 2);
  EXPECT_EQ(schema["$defs"]["layer"]["anyOf"].size(), 4u);
  const nlohmann::json &transformer = schema["$defs"]["transformer_layer"], &second = schema["$defs"]["mamba2_layer"];
  EXPECT_EQ(transformer["required"], nlohmann::json({"heads", "head_dim"}));
  EXPECT_EQ(transformer["properties"]["ff_mult"]["default"], 4);
  EXPECT_EQ(second["required"], nlohmann::json({"block"}));
  EXPECT_EQ(second["properties"]["block"]["const"], "mamba2");
  EXPECT_EQ(second["properties"]["state"]["default"], 128);
  EXPECT_FALSE(second["properties"].contains("dt_rank"));
  const nlohmann::json &patches = schema["$defs"]["patches"], &llama = schema["$defs"]["llama_layer"];
  EXPECT_EQ(schema["properties"]["patches"]["anyOf"][0]["$ref"], "#/$defs/patches");
  EXPECT_EQ(patches["properties"]["pooling"]["default"], nlohmann::json({"max"}));
  EXPECT_EQ(schema["$defs"]["gram"]["items"]["minimum"], 0);
  EXPECT_EQ(llama["required"], nlohmann::json({"heads", "head_dim", "ff_hidden", "block"}));
  EXPECT_FALSE(llama["properties"].contains("rotary"));
}

TEST(Models, FieldTableNamesEveryKey) {
  std::string table = fieldTable();
  for (const char *row : {"| top | `loss` | \"mean_nonzero\", \"mean_targets\" or \"mean_weighted\" | `\"mean_nonzero\"` |",
                          "| top | `patches` | an object, or null | null |",
                          "| patches | `pooling` | an array of 1 to 3 of the words \"mean\", \"min\", \"max\" | `[\"max\"]` |",
                          "| ngrams | `hash_sizes` | an array of 0 to 64 integers from 1 to 64 | `[]` |",
                          "| table of n-grams | `grams` | an array of 0 to 262144 grams | required |",
                          "| llama layer | `ff_hidden` | an integer from 1 to 2147483647 | required |",
                          "| stage | `dim` | an integer from 1 to 2147483647 | required |",
                          "| transformer layer | `ff_dropout` | a number from 0 to 1, 1 excluded | `0` |",
                          "| mamba1 layer | `state` | an integer from 1 to 65536 | `16` |",
                          "| mamba2 layer | `state` | an integer from 1 to 65536 | `128` |"}) {
    EXPECT_NE(table.find(row), std::string::npos) << row;
  }
}

} // namespace

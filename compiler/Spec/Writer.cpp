// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spec to canonical JSON: every field of the table in its order but those that few models have and this one has not, equal layers that
// follow each other joined.
#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Reader.h"

#include <nlohmann/json.hpp>

using namespace mblm::spec;
using Json = nlohmann::ordered_json;

static Json toJson(const Facts &facts, const Value &value) {
  if (const bool *flag = std::get_if<bool>(&value)) {
    return *flag;
  }
  if (const int64_t *integer = std::get_if<int64_t>(&value)) {
    return facts.kind == Facts::Kind::Choice ? Json(facts.choices[size_t(*integer)]) : Json(*integer);
  }
  if (const double *number = std::get_if<double>(&value)) {
    return *number;
  }
  if (const std::string *text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const std::vector<int64_t> *items = std::get_if<std::vector<int64_t>>(&value)) {
    Json list = Json::array();
    for (int64_t item : *items) {
      list.push_back(facts.kind == Facts::Kind::Words ? Json(facts.choices[size_t(item)]) : Json(item));
    }
    return list;
  }
  return nullptr;
}

template <typename T>
static Json writeFields(const std::vector<Field<T>> &fields, const T &from) {
  Json object = Json::object();
  for (const Field<T> &field : fields) {
    Value value = field.get(from);
    if (field.written && !(field.omitted && value == field.get(T()))) {
      object[field.key] = toJson(field, value);
    }
  }
  return object;
}

static Json writeLayers(const std::vector<Layer> &layers) {
  Json list = Json::array();
  LayerEntry pending;
  Json pendingJson;
  auto flush = [&] {
    if (!pendingJson.is_null()) {
      list.push_back(writeFields(layerFields(pending.block), pending));
    }
  };
  for (const Layer &layer : layers) {
    LayerEntry entry;
    static_cast<Layer &>(entry) = layer;
    Json json = writeFields(layerFields(entry.block), entry);
    if (json == pendingJson) {
      ++pending.repeat;
      continue;
    }
    flush();
    pending = entry;
    pendingJson = std::move(json);
  }
  flush();
  return list;
}

static Json writeNgrams(const Ngrams &ngrams) {
  Json json = writeFields(ngramsFields(), ngrams);
  json["tables"] = Json::array();
  for (const Ngrams::Table &table : ngrams.tables) {
    Json one = writeFields(tableFields(), table);
    one["grams"] = table.grams;
    json["tables"].push_back(std::move(one));
  }
  return json;
}

std::string mblm::spec::writeSpec(const Spec &spec) {
  Json top = writeFields(topFields(), spec);
  if (spec.patches) {
    top["patches"] = writeFields(patchesFields(), *spec.patches);
  }
  if (spec.ngrams) {
    top["ngrams"] = writeNgrams(*spec.ngrams);
  }
  Json stages = Json::array();
  for (const Stage &stage : spec.stages) {
    Json json = writeFields(stageFields(), stage);
    json["layers"] = writeLayers(stage.layers);
    stages.push_back(std::move(json));
  }
  top["stages"] = std::move(stages);
  return top.dump(2) + "\n";
}

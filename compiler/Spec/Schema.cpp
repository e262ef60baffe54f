// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of fields as JSON Schema, for editors, and as Markdown, for readers.
#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace mblm::spec;
using Json = nlohmann::ordered_json;

static Json bound(double value) {
  return value == std::floor(value) && std::fabs(value) < 1e15 ? Json(int64_t(value)) : Json(value);
}

// A default as it would stand in a file.
static Json defaultOf(const Facts &facts, const Value &value) {
  if (const int64_t *integer = std::get_if<int64_t>(&value)) {
    return facts.kind == Facts::Kind::Choice ? Json(facts.choices[size_t(*integer)]) : Json(*integer);
  }
  if (const double *number = std::get_if<double>(&value)) {
    return bound(*number);
  }
  if (const bool *flag = std::get_if<bool>(&value)) {
    return *flag;
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

static bool hasDefault(const Facts &facts) { return !facts.required && facts.whenAbsent.empty(); }

static Json property(const Facts &facts, const Value &initial) {
  Json json = Json::object();
  json["description"] = facts.doc;
  auto type = [&](const char *name) { json["type"] = facts.nullable ? Json({name, "null"}) : Json(name); };
  switch (facts.kind) {
  case Facts::Kind::Boolean:
    type("boolean");
    break;
  case Facts::Kind::Integer:
  case Facts::Kind::Number:
    if (facts.min == facts.max) {
      json["const"] = bound(facts.min);
      break;
    }
    type(facts.kind == Facts::Kind::Integer ? "integer" : "number");
    json["minimum"] = bound(facts.min);
    json[facts.belowMax ? "exclusiveMaximum" : "maximum"] = bound(facts.max);
    break;
  case Facts::Kind::Choice:
    json["enum"] = facts.choices;
    break;
  case Facts::Kind::Text:
    type("string");
    json["maxLength"] = bound(facts.max);
    break;
  case Facts::Kind::Integers:
  case Facts::Kind::Words:
  case Facts::Kind::List:
    type("array");
    json["minItems"] = bound(facts.min);
    json["maxItems"] = bound(facts.max);
    if (facts.kind == Facts::Kind::List) {
      json["items"]["$ref"] = "#/$defs/" + facts.element;
    } else if (facts.kind == Facts::Kind::Words) {
      json["items"]["enum"] = facts.choices;
    } else {
      json["items"] = {{"type", "integer"}, {"minimum", bound(facts.itemMin)}, {"maximum", bound(facts.itemMax)}};
    }
    break;
  case Facts::Kind::Object:
    json["anyOf"] = {{{"$ref", "#/$defs/" + facts.element}}, {{"type", "null"}}};
    break;
  case Facts::Kind::Any:
    break;
  }
  if (hasDefault(facts)) {
    json["default"] = defaultOf(facts, initial);
  }
  return json;
}

template <typename T>
static Json object(const std::vector<Field<T>> &fields, const T &initial = T()) {
  Json json = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const Field<T> &field : fields) {
    json["properties"][field.key] = property(field, field.get(initial));
    if (field.required) {
      json["required"].push_back(field.key);
    }
  }
  json["additionalProperties"] = false;
  return json;
}

static std::string layerName(Block block) { return std::string(blockName(block)) + "_layer"; }

static Json layerSchema(Block block) {
  LayerEntry initial(block);
  Json json = object(layerFields(block), initial);
  // Says which of the kinds an object is; without it, a Transformer.
  Json &kind = json["properties"]["block"];
  kind.erase("enum");
  kind.erase("default");
  kind["const"] = blockName(block);
  if (block != LayerEntry().block) {
    json["required"].push_back("block");
  }
  return json;
}

std::string mblm::spec::jsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "MBLM model description"}};
  schema.update(object(topFields()));
  schema["$defs"] = {{"stage", object(stageFields())},
                     {"patches", object(patchesFields())},
                     {"ngrams", object(ngramsFields())},
                     {"table", object(tableFields())},
                     {"gram", property(gramFacts(), Value())}};
  schema["$defs"]["gram"].erase("description");
  schema["$defs"]["gram"].erase("default");
  for (Block block : allBlocks) {
    schema["$defs"]["layer"]["anyOf"].push_back({{"$ref", "#/$defs/" + layerName(block)}});
  }
  for (Block block : allBlocks) {
    schema["$defs"][layerName(block)] = layerSchema(block);
  }
  return schema.dump(2) + "\n";
}

template <typename T>
static void tableRows(std::string &table, const std::string &place, const std::vector<Field<T>> &fields,
                      const T &from = T()) {
  for (const Field<T> &field : fields) {
    std::string initial = field.required              ? "required"
                          : !field.whenAbsent.empty() ? field.whenAbsent
                                                      : "`" + defaultOf(field, field.get(from)).dump() + "`";
    table +=
        "| " + place + " | `" + field.key + "` | " + field.expected() + " | " + initial + " | " + field.doc + " |\n";
  }
}

std::string mblm::spec::fieldTable() {
  std::string table = "| where | key | value | default | meaning |\n| --- | --- | --- | --- | --- |\n";
  tableRows(table, "top", topFields());
  tableRows(table, "stage", stageFields());
  tableRows(table, "patches", patchesFields());
  tableRows(table, "ngrams", ngramsFields());
  tableRows(table, "table of n-grams", tableFields());
  for (Block block : allBlocks) {
    tableRows(table, std::string(blockName(block)) + " layer", layerFields(block), LayerEntry(block));
  }
  return table;
}

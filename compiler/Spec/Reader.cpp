// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A spec's JSON to Spec: the tables say what each object may hold, Check.h what must hold between them.
#include "compiler/Spec/Reader.h"

#include "compiler/Spec/Check.h"
#include "compiler/Spec/Objects.h"

using namespace mblm;
using namespace mblm::spec;

// A file for a later format may have keys that are unknown here, so its version is looked at before anything else.
static void checkFormat(const Source &source) {
  const Node::Member *format = source.root().find("format");
  if (format != nullptr && format->value.kind == Node::Kind::Integer && format->value.integer > formatVersion) {
    source.fail(format->value.offset, "/format",
                "the file needs mblm with format >= " + format->value.text + "; this one reads format " +
                    std::to_string(formatVersion));
  }
}

static Place placeOf(Block block) {
  return placeOf(std::string("a ") + blockName(block) + " layer", layerFields(block));
}

// The kind decides which keys a layer has, so it is read first.
static Block readBlock(const Source &source, const Node &node, const std::string &pointer) {
  checkObject(source, node, pointer, "a layer");
  LayerEntry entry;
  for (const Field<LayerEntry> &field : layerFields(entry.block)) {
    const Node::Member *member = field.key == "block" ? node.find(field.key) : nullptr;
    if (member != nullptr) {
      field.set(entry, takeValue(source, member->value, pointer + "/block", field));
    }
  }
  return entry.block;
}

static Stage readStage(const Source &source, const Node &node, const std::string &pointer,
                       const std::vector<Place> &places) {
  checkKeys(source, node, pointer, placeOf("a stage", stageFields()), places);
  Stage stage;
  stage.pointer = pointer;
  takeFields(source, node, pointer, stageFields(), stage);
  if (node.find("final_norm_eps") == nullptr) {
    stage.finalNormEps = defaultEps(stage.finalNorm);
  }
  const Node &layers = node.find("layers")->value;
  for (size_t i = 0; i < layers.items.size(); ++i) {
    const Node &item = layers.items[i];
    std::string itemPointer = pointer + "/layers/" + std::to_string(i);
    LayerEntry entry(readBlock(source, item, itemPointer));
    checkKeys(source, item, itemPointer, placeOf(entry.block), places);
    takeFields(source, item, itemPointer, layerFields(entry.block), entry);
    if (item.find("norm_eps") == nullptr) {
      entry.normEps = defaultEps(entry.norm);
    }
    entry.pointer = itemPointer;
    if (int64_t(stage.layers.size()) + entry.repeat > maxLayers) {
      source.fail(item.offset, itemPointer,
                  "the stage has " + std::to_string(int64_t(stage.layers.size()) + entry.repeat) +
                      " layers up to here; expected at most " + std::to_string(maxLayers));
    }
    stage.layers.insert(stage.layers.end(), size_t(entry.repeat), entry);
  }
  return stage;
}

static Patches readPatches(const Source &source, const Node &node, const std::vector<Place> &places) {
  checkKeys(source, node, "/patches", placeOf("patches", patchesFields()), places);
  Patches patches;
  takeFields(source, node, "/patches", patchesFields(), patches);
  return patches;
}

static Ngrams::Table readTable(const Source &source, const Node &node, const std::string &pointer,
                               const std::vector<Place> &places) {
  checkKeys(source, node, pointer, placeOf("a table of n-grams", tableFields()), places);
  Ngrams::Table table;
  takeFields(source, node, pointer, tableFields(), table);
  for (const Node &gram : node.find("grams")->value.items) {
    std::string at = pointer + "/grams/" + std::to_string(table.grams.size());
    const auto ids = std::get<std::vector<int64_t>>(takeValue(source, gram, at, gramFacts()));
    table.grams.emplace_back(ids.begin(), ids.end());
  }
  return table;
}

static Ngrams readNgrams(const Source &source, const Node &node, const std::vector<Place> &places) {
  checkKeys(source, node, "/ngrams", placeOf("ngrams", ngramsFields()), places);
  Ngrams ngrams;
  takeFields(source, node, "/ngrams", ngramsFields(), ngrams);
  if (const Node::Member *tables = node.find("tables")) {
    for (const Node &item : tables->value.items) {
      std::string at = "/ngrams/tables/" + std::to_string(ngrams.tables.size());
      ngrams.tables.push_back(readTable(source, item, at, places));
    }
  }
  return ngrams;
}

static Places placesOf(const Source &source, const Spec &spec) {
  Places places;
  auto note = [&](const std::string &pointer) {
    Source::Position at = source.lineAndColumn(source.nearest(pointer).offset);
    places.positions[pointer] = {unsigned(at.line), unsigned(at.column)};
  };
  note("");
  for (const char *part : {"patches", "ngrams"}) {
    if (source.root().find(part) != nullptr) {
      note(pointerStep(part));
    }
  }
  for (const Stage &stage : spec.stages) {
    note(stage.pointer);
    for (const Layer &layer : stage.layers) {
      if (!places.positions.count(layer.pointer)) { // one entry may stand for many layers
        note(layer.pointer);
      }
    }
  }
  return places;
}

static Spec build(const Source &source) {
  std::vector<Place> places = {placeOf("the top level", topFields()), placeOf("a stage", stageFields())};
  for (Block block : allBlocks) {
    places.push_back(placeOf(block));
  }
  places.push_back(placeOf("patches", patchesFields()));
  places.push_back(placeOf("ngrams", ngramsFields()));
  checkFormat(source);
  checkKeys(source, source.root(), "", places[0], places);
  Spec spec;
  takeFields(source, source.root(), "", topFields(), spec);
  const Node &stages = source.root().find("stages")->value;
  for (size_t i = 0; i < stages.items.size(); ++i) {
    spec.stages.push_back(readStage(source, stages.items[i], "/stages/" + std::to_string(i), places));
  }
  const Node::Member *patches = source.root().find("patches"), *ngrams = source.root().find("ngrams");
  if (patches != nullptr && patches->value.kind != Node::Kind::Null) {
    spec.patches = readPatches(source, patches->value, places);
  }
  if (ngrams != nullptr && ngrams->value.kind != Node::Kind::Null) {
    spec.ngrams = readNgrams(source, ngrams->value, places);
  }
  checkSpec(spec, Origin{source});
  spec.text = source.text();
  spec.places = placesOf(source, spec);
  return spec;
}

Spec mblm::spec::parseSpec(const std::string &text, const std::string &fileName) {
  return build(Source::fromText(text, fileName));
}

Spec mblm::spec::readSpec(const std::string &path) {
  Spec spec = build(Source::fromFile(path));
  spec.places.file = path;
  return spec;
}

Spec mblm::spec::canonicalSpec(const Spec &spec, const std::string &fileName) {
  Spec canonical = parseSpec(writeSpec(spec), fileName);
  canonical.places = spec.places;
  for (size_t stage = 0; stage < spec.stages.size(); ++stage) {
    canonical.stages[stage].pointer = spec.stages[stage].pointer;
    for (size_t layer = 0; layer < spec.stages[stage].layers.size(); ++layer) {
      canonical.stages[stage].layers[layer].pointer = spec.stages[stage].layers[layer].pointer;
    }
  }
  return canonical;
}

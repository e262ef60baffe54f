// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formats, how they are told apart, and what is done after any of them.
#include "compiler/Spec/Import.h"

#include "compiler/Spec/Check.h"
#include "compiler/Spec/ImportCommon.h"
#include "compiler/Spec/Reader.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Format {
  const char *name;
  const char *mark; // a key that no other format has
  Imported (*import)(const Source &, const TensorShapes *);
};

const Format formats[] = {
    {"mblm", "hidden_dims", importMblm},
    {"perceiver-ar", "cross_attn_seq_len", importPerceiver}, // before megabyte's, whose mark it has, too
    {"megabyte", "depth", importMegabyte},
    {"mamba", "d_model", importMamba},
    {"transformer", "n_embd", importTransformer},
    {"blt", "dim_global", importBlt},
    {"blt-entropy", "sliding_window", importBltEntropy},
};

std::string stem(const std::string &path) {
  std::string name = path.substr(path.find_last_of('/') + 1);
  return name.substr(0, name.rfind('.'));
}

} // namespace

std::vector<std::string> mblm::spec::importFormats() {
  std::vector<std::string> names;
  for (const Format &format : formats) {
    names.push_back(format.name);
  }
  return names;
}

std::vector<int64_t> mblm::spec::takeSizes(const Source &source, const std::string &key, int64_t max) {
  Facts facts;
  facts.key = key;
  facts.kind = Facts::Kind::Integer;
  facts.min = 1;
  facts.max = double(max);
  std::vector<int64_t> sizes;
  for (const Node &item : source.root().find(key)->value.items) {
    std::string pointer = pointerStep(key) + "/" + std::to_string(sizes.size());
    sizes.push_back(std::get<int64_t>(takeValue(source, item, pointer, facts)));
  }
  return sizes;
}

void mblm::spec::checkSameCount(const Source &source, const std::string &key, size_t count, const std::string &firstKey,
                                size_t firstCount) {
  if (count != firstCount) {
    source.fail(source.root().find(key)->value.offset, pointerStep(key),
                key + " has " + entries(count) + " but " + firstKey + " has " + std::to_string(firstCount) +
                    "; expected " + std::to_string(firstCount) + ", one for each stage");
  }
}

Spec mblm::spec::importConfig(const std::string &name, const std::string &path, const TensorShapes *weights,
                              std::vector<std::string> *notes) {
  auto format = std::find_if(std::begin(formats), std::end(formats), [&](const Format &f) { return name == f.name; });
  if (format == std::end(formats)) {
    std::string nearest = nearestWord(name, importFormats());
    throw Error(Exit::Usage, "unknown format " + inQuotes(name) +
                                 "; expected mblm, megabyte, mamba, transformer, perceiver-ar, blt or blt-entropy" +
                                 (nearest.empty() ? "" : " (nearest: " + nearest + ")"));
  }
  Source source = Source::fromFile(path);
  for (const Format &other : formats) {
    const Node::Member *mark = source.root().find(other.mark);
    if (mark != nullptr && source.root().find(format->mark) == nullptr) {
      source.fail(mark->offset, pointerStep(other.mark),
                  std::string("key \"") + other.mark + "\" belongs to a configuration of format " + other.name +
                      ", not " + name + "; expected \"mblm import " + other.name + "\"");
    }
  }
  Imported imported = format->import(source, weights);
  if (notes != nullptr) {
    *notes = imported.notes;
  }
  Spec &spec = imported.spec;
  spec.name = stem(path);
  for (size_t i = 0; i < spec.stages.size(); ++i) {
    Stage &stage = spec.stages[i];
    stage.pointer = "/stages/" + std::to_string(i);
    for (Layer &layer : stage.layers) {
      layer.pointer = stage.pointer + "/layers/0"; // a stage's layers are all alike
    }
  }
  checkSpec(spec, Origin{source, [&](const std::string &pointer) { return imported.pointers[pointer]; }});
  // The canonical text, read back: one way in for every spec, and pointers that fit the text.
  return parseSpec(writeSpec(spec), spec.name + ".json");
}

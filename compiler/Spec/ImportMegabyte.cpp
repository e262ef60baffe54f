// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constructor arguments of MEGABYTE: lists over the stages, and one set of head sizes and options for all of them.
#include "compiler/Spec/ImportCommon.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Config {
  int64_t vocab = 0;
  int64_t pad = 0;
  int64_t headDim = 64;
  int64_t heads = 8;
  int64_t ffMult = 4;
  bool rotary = false;
  bool learned = false;
  bool flash = false;
  double attnDropout = 0;
  double ffDropout = 0;
};

std::vector<Field<Config>> configFields() {
  using C = Config;
  Field<C> dim = required(other<C>("dim", Facts::Kind::Any, 0, 0, ""));
  dim.element = "an integer, or an array of one for each stage";
  Field<C> attnDropout = number<C>("attn_dropout", &C::attnDropout, 0, 1, "");
  Field<C> ffDropout = number<C>("ff_dropout", &C::ffDropout, 0, 1, "");
  attnDropout.belowMax = ffDropout.belowMax = true;
  return {
      required(integer<C>("num_tokens", &C::vocab, 2, maxSize, "")),
      dim,
      sizesField<C>("depth", ""),
      sizesField<C>("max_seq_len", ""),
      integer<C>("dim_head", &C::headDim, 1, maxHeads, ""),
      integer<C>("heads", &C::heads, 1, maxHeads, ""),
      attnDropout,
      integer<C>("ff_mult", &C::ffMult, 1, maxFfMult, ""),
      ffDropout,
      integer<C>("pad_id", &C::pad, 0, maxSize - 1, ""),
      flag<C>("rel_pos", &C::rotary, ""),
      flag<C>("pos_emb", &C::learned, ""),
      flag<C>("flash_attn", &C::flash, ""), // the same values either way
  };
}

// One width for every stage, or a list.
std::vector<int64_t> takeDims(const Source &source, size_t stages) {
  const Node &node = source.root().find("dim")->value;
  if (node.kind == Node::Kind::Array) {
    std::vector<int64_t> dims = takeSizes(source, "dim", maxSize);
    checkSameCount(source, "dim", dims.size(), "depth", stages);
    return dims;
  }
  Facts facts;
  facts.key = "dim";
  facts.kind = Facts::Kind::Integer;
  facts.min = 1;
  facts.max = double(maxSize);
  return std::vector<int64_t>(stages, std::get<int64_t>(takeValue(source, node, "/dim", facts)));
}

} // namespace

Imported mblm::spec::importMegabyte(const Source &source, const TensorShapes *) {
  const std::vector<Field<Config>> fields = configFields();
  checkKeys(source, source.root(), "", placeOf("a megabyte configuration", fields));
  Config config;
  takeFields(source, source.root(), "", fields, config);
  std::vector<int64_t> depths = takeSizes(source, "depth", maxLayers);
  std::vector<int64_t> lengths = takeSizes(source, "max_seq_len", maxSize);
  checkSameCount(source, "max_seq_len", lengths.size(), "depth", depths.size());
  std::vector<int64_t> dims = takeDims(source, depths.size());

  Layer layer;
  layer.heads = config.heads;
  layer.headDim = config.headDim;
  layer.ffMult = config.ffMult;
  layer.rotary = config.rotary;
  layer.attnDropout = config.attnDropout;
  layer.ffDropout = config.ffDropout;

  Imported imported;
  Spec &spec = imported.spec;
  spec.vocab = config.vocab;
  spec.pad = config.pad;
  spec.loss = Loss::MeanTargets;
  spec.fixedLength = true;
  spec.names = Names::Megabyte;
  imported.pointers = {{"/vocab", "/num_tokens"}, {"/pad", "/pad_id"}};
  bool oneDim = source.root().find("dim")->value.kind != Node::Kind::Array;
  for (size_t i = 0; i < dims.size(); ++i) {
    Stage stage;
    stage.dim = dims[i];
    stage.length = lengths[i];
    stage.position = config.learned ? Position::Learned : Position::None;
    stage.layers.assign(size_t(depths[i]), layer);
    spec.stages.push_back(std::move(stage));

    std::string index = "/" + std::to_string(i);
    std::string at = "/stages" + index;
    imported.pointers[at] = imported.pointers[at + "/dim"] = oneDim ? "/dim" : "/dim" + index;
    imported.pointers[at + "/length"] = "/max_seq_len" + index;
    imported.pointers[at + "/layers/0/head_dim"] = "/dim_head";
    imported.pointers[at + "/layers/0/rotary"] = "/rel_pos";
  }
  return imported;
}

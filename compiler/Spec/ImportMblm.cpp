// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations of MBLM: parallel lists over the stages and one block for all of them or a list of blocks. A block
// without `block_type` is told by its keys.
#include "compiler/Spec/ImportCommon.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Config {
  int64_t vocab = 0;
  int64_t pad = 0;
};

struct BlockConfig {
  Position position = Position::None;
  int64_t ffMult = 2;
  int64_t headDim = 0;
  int64_t heads = 0;
  bool rotary = false;
  bool flash = false;
  double attnDropout = 0;
  double ffDropout = 0;
};

const std::vector<std::string> mambaKeys = {"d_state", "d_conv", "expand", "headdim"};

std::vector<Field<Config>> configFields() {
  Field<Config> chunks = other<Config>("train_checkpoint_chunks", Facts::Kind::List, 0, double(maxStages), "");
  chunks.nullable = true;
  chunks.element = "integer";
  Field<Config> block = required(other<Config>("block", Facts::Kind::Any, 0, 0, ""));
  block.element = "a block, or an array of one for each stage";
  return {
      required(integer<Config>("num_tokens", &Config::vocab, 2, maxSize, "")),
      required(integer<Config>("pad_token_id", &Config::pad, 0, maxSize - 1, "")),
      sizesField<Config>("hidden_dims", ""),
      sizesField<Config>("num_layers", ""),
      sizesField<Config>("seq_lens", ""),
      chunks,
      block,
      // Stands beside these in the files of the reference's trainer.
      other<Config>("input_seq_len", Facts::Kind::Integer, 1, maxSize, ""),
  };
}

std::vector<Field<BlockConfig>> blockFields() {
  using B = BlockConfig;
  Field<B> position = other<B>("pos_emb_type", Facts::Kind::Choice, 0, 0, "");
  position.nullable = true;
  position.choices = {"fixed", "rope"};
  position.set = [](B &block, const Value &value) {
    const int64_t *word = std::get_if<int64_t>(&value);
    block.position = word == nullptr ? Position::None : *word == 0 ? Position::Learned : Position::Rope;
  };
  Field<B> attnDropout = number<B>("attn_dropout", &B::attnDropout, 0, 1, "");
  Field<B> ffDropout = number<B>("ff_dropout", &B::ffDropout, 0, 1, "");
  attnDropout.belowMax = ffDropout.belowMax = true;
  return {
      other<B>("block_type", Facts::Kind::Any, 0, 0, ""), // looked at before
      position,
      required(integer<B>("attn_head_dims", &B::headDim, 1, maxHeads, "")),
      required(integer<B>("attn_num_heads", &B::heads, 1, maxHeads, "")),
      required(flag<B>("attn_use_rot_embs", &B::rotary, "")),
      attnDropout,
      integer<B>("ff_multiplier", &B::ffMult, 1, maxFfMult, ""),
      ffDropout,
      flag<B>("use_flash_attn", &B::flash, ""), // the same values either way
  };
}

// Refuses kinds that this version does not compile, naming the stage.
void checkKind(const Source &source, const Node &node, const std::string &pointer, size_t stage) {
  std::string who = "stage " + std::to_string(stage) + " has block kind ";
  const char *known = "; this version compiles \"transformer\" blocks";
  const Node::Member *type = node.find("block_type");
  if (type == nullptr) {
    for (const std::string &key : mambaKeys) {
      if (const Node::Member *member = node.find(key)) {
        source.fail(member->offset, pointer + pointerStep(key), who + "\"mamba\" (by its key \"" + key + "\")" + known);
      }
    }
    return;
  }
  Facts facts;
  facts.key = "block_type";
  facts.kind = Facts::Kind::Choice;
  facts.choices = {"transformer", "mamba1", "mamba2", "transformerEncoder"};
  std::string typePointer = pointer + "/block_type";
  if (std::get<int64_t>(takeValue(source, type->value, typePointer, facts)) != 0) {
    source.fail(type->value.offset, typePointer, who + inQuotes(type->value.text) + known);
  }
}

} // namespace

Imported mblm::spec::importMblm(const Source &source) {
  const Node &root = source.root();
  const std::vector<Field<Config>> fields = configFields();
  const std::vector<Field<BlockConfig>> ofBlock = blockFields();
  const Place inBlock = placeOf("a block", ofBlock);
  if (const Node::Member *mask = root.find("mask_token_id")) {
    source.fail(mask->offset, "/mask_token_id",
                "mask_token_id belongs to the masked encoder; this version compiles causal models");
  }
  checkKeys(source, root, "", placeOf("an mblm configuration", fields), {inBlock});
  Config config;
  takeFields(source, root, "", fields, config);
  std::vector<int64_t> dims = takeSizes(source, "hidden_dims", maxSize);
  std::vector<int64_t> depths = takeSizes(source, "num_layers", maxLayers);
  std::vector<int64_t> lengths = takeSizes(source, "seq_lens", maxSize);
  checkSameCount(source, "num_layers", depths.size(), "hidden_dims", dims.size());
  checkSameCount(source, "seq_lens", lengths.size(), "hidden_dims", dims.size());
  const Node &blocks = root.find("block")->value;
  bool isList = blocks.kind == Node::Kind::Array;
  if (isList) {
    checkSameCount(source, "block", blocks.items.size(), "hidden_dims", dims.size());
  }

  Imported imported;
  Spec &spec = imported.spec;
  spec.vocab = config.vocab;
  spec.pad = config.pad;
  spec.padGradient = false;
  imported.pointers = {{"/vocab", "/num_tokens"}, {"/pad", "/pad_token_id"}};
  for (size_t i = 0; i < dims.size(); ++i) {
    std::string index = "/" + std::to_string(i);
    const Node &node = isList ? blocks.items[i] : blocks;
    std::string pointer = isList ? "/block" + index : "/block";
    if (node.kind == Node::Kind::Object) {
      checkKind(source, node, pointer, i);
    }
    checkKeys(source, node, pointer, inBlock);
    BlockConfig block;
    takeFields(source, node, pointer, ofBlock, block);

    Layer layer;
    layer.heads = block.heads;
    layer.headDim = block.headDim;
    layer.ffMult = block.ffMult;
    layer.rotary = block.rotary;
    layer.attnDropout = block.attnDropout;
    layer.ffDropout = block.ffDropout;
    Stage stage;
    stage.dim = dims[i];
    stage.length = lengths[i];
    stage.position = block.position;
    stage.layers.assign(size_t(depths[i]), layer);
    spec.stages.push_back(std::move(stage));

    std::string at = "/stages" + index;
    imported.pointers[at] = imported.pointers[at + "/dim"] = "/hidden_dims" + index;
    imported.pointers[at + "/length"] = "/seq_lens" + index;
    imported.pointers[at + "/position"] = pointer + "/pos_emb_type";
    imported.pointers[at + "/layers/0/head_dim"] = pointer + "/attn_head_dims";
    imported.pointers[at + "/layers/0/rotary"] = pointer + "/attn_use_rot_embs";
  }
  return imported;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations of MBLM: parallel lists over the stages and one block for all of them or a list of blocks. A block
// without `block_type` is told by its keys. Every stage's layers are alike.
#include "compiler/Spec/ImportCommon.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

struct Config {
  int64_t vocab = 0;
  int64_t pad = 0;
  // Of the masked encoder.
  std::optional<int64_t> maskToken;
  bool maskAll = false;
  double maskProbability = Spec().maskProbability;
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

struct MambaConfig {
  Position position = Position::None;
  Mamba mamba;
  double dropout = 0;
};

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
      optionalInteger<Config>("mask_token_id", &Config::maskToken, 0, maxSize - 1, "null", ""),
      choice<Config, bool>("mask_reduce_strat", &Config::maskAll, {"any", "all"}, ""),
      // Stand beside these in the files of the reference's trainer.
      number<Config>("masking_proba", &Config::maskProbability, 0, 1, ""),
      other<Config>("input_seq_len", Facts::Kind::Integer, 1, maxSize, ""),
  };
}

template <typename B>
Field<B> positionField() {
  Field<B> position = other<B>("pos_emb_type", Facts::Kind::Choice, 0, 0, "");
  position.nullable = true;
  position.choices = {"fixed", "rope"};
  position.set = [](B &block, const Value &value) {
    const int64_t *word = std::get_if<int64_t>(&value);
    block.position = word == nullptr ? Position::None : *word == 0 ? Position::Learned : Position::Rope;
  };
  return position;
}

template <typename B>
Field<B> dropoutField(std::string key, double B::*member) {
  Field<B> field = number<B>(std::move(key), member, 0, 1, "");
  field.belowMax = true;
  return field;
}

std::vector<Field<BlockConfig>> blockFields() {
  using B = BlockConfig;
  return {
      other<B>("block_type", Facts::Kind::Any, 0, 0, ""), // looked at before
      positionField<B>(),
      required(integer<B>("attn_head_dims", &B::headDim, 1, maxHeads, "")),
      required(integer<B>("attn_num_heads", &B::heads, 1, maxHeads, "")),
      required(flag<B>("attn_use_rot_embs", &B::rotary, "")),
      dropoutField<B>("attn_dropout", &B::attnDropout),
      integer<B>("ff_multiplier", &B::ffMult, 1, maxFfMult, ""),
      dropoutField<B>("ff_dropout", &B::ffDropout),
      flag<B>("use_flash_attn", &B::flash, ""), // the same values either way
  };
}

Field<MambaConfig> ofMamba(const Field<Mamba> &part) {
  Field<MambaConfig> field;
  static_cast<Facts &>(field) = part;
  field.set = [part](MambaConfig &into, const Value &value) { part.set(into.mamba, value); };
  return required(field);
}

std::vector<Field<MambaConfig>> mambaFields() {
  using M = Mamba;
  return {
      other<MambaConfig>("block_type", Facts::Kind::Any, 0, 0, ""),
      positionField<MambaConfig>(),
      ofMamba(integer<M>("d_state", &M::state, 1, maxHeads, "")),
      ofMamba(integer<M>("d_conv", &M::conv, 1, maxHeads, "")),
      ofMamba(number<M>("expand", &M::expand, 1e-3, maxFfMult, "")),
      ofMamba(integer<M>("headdim", &M::headDim, 1, maxSize, "")),
      dropoutField<MambaConfig>("dropout", &MambaConfig::dropout),
  };
}

// What a block's keys and `block_type` say; absent: a Mamba block of either kind. The encoder's blocks are as the Transformer's, but
// for what the masked model leaves out everywhere.
std::optional<Block> takeBlock(const Source &source, const Node &node, const std::string &pointer, size_t stage, bool masked) {
  const Node::Member *type = node.find("block_type");
  if (type == nullptr) {
    bool hasMambaKeys = false;
    for (const char *key : {"d_state", "d_conv", "expand", "headdim"}) {
      hasMambaKeys = hasMambaKeys || node.find(key) != nullptr;
    }
    return hasMambaKeys ? std::nullopt : std::optional<Block>(Block::Transformer);
  }
  Facts facts;
  facts.key = "block_type";
  facts.kind = Facts::Kind::Choice;
  facts.choices = {"transformer", "mamba1", "mamba2", "transformerEncoder"};
  std::string typePointer = pointer + "/block_type";
  int64_t word = std::get<int64_t>(takeValue(source, type->value, typePointer, facts));
  bool encoder = word == 3;
  if (encoder != masked) {
    source.fail(type->value.offset, typePointer,
                "stage " + std::to_string(stage) + " has block kind " + inQuotes(type->value.text) +
                    (encoder ? " but there is no mask_token_id; expected it, or \"transformer\", \"mamba1\" or \"mamba2\""
                             : " but mask_token_id makes a masked encoder; expected \"transformerEncoder\""));
  }
  return encoder ? Block::Transformer : allBlocks[word];
}

// Which Mamba the weights of a stage are: one decay for each feature and state, or one for each head. Absent: they hold
// none.
std::optional<Block> blockOfWeights(const TensorShapes *weights, size_t stage) {
  if (weights == nullptr) {
    return std::nullopt;
  }
  auto decays = weights->find("stage_models." + std::to_string(stage) + ".layers.0.mixer.A_log");
  if (decays == weights->end() || decays->second.empty() || decays->second.size() > 2) {
    return std::nullopt;
  }
  return decays->second.size() == 2 ? Block::Mamba1 : Block::Mamba2;
}

// MBLM runs Mamba-2 where mamba_ssm can be imported and Mamba-1 where not, whatever `block_type` says; the weights
// tell.
Block chooseMamba(std::optional<Block> said, const TensorShapes *weights, size_t stage,
                  std::vector<std::string> &notes) {
  std::optional<Block> found = blockOfWeights(weights, stage);
  std::string who = "stage " + std::to_string(stage) + ": ";
  if (found) {
    if (found != said) {
      notes.push_back(who + blockName(*found) + ", as the shape of its weights' A_log says" +
                      (said ? std::string("; block_type says ") + blockName(*said) : std::string()));
    }
    return *found;
  }
  Block taken = said.value_or(Block::Mamba2);
  notes.push_back(who + blockName(taken) + (said ? ", as block_type says" : ", as it has no block_type") +
                  "; MBLM takes what is installed, so give --weights to have the weights decide");
  return taken;
}

} // namespace

Imported mblm::spec::importMblm(const Source &source, const TensorShapes *weights) {
  const Node &root = source.root();
  const std::vector<Field<Config>> fields = configFields();
  const std::vector<Field<BlockConfig>> ofBlock = blockFields();
  const std::vector<Field<MambaConfig>> ofMambaBlock = mambaFields();
  const Place inBlock = placeOf("a transformer block", ofBlock), inMamba = placeOf("a mamba block", ofMambaBlock);
  checkKeys(source, root, "", placeOf("an mblm configuration", fields), {inBlock, inMamba});
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
  spec.maskToken = config.maskToken;
  spec.maskAll = config.maskAll;
  spec.maskProbability = config.maskProbability;
  spec.startToken = !spec.isMasked();
  imported.pointers = {{"/vocab", "/num_tokens"}, {"/pad", "/pad_token_id"}, {"/mask_token", "/mask_token_id"},
                       {"/mask_all", "/mask_reduce_strat"}, {"/mask_probability", "/masking_proba"}};
  for (size_t i = 0; i < dims.size(); ++i) {
    std::string index = "/" + std::to_string(i);
    const Node &node = isList ? blocks.items[i] : blocks;
    std::string pointer = isList ? "/block" + index : "/block";
    checkObject(source, node, pointer, "a block");
    std::optional<Block> said = takeBlock(source, node, pointer, i, spec.isMasked());
    Stage stage;
    stage.dim = dims[i];
    stage.length = lengths[i];
    Layer layer;
    if (said != Block::Transformer) {
      layer = Layer(chooseMamba(said, weights, i, imported.notes));
      checkKeys(source, node, pointer, inMamba, {inBlock});
      MambaConfig block;
      takeFields(source, node, pointer, ofMambaBlock, block);
      layer.mamba = block.mamba;
      stage.position = block.position;
      stage.finalNorm = layer.block == Block::Mamba1 ? Norm::None : Norm::Rms;
      stage.finalNormEps = defaultEps(stage.finalNorm);
      if (block.dropout > 0) {
        imported.notes.push_back("stage " + std::to_string(i) +
                                 ": dropout is left out (the reference's Mamba-1 has none, "
                                 "its Mamba-2 drops in evaluation too)");
      }
    } else {
      checkKeys(source, node, pointer, inBlock, {inMamba});
      BlockConfig block;
      takeFields(source, node, pointer, ofBlock, block);
      layer.heads = block.heads;
      layer.headDim = block.headDim;
      layer.ffMult = block.ffMult;
      layer.rotary = block.rotary;
      layer.attnDropout = block.attnDropout;
      layer.ffDropout = block.ffDropout;
      layer.tokenShift = !spec.isMasked();
      stage.position = block.position;
    }
    stage.layers.assign(size_t(depths[i]), layer);
    spec.stages.push_back(std::move(stage));

    std::string at = "/stages" + index;
    imported.pointers[at] = imported.pointers[at + "/dim"] = "/hidden_dims" + index;
    imported.pointers[at + "/length"] = "/seq_lens" + index;
    imported.pointers[at + "/position"] = pointer + "/pos_emb_type";
    imported.pointers[at + "/layers/0/head_dim"] = pointer + (layer.isMamba() ? "/headdim" : "/attn_head_dims");
    imported.pointers[at + "/layers/0/block"] = pointer;
    imported.pointers[at + "/layers/0/expand"] = pointer + "/expand";
    imported.pointers[at + "/layers/0/rotary"] = pointer + "/attn_use_rot_embs";
  }
  return imported;
}

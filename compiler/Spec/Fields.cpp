// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table itself. The words of a Choice stand in the order of its enumeration in Spec.h.
#include "compiler/Spec/Fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace mblm::spec;

namespace {

std::string numeral(double value) {
  return nlohmann::json(value == std::floor(value) && std::fabs(value) < 1e15 ? nlohmann::json(int64_t(value))
                                                                              : nlohmann::json(value))
      .dump();
}

constexpr std::array blockWords = {"transformer", "mamba1", "mamba2", "llama"};
const std::vector<std::string> normWords = {"none", "rms_clamp", "layer", "rms"};

template <typename T>
Field<T> eps(std::string key, double T::*member, const std::string &norm) {
  Field<T> field = number(std::move(key), member, minEps, 1, "Epsilon of `" + norm + "`.");
  field.whenAbsent = "1e-08 for rms_clamp, 1e-05 for layer and rms";
  return field;
}

template <typename T>
Field<T> dropout(std::string key, double T::*member, const std::string &where) {
  Field<T> field = number(std::move(key), member, 0, 1, "Dropout " + where + ", in training only.");
  field.belowMax = true;
  return field;
}

// What few models have.
template <typename T>
Field<T> rare(Field<T> field) {
  field.omitted = true;
  return field;
}

// A part of the spec, with a table of its own.
template <typename T>
Field<T> objectField(std::string key, std::string doc) {
  Field<T> field = other<T>(key, Facts::Kind::Object, 0, 0, std::move(doc));
  field.nullable = field.omitted = true;
  field.element = std::move(key);
  field.whenAbsent = "null";
  return field;
}

std::vector<Field<Spec>> makeTopFields() {
  std::vector<Field<Spec>> fields;
  Field<Spec> schema = other<Spec>("$schema", Facts::Kind::Text, 0, 4096, "For editors; not used.");
  schema.written = false;
  schema.whenAbsent = "none";
  fields.push_back(schema);

  Field<Spec> format =
      other<Spec>("format", Facts::Kind::Integer, formatVersion, formatVersion, "Version of this format.");
  format.get = [](const Spec &) { return Value(formatVersion); };
  fields.push_back(required(format));

  Field<Spec> name = other<Spec>("name", Facts::Kind::Text, 0, 200, "What people call the model.");
  name.get = [](const Spec &spec) { return Value(spec.name); };
  name.set = [](Spec &spec, const Value &value) { spec.name = std::get<std::string>(value); };
  fields.push_back(name);

  fields.push_back(
      required(integer<Spec>("vocab", &Spec::vocab, 2, maxSize, "Number of ids: 256 bytes and the special ids.")));

  fields.push_back(
      optionalInteger<Spec>("pad", &Spec::pad, 0, maxSize - 1, "null",
                            "Id that fills incomplete patches and is never a target; below `vocab`. Two or "
                            "more stages need it."));

  fields.push_back(flag<Spec>("start_token", &Spec::startToken,
                              "Every sequence of a stage begins with a learned vector, so the first byte is predicted "
                              "too. `false`: one stage, a plain causal language model."));
  fields.push_back(flag<Spec>("pad_gradient", &Spec::padGradient,
                              "Row `pad` of the byte tables is trained. `false`: it stays as it is (MBLM)."));
  fields.push_back(
      optionalInteger<Spec>("padding_idx", &Spec::frozen, 0, maxSize - 1, "null",
                            "Another id whose row of the byte tables is not trained, though it is a target "
                            "(mambapy)."));
  fields.push_back(
      flag<Spec>("tie_embeddings", &Spec::tieEmbeddings, "The head's matrix is the byte table of the last stage."));
  fields.push_back(flag<Spec>("head_bias", &Spec::headBias, "The head adds a bias."));
  fields.push_back(choice<Spec>("loss", &Spec::loss, {"mean_nonzero", "mean_targets", "mean_weighted"},
                                "Mean over token losses that are not zero (MBLM), over targets that are not `pad` "
                                "(MEGABYTE), or by the weights of the loss mask (BLT)."));
  fields.push_back(flag<Spec>("fixed_length", &Spec::fixedLength,
                              "Never more than `length` positions in the first stage, whatever its `position` says."));
  fields.push_back(choice<Spec>("names", &Spec::names, {"mblm", "mblm-0.4.0", "megabyte", "gpt2", "mamba", "blt", "perceiver_ar"},
                                "Whose parameter names the weights carry."));
  fields.push_back(rare(optionalInteger<Spec>("document_end", &Spec::documentEnd, 0, maxSize - 1, "null",
                                              "Id that ends a document, for layers with `documents`; below `vocab`.")));
  fields.push_back(rare(optionalInteger<Spec>("prefix", &Spec::prefix, 1, maxSize, "null",
                                              "First positions, which layers with `perceive` alone read; the ones behind them are "
                                              "predicted (Perceiver AR). Below the stage's `length`.")));
  fields.push_back(rare(optionalInteger<Spec>("mask_token", &Spec::maskToken, 0, maxSize - 1, "null",
                                              "Id that stands for masked bytes, below `vocab`: a model that is not causal and predicts "
                                              "these (MBLM's encoder).")));
  fields.push_back(rare(flag<Spec>("mask_all", &Spec::maskAll,
                                   "Attention of a stage sees a patch where it may see all its bytes. `false`: any.")));
  fields.push_back(rare(number<Spec>("mask_probability", &Spec::maskProbability, 0, 1, "Of each byte to be masked in training.")));
  fields.push_back(objectField<Spec>("patches", "Patches of lengths that depend on the data; then the stages are three: "
                                                "global, encoder, decoder (BLT)."));
  fields.push_back(objectField<Spec>("ngrams", "Tables of n-grams beside the byte table, with `patches` only."));
  Field<Spec> stages = other<Spec>("stages", Facts::Kind::List, 1, maxStages,
                                   "The hierarchy, from the most global stage to the one of bytes.");
  stages.element = "stage";
  fields.push_back(required(stages));
  return fields;
}

std::vector<Field<Stage>> makeStageFields() {
  std::vector<Field<Stage>> fields;
  fields.push_back(required(integer<Stage>("dim", &Stage::dim, 1, maxSize, "Features of the stage.")));
  fields.push_back(required(integer<Stage>("length", &Stage::length, 1, maxSize,
                                           "Positions of a sequence: for inner stages the patch size of the stage "
                                           "above.")));
  fields.push_back(choice<Stage>("position", &Stage::position, {"none", "learned", "rope"},
                                 "Positions on the embeddings: none, a learned table, or rotation of pairs (2k, 2k+1) "
                                 "over the whole width (`dim` even)."));
  Field<Stage> layers = other<Stage>("layers", Facts::Kind::List, 1, double(maxLayers), "The layers, first one first.");
  layers.element = "layer";
  fields.push_back(required(layers));
  fields.push_back(choice<Stage>("final_norm", &Stage::finalNorm, normWords, "Norm after the last layer."));
  fields.push_back(eps<Stage>("final_norm_eps", &Stage::finalNormEps, "final_norm"));
  return fields;
}

// Only layers of some kinds have the field.
Field<LayerEntry> of(std::vector<Block> blocks, Field<LayerEntry> field) {
  field.blocks = std::move(blocks);
  return field;
}

// The same for a member of the layer's Mamba part.
Field<LayerEntry> of(std::vector<Block> blocks, const Field<Mamba> &part) {
  Field<LayerEntry> field;
  static_cast<Facts &>(field) = part;
  field.blocks = std::move(blocks);
  field.get = [part](const LayerEntry &from) { return part.get(from.mamba); };
  field.set = [part](LayerEntry &into, const Value &value) { part.set(into.mamba, value); };
  return field;
}

void addTransformerFields(std::vector<Field<LayerEntry>> &fields) {
  using L = LayerEntry;
  auto add = [&](Field<L> field) { fields.push_back(of({Block::Transformer}, std::move(field))); };
  auto both = [&](Field<L> field) { fields.push_back(of({Block::Transformer, Block::Llama}, std::move(field))); };
  both(required(integer<L>("heads", &L::heads, 1, maxHeads, "Attention heads.")));
  both(required(
      integer<L>("head_dim", &L::headDim, 1, maxHeads, "Width of a head; `heads` x `head_dim` need not equal `dim`.")));
  add(integer<L>("ff_mult", &L::ffMult, 1, maxFfMult, "Hidden width of the feed-forward over `dim`."));
  add(flag<L>("rotary", &L::rotary, "Rotate queries and keys by position, half-split pairs (`head_dim` even)."));
  add(rare(optionalInteger<L>("rotary_dim", &L::rotaryDim, 2, maxHeads, "null: `head_dim`",
                              "Features of a head that are rotated, the first ones; an even number.")));
  both(number<L>("rotary_base", &L::rotaryBase, 1, 1e12, "Base of the rotary angles."));
  add(flag<L>("token_shift", &L::tokenShift,
              "The second half of a block's input features comes from the previous position."));
}

void addLlamaFields(std::vector<Field<LayerEntry>> &fields) {
  using L = LayerEntry;
  auto add = [&](Field<L> field) { fields.push_back(of({Block::Llama}, std::move(field))); };
  add(optionalInteger<L>("kv_heads", &L::kvHeads, 1, maxHeads, "null: `heads`",
                         "Heads of keys and values, each for equally many heads; divides `heads`. Queries and keys are "
                         "rotated by position, pairs (2i, 2i+1) of a head."));
  add(required(integer<L>("ff_hidden", &L::ffHidden, 1, maxSize,
                          "Hidden width of the gated feed-forward w2(silu(w1 x) * w3 x).")));
  add(optionalInteger<L>("window", &L::window, 1, maxSize, "null: all before it",
                         "Positions that a position sees, itself included."));
  add(flag<L>("documents", &L::documents,
              "Positions see no farther back than the begin of their document (`document_end`)."));
}

void addMambaFields(std::vector<Field<LayerEntry>> &fields) {
  using M = Mamba;
  const std::vector<Block> both = {Block::Mamba1, Block::Mamba2}, one = {Block::Mamba1}, two = {Block::Mamba2};
  auto add = [&](const std::vector<Block> &blocks, const Field<M> &field) { fields.push_back(of(blocks, field)); };
  add(both, integer<M>("state", &M::state, 1, maxHeads, "Numbers that a feature remembers."));
  add(both, integer<M>("conv", &M::conv, 1, maxHeads, "Taps of the causal convolution."));
  add(both, number<M>("expand", &M::expand, 1e-3, maxFfMult, "Features inside over `dim`, rounded down."));
  add(both, flag<M>("bias", &M::bias, "Biases in the input and output projections."));
  add(both, flag<M>("conv_bias", &M::convBias, "A bias in the convolution."));
  add(one, optionalInteger<M>("dt_rank", &M::dtRank, 1, maxSize, "null: `dim` / 16, rounded up",
                              "Features that the steps dt are projected from."));
  add(two, integer<M>("head_dim", &M::headDim, 1, maxSize, "Width of a head; divides `ssm_dim`."));
  add(two, integer<M>("groups", &M::groups, 1, maxSize, "Groups of heads that share b and c; divides the heads."));
  add(two, optionalInteger<M>("ssm_dim", &M::ssmDim, 1, maxSize, "null: all features inside",
                              "Features that pass the recurrence; the others are gated alone."));
  add(two, flag<M>("skip_per_feature", &M::skipPerFeature, "The skip has a number for each feature, not each head."));
  add(two, flag<M>("gated_norm", &M::gatedNorm, "RMS norm over each group's features at the gate."));
  add(two, flag<M>("norm_before_gate", &M::normBeforeGate, "The gate comes behind that norm, not before it."));
  add(two, number<M>("dt_limit_min", &M::dtMin, 0, maxStep, "Least step dt."));
  Field<M> most = other<M>("dt_limit_max", Facts::Kind::Number, 0, maxStep, "Largest step dt.");
  most.nullable = true;
  most.whenAbsent = "null";
  most.get = [](const M &mamba) { return mamba.dtMax ? Value(*mamba.dtMax) : Value(); };
  most.set = [](M &mamba, const Value &value) {
    const double *given = std::get_if<double>(&value);
    mamba.dtMax = given != nullptr ? std::optional<double>(*given) : std::nullopt;
  };
  add(two, most);
  add(two, integer<M>("chunk", &M::chunk, 1, maxSize, "Positions computed at once; changes no value."));
  add(both, integer<M>("mlp", &M::mlp, 0, maxSize, "Hidden width of a gated feed-forward behind the mixer; 0: none."));
  add(one, number<M>("dt_scale", &M::dtScale, 1e-6, 1e6, "Factor of the first values that dt is projected with."));
  add(one, choice<M>("dt_init", &M::dtInit, {"random", "constant"}, "Those values: uniform, or all alike."));
  add(both, number<M>("dt_init_min", &M::dtInitMin, minEps, maxStep, "First steps are log-uniform from here,"));
  add(both, number<M>("dt_init_max", &M::dtInitMax, minEps, maxStep, "to here,"));
  add(both, number<M>("dt_init_floor", &M::dtInitFloor, minEps, maxStep, "and no less than this."));
  add(two, number<M>("a_init_min", &M::aInitMin, minEps, maxStep, "First decays -A are uniform from here"));
  add(two, number<M>("a_init_max", &M::aInitMax, minEps, maxStep, "to here."));
}

std::vector<Field<LayerEntry>> makeLayerFields() {
  using L = LayerEntry;
  std::vector<Field<L>> fields;
  fields.push_back(integer<L>("repeat", &L::repeat, 1, maxLayers, "How many such layers follow each other."));
  fields.push_back(choice<L, Block>("block", &L::block, {blockWords.begin(), blockWords.end()}, "Kind of the block."));
  addTransformerFields(fields);
  addLlamaFields(fields);
  addMambaFields(fields);
  fields.push_back(
      choice<L, Norm>("norm", &L::norm, normWords, "Norm before attention or the mixer, and before the feed-forward."));
  fields.push_back(eps<L>("norm_eps", &L::normEps, "norm"));
  auto add = [&](Field<L> field) { fields.push_back(of({Block::Transformer}, std::move(field))); };
  add(choice<L, Activation>("activation", &L::activation, {"gelu", "gelu_tanh"}, "Exact GELU (erf) or its tanh form."));
  add(flag<L>("attention_bias", &L::attentionBias, "Biases in the query, key, value and output projections."));
  add(rare(flag<L>("out_bias", &L::outBias, "A bias in the output projection, whatever `attention_bias` says.")));
  add(rare(flag<L>("ff_bias", &L::ffBias, "Biases in the feed-forward.")));
  add(rare(flag<L>("perceive", &L::perceive, "Positions behind the `prefix` read it, too; such layers come first.")));
  add(dropout<L>("attn_dropout", &L::attnDropout, "on the attention probabilities"));
  add(dropout<L>("ff_dropout", &L::ffDropout, "after the activation"));
  return fields;
}

std::vector<Field<Patches>> makePatchesFields() {
  using P = Patches;
  const std::vector<std::string> crossWords = {"none", "one", "all"};
  std::vector<Field<P>> fields;
  auto add = [&](Field<P> field) { fields.push_back(std::move(field)); };
  add(choice<P>("mode", &P::mode, {"given", "static", "byte", "space", "entropy", "bpe"},
                "Where patches begin: as the input says, every `size` bytes, at every byte, behind words, where an "
                "entropy model is unsure, or behind ids 3."));
  add(integer<P>("size", &P::size, 0, maxSize, "Bytes of a patch of mode \"static\", 0 in the others."));
  add(number<P>("threshold", &P::threshold, -maxStep, maxStep, "Entropy in nats above which a patch begins."));
  add(optionalNumber<P>("threshold_add", &P::thresholdAdd, -maxStep, maxStep,
                        "Beside it, the least step from the entropy before."));
  add(flag<P>("monotonic", &P::monotonic, "`threshold` is that of the step from the entropy before, alone."));
  add(optionalInteger<P>("max_length", &P::maxLength, 1, maxSize, "null", "Longer patches are cut."));
  add(integer<P>("lead", &P::lead, 0, maxSize,
                 "Ids 0 before the bytes that the encoder reads, in the first patch; not with its cross attention."));
  Field<P> pooling = other<P>("pooling", Facts::Kind::Words, 1, 3,
                              "What the encoder takes of a patch's bytes, side by side in this order; one alone where it "
                              "has cross attention.");
  pooling.choices = {"mean", "min", "max"};
  pooling.get = [](const P &from) {
    std::vector<int64_t> words;
    for (Pool pool : from.pooling) {
      words.push_back(int64_t(pool));
    }
    return Value(words);
  };
  pooling.set = [](P &into, const Value &value) {
    into.pooling.clear();
    for (int64_t word : std::get<std::vector<int64_t>>(value)) {
      into.pooling.push_back(Pool(word));
    }
  };
  add(pooling);
  add(integer<P>("per_patch", &P::perPatch, 1, maxHeads,
                 "Vectors of local width that stand for a patch in cross attention."));
  add(integer<P>("cross_heads", &P::crossHeads, 1, maxHeads, "Heads of cross attention; divides the local width."));
  add(choice<P>("encoder_cross", &P::encoderCross, crossWords,
                "Patches read their bytes by cross attention: never, after the encoder's last layer, after every one."));
  add(choice<P>("decoder_cross", &P::decoderCross, crossWords,
                "Bytes read patches by cross attention: never (the patch is added), before the decoder's first layer, "
                "before every one."));
  add(optionalInteger<P>("encoder_window", &P::encoderWindow, 1, maxSize, "null: its own",
                         "Patches whose bytes a patch reads, itself included."));
  add(optionalInteger<P>("decoder_window", &P::decoderWindow, 1, maxSize, "null: one",
                         "Patches that a byte reads, the last complete one included."));
  add(number<P>("cross_norm_eps", &P::crossNormEps, minEps, 1, "Epsilon of cross attention's RMS norms."));
  return fields;
}

template <typename T>
Field<T> integers(std::string key, std::vector<int64_t> T::*member, int64_t most, int64_t itemMin, int64_t itemMax,
                  std::string doc) {
  Field<T> field = other<T>(std::move(key), Facts::Kind::Integers, 0, double(most), std::move(doc));
  field.itemMin = double(itemMin);
  field.itemMax = double(itemMax);
  field.get = [member](const T &from) { return Value(from.*member); };
  field.set = [member](T &into, const Value &value) { into.*member = std::get<std::vector<int64_t>>(value); };
  return field;
}

std::vector<Field<Ngrams>> makeNgramsFields() {
  using N = Ngrams;
  Field<N> tables = other<N>("tables", Facts::Kind::List, 0, double(maxTables),
                             "Tables of listed n-grams; the last n ids are looked up.");
  tables.element = "table";
  tables.whenAbsent = "none";
  return {integers<N>("hash_sizes", &N::hashSizes, maxTables, 1, maxGram,
                      "Lengths n of hashed n-grams: a table for each and each function, function-major."),
          integer<N>("hash_functions", &N::hashFunctions, 1, maxHashFunctions, "Hash functions, each with its prime."),
          integer<N>("hash_rows", &N::hashRows, 0, maxSize, "Rows of every hash table; 0 without `hash_sizes`."),
          tables};
}

std::vector<Field<Ngrams::Table>> makeTableFields() {
  using T = Ngrams::Table;
  Field<T> grams = other<T>("grams", Facts::Kind::List, 0, double(maxGrams),
                            "The n-grams; that at place i has row i + 4, all others row 0.");
  grams.element = "gram";
  return {required(integer<T>("length", &T::length, 1, maxGram, "Ids of each n-gram.")), required(grams)};
}

// The table's rows for layers of one kind.
std::vector<Field<LayerEntry>> fieldsOf(Block block) {
  std::vector<Field<LayerEntry>> fields;
  for (const Field<LayerEntry> &field : makeLayerFields()) {
    if (field.blocks.empty() || std::find(field.blocks.begin(), field.blocks.end(), block) != field.blocks.end()) {
      fields.push_back(field);
    }
  }
  return fields;
}

} // namespace

std::string Facts::expected() const {
  std::string range = numeral(min) + " to " + numeral(max);
  std::string words;
  switch (kind) {
  case Kind::Boolean:
    return "true or false";
  case Kind::Integer:
    words = min == max ? "the integer " + numeral(min) : "an integer from " + range;
    break;
  case Kind::Number:
    words = "a number from " + range;
    break;
  case Kind::Choice:
    for (size_t i = 0; i < choices.size(); ++i) {
      words += (i == 0 ? "\"" : i + 1 == choices.size() ? " or \"" : ", \"") + choices[i] + "\"";
    }
    break;
  case Kind::Text:
    words = "a string of at most " + numeral(max) + " characters";
    break;
  case Kind::Integers:
    words = "an array of " + range + " integers from " + numeral(itemMin) + " to " + numeral(itemMax);
    break;
  case Kind::Words:
    words = "an array of " + range + " of the words ";
    for (size_t i = 0; i < choices.size(); ++i) {
      words += (i == 0 ? "\"" : ", \"") + choices[i] + "\"";
    }
    break;
  case Kind::Object:
    words = "an object";
    break;
  case Kind::List:
    words = "an array of " + range + " " + element + "s";
    break;
  case Kind::Any:
    words = element;
    break;
  }
  return words + (belowMax ? ", " + numeral(max) + " excluded" : "") + (nullable ? ", or null" : "");
}

double mblm::spec::defaultEps(Norm norm) { return norm == Norm::Layer || norm == Norm::Rms ? 1e-5 : 1e-8; }

const std::vector<Field<Spec>> &mblm::spec::topFields() {
  static const std::vector<Field<Spec>> fields = makeTopFields();
  return fields;
}

const std::vector<Field<Stage>> &mblm::spec::stageFields() {
  static const std::vector<Field<Stage>> fields = makeStageFields();
  return fields;
}

const std::vector<Field<LayerEntry>> &mblm::spec::layerFields(Block block) {
  static const std::vector<Field<LayerEntry>> fields[] = {fieldsOf(Block::Transformer), fieldsOf(Block::Mamba1),
                                                          fieldsOf(Block::Mamba2), fieldsOf(Block::Llama)};
  return fields[size_t(block)];
}

const std::vector<Field<Patches>> &mblm::spec::patchesFields() {
  static const std::vector<Field<Patches>> fields = makePatchesFields();
  return fields;
}

const std::vector<Field<Ngrams>> &mblm::spec::ngramsFields() {
  static const std::vector<Field<Ngrams>> fields = makeNgramsFields();
  return fields;
}

const std::vector<Field<Ngrams::Table>> &mblm::spec::tableFields() {
  static const std::vector<Field<Ngrams::Table>> fields = makeTableFields();
  return fields;
}

Facts mblm::spec::gramFacts() {
  Facts facts;
  facts.key = "a gram";
  facts.kind = Facts::Kind::Integers;
  facts.min = 1;
  facts.max = double(maxGram);
  facts.itemMax = double(maxSize - 1);
  return facts;
}

const char *mblm::spec::blockName(Block block) { return blockWords[size_t(block)]; }

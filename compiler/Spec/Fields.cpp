// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table itself. The words of a Choice stand in the order of its enumeration in Spec.h.
#include "compiler/Spec/Fields.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace mblm::spec;

namespace {

std::string numeral(double value) {
  return nlohmann::json(value == std::floor(value) && std::fabs(value) < 1e15 ? nlohmann::json(int64_t(value))
                                                                              : nlohmann::json(value))
      .dump();
}

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

  Field<Spec> pad = other<Spec>("pad", Facts::Kind::Integer, 0, maxSize - 1,
                                "Id that fills incomplete patches and is never a target; below `vocab`. Two or more "
                                "stages need it.");
  pad.nullable = true;
  pad.whenAbsent = "null";
  pad.get = [](const Spec &spec) { return spec.pad ? Value(*spec.pad) : Value(); };
  pad.set = [](Spec &spec, const Value &value) {
    const int64_t *id = std::get_if<int64_t>(&value);
    spec.pad = id != nullptr ? std::optional<int64_t>(*id) : std::nullopt;
  };
  fields.push_back(pad);

  fields.push_back(flag<Spec>("start_token", &Spec::startToken,
                              "Every sequence of a stage begins with a learned vector, so the first byte is predicted "
                              "too. `false`: one stage, a plain causal language model."));
  fields.push_back(flag<Spec>("pad_gradient", &Spec::padGradient,
                              "Row `pad` of the byte tables is trained. `false`: it stays as it is (MBLM)."));
  fields.push_back(
      flag<Spec>("tie_embeddings", &Spec::tieEmbeddings, "The head's matrix is the byte table of the last stage."));
  fields.push_back(flag<Spec>("head_bias", &Spec::headBias, "The head adds a bias."));
  fields.push_back(choice<Spec>("loss", &Spec::loss, {"mean_nonzero", "mean_targets"},
                                "Mean over token losses that are not zero (MBLM), or over targets that are not `pad` "
                                "(MEGABYTE)."));
  fields.push_back(flag<Spec>("fixed_length", &Spec::fixedLength,
                              "Never more than `length` positions in the first stage, whatever its `position` says."));
  fields.push_back(choice<Spec>("names", &Spec::names, {"mblm", "mblm-0.4.0", "megabyte", "gpt2"},
                                "Whose parameter names the weights carry."));
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

std::vector<Field<LayerEntry>> makeLayerFields() {
  using L = LayerEntry;
  std::vector<Field<L>> fields;
  fields.push_back(integer<L>("repeat", &L::repeat, 1, maxLayers, "How many such layers follow each other."));
  fields.push_back(choice<L, Block>("block", &L::block, {"transformer"}, "Kind of the block."));
  fields.push_back(required(integer<L>("heads", &L::heads, 1, maxHeads, "Attention heads.")));
  fields.push_back(required(
      integer<L>("head_dim", &L::headDim, 1, maxHeads, "Width of a head; `heads` x `head_dim` need not equal `dim`.")));
  fields.push_back(integer<L>("ff_mult", &L::ffMult, 1, maxFfMult, "Hidden width of the feed-forward over `dim`."));
  fields.push_back(
      flag<L>("rotary", &L::rotary, "Rotate queries and keys by position, half-split pairs (`head_dim` even)."));
  fields.push_back(number<L>("rotary_base", &L::rotaryBase, 1, 1e12, "Base of the rotary angles."));
  fields.push_back(flag<L>("token_shift", &L::tokenShift,
                           "The second half of a block's input features comes from the previous position."));
  fields.push_back(choice<L, Norm>("norm", &L::norm, normWords, "Norm before attention and before the feed-forward."));
  fields.push_back(eps<L>("norm_eps", &L::normEps, "norm"));
  fields.push_back(
      choice<L, Activation>("activation", &L::activation, {"gelu", "gelu_tanh"}, "Exact GELU (erf) or its tanh form."));
  fields.push_back(
      flag<L>("attention_bias", &L::attentionBias, "Biases in the query, key, value and output projections."));
  fields.push_back(dropout<L>("attn_dropout", &L::attnDropout, "on the attention probabilities"));
  fields.push_back(dropout<L>("ff_dropout", &L::ffDropout, "after the activation"));
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

const std::vector<Field<LayerEntry>> &mblm::spec::layerFields() {
  static const std::vector<Field<LayerEntry>> fields = makeLayerFields();
  return fields;
}

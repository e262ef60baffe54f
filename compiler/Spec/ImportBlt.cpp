// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations of BLT and of its entropy model: flat objects of arguments, many of which do nothing. What its
// reference cannot run is refused here, what changes no value is passed over.
#include "compiler/Spec/ImportCommon.h"

#include <cmath>

using namespace mblm;
using namespace mblm::spec;

namespace {

constexpr int64_t loaderWindow = 512; // what the reference's loader gives every entropy model

// Arguments that stacks of layers share.
struct Common {
  int64_t vocab = 0;
  int64_t end = 2;
  int64_t length = 2048; // patches; of the entropy model: bytes
  std::optional<int64_t> headDim;
  std::optional<int64_t> kvHeads;
  std::optional<double> ffMultiplier;
  int64_t multiple = 256;
  double eps = 1e-5;
  double theta = 10000;
  std::optional<double> initDeviation;
  int64_t initFactor = 0; // the index of its word; 0: none
};

struct EntropyConfig : Common {
  int64_t dim = 0, depth = 0, heads = 0;
  int64_t bias = 2; // the index of its word
  bool tied = false;
  std::optional<int64_t> window;
};

struct BltConfig : Common {
  int64_t dims[3] = {}, depths[3] = {}, heads[3] = {}; // global, encoder, decoder
  std::optional<int64_t> globalKvHeads;
  int64_t window = 0;
  std::optional<int64_t> bytes;
  int64_t moreRows = 0;
  std::optional<int64_t> tokenDim;
  bool documents = false;
  bool encoderTransformer = true, rope = true;
  std::optional<int64_t> mode; // the index of its word
  std::optional<double> patchSize, threshold, thresholdAdd;
  bool monotonic = false;
  std::optional<int64_t> maxLength;
  std::optional<std::string> pooling;
  bool crossEncoder = false, crossDecoder = false, allEncoder = false, allDecoder = false, byPooling = false;
  std::optional<int64_t> perPatch, crossHeads, encoderWindow, decoderWindow;
  bool listed = false;
  int64_t hashRows = 30000, hashFunctions = 3;
};

// A value that changes nothing here.
template <typename T>
Field<T> unused(std::string key) {
  return other<T>(std::move(key), Facts::Kind::Any, 0, 0, "");
}

template <typename T>
Field<T> nullable(std::string key, std::optional<int64_t> T::*member, int64_t min = 1) {
  return optionalInteger<T>(std::move(key), member, min, maxSize, "", "");
}

template <typename T>
Field<T> nullableNumber(std::string key, std::optional<double> T::*member) {
  return optionalNumber<T>(std::move(key), member, -maxStep, maxStep, "");
}

// One of three sizes, those of the stages.
Field<BltConfig> ofStage(std::string key, int64_t (BltConfig::*member)[3], size_t stage, int64_t max) {
  Field<BltConfig> field = required(other<BltConfig>(std::move(key), Facts::Kind::Integer, 1, double(max), ""));
  field.set = [member, stage](BltConfig &into, const Value &value) {
    (into.*member)[stage] = std::get<int64_t>(value);
  };
  return field;
}

template <typename T>
std::vector<Field<T>> commonFields() {
  return {
      required(integer<T>("vocab_size", &T::vocab, 2, maxSize - maxHeads, "")),
      nullable<T>("head_dim", &T::headDim),
      nullable<T>("n_kv_heads", &T::kvHeads),
      optionalNumber<T>("ffn_dim_multiplier", &T::ffMultiplier, 1e-3, maxFfMult, ""),
      integer<T>("multiple_of", &T::multiple, 1, maxSize, ""),
      number<T>("norm_eps", &T::eps, minEps, 1, ""),
      number<T>("rope_theta", &T::theta, 1, 1e12, ""),
      integer<T>("max_seqlen", &T::length, 1, maxSize, ""),
      integer<T>("eos_id", &T::end, 0, maxSize, ""),
      nullableNumber<T>("init_base_std", &T::initDeviation),
      choice<T, int64_t>("init_std_factor", &T::initFactor, {"disabled", "current_depth", "global_depth", "dim_ratio"},
                         ""),
      unused<T>("rope_use_fp32_in_outer_product"),
      unused<T>("attn_impl"), // the same masks whatever computes them
      unused<T>("seed"),
  };
}

std::vector<Field<EntropyConfig>> entropyFields() {
  using C = EntropyConfig;
  std::vector<Field<C>> fields = commonFields<C>();
  for (const Field<C> &field : {
           required(integer<C>("dim", &C::dim, 1, maxSize, "")),
           required(integer<C>("n_layers", &C::depth, 1, maxLayers, "")),
           required(integer<C>("n_heads", &C::heads, 1, maxHeads, "")),
           choice<C, int64_t>("attn_bias_type", &C::bias, {"causal", "block_causal", "local_block_causal"}, ""),
           flag<C>("weight_tying", &C::tied, ""),
           nullable<C>("sliding_window", &C::window),
       }) {
    fields.push_back(field);
  }
  return fields;
}

const std::vector<std::string> modeWords = {"", "static", "byte", "space", "entropy", "bpe", "bpe_patcher"};

std::vector<Field<BltConfig>> bltFields() {
  using C = BltConfig;
  std::vector<Field<C>> fields = commonFields<C>();
  Field<C> mode = other<C>("patching_mode", Facts::Kind::Choice, 0, 0, "");
  mode.nullable = true;
  mode.choices = modeWords;
  mode.set = [](C &into, const Value &value) {
    const int64_t *word = std::get_if<int64_t>(&value);
    into.mode = word == nullptr ? std::nullopt : std::optional<int64_t>(*word);
  };
  Field<C> pooling = other<C>("downsampling_by_pooling", Facts::Kind::Text, 0, 200, "");
  pooling.nullable = true;
  pooling.set = [](C &into, const Value &value) {
    const std::string *text = std::get_if<std::string>(&value);
    into.pooling = text == nullptr ? std::nullopt : std::optional<std::string>(*text);
  };
  Field<C> sizes = unused<C>("encoder_hash_byte_group_size"); // looked at beside these
  sizes.element = "an array of integers from 1 to 64, such integers in a string \"3,4\", or null";
  Field<C> tables = unused<C>("ngram_tables"); // no argument of the reference: the content of its tables' files
  tables.element = "an object of arrays of n-grams by their lengths";
  for (const Field<C> &field : {
           ofStage("dim_global", &C::dims, 0, maxSize),
           ofStage("dim_local_encoder", &C::dims, 1, maxSize),
           ofStage("dim_local_decoder", &C::dims, 2, maxSize),
           ofStage("n_layers_global", &C::depths, 0, maxLayers),
           ofStage("n_layers_local_encoder", &C::depths, 1, maxLayers),
           ofStage("n_layers_local_decoder", &C::depths, 2, maxLayers),
           ofStage("n_heads_global", &C::heads, 0, maxHeads),
           ofStage("n_heads_local_encoder", &C::heads, 1, maxHeads),
           ofStage("n_heads_local_decoder", &C::heads, 2, maxHeads),
           nullable<C>("n_kv_heads_global", &C::globalKvHeads),
           required(integer<C>("local_attention_window_len", &C::window, 1, maxSize, "")),
           nullable<C>("max_encoder_seq_length", &C::bytes),
           integer<C>("pm_size", &C::moreRows, 0, maxHeads, ""),
           nullable<C>("dim_token", &C::tokenDim),
           choice<C, bool>("attn_bias_type", &C::documents, {"causal", "block_causal"}, ""),
           flag<C>("use_local_encoder_transformer", &C::encoderTransformer, ""),
           flag<C>("use_rope", &C::rope, ""),
           mode,
           nullableNumber<C>("patch_size", &C::patchSize),
           nullableNumber<C>("patching_threshold", &C::threshold),
           nullableNumber<C>("patching_threshold_add", &C::thresholdAdd),
           flag<C>("monotonicity", &C::monotonic, ""),
           nullable<C>("max_patch_length", &C::maxLength),
           pooling,
           flag<C>("cross_attn_encoder", &C::crossEncoder, ""),
           flag<C>("cross_attn_decoder", &C::crossDecoder, ""),
           flag<C>("cross_attn_all_layers_encoder", &C::allEncoder, ""),
           flag<C>("cross_attn_all_layers_decoder", &C::allDecoder, ""),
           flag<C>("cross_attn_init_by_pooling", &C::byPooling, ""),
           optionalInteger<C>("cross_attn_k", &C::perPatch, 1, maxHeads, "", ""),
           optionalInteger<C>("cross_attn_nheads", &C::crossHeads, 1, maxHeads, "", ""),
           nullable<C>("cross_attn_window_encoder", &C::encoderWindow),
           nullable<C>("cross_attn_window_decoder", &C::decoderWindow),
           sizes,
           integer<C>("encoder_hash_byte_group_vocab", &C::hashRows, 1, maxSize, ""),
           integer<C>("encoder_hash_byte_group_nb_functions", &C::hashFunctions, 1, maxHashFunctions, ""),
           flag<C>("encoder_enable_byte_ngrams", &C::listed, ""),
           tables,
       }) {
    fields.push_back(field);
  }
  // Arguments of the top level that no stack reads, of training, and of how things are computed.
  for (const char *key : {"dim",
                          "n_layers",
                          "n_heads",
                          "weight_tying",
                          "patch_in_forward",
                          "patching_batch_size",
                          "patching_device",
                          "tie_local_encoder_decoder_logits",
                          "tie_local_encoder_decoder",
                          "encoder_lm_loss",
                          "pad_to_max_length",
                          "encoder_enable_byte_group_hash",
                          "ngram_vocab_sizes",
                          "cross_attn_use_flex_attention",
                          "log_patch_lengths",
                          "non_linearity",
                          "recompute_fc1_out",
                          "recompute_fc3_out",
                          "recompute_attn",
                          "custom_bwd",
                          "layer_ckpt",
                          "init_use_gaussian",
                          "init_use_depth",
                          "alpha_depth",
                          "max_length",
                          "norm_affine",
                          "pre_norm",
                          "norm_type",
                          "dropout",
                          "output_size",
                          "architecture",
                          "share_encoder_decoder_emb",
                          "global_local_decoder_residual_layer",
                          "tokenize_with_bpe_delimiter",
                          "patching_thresholds_str",
                          "encoder_preds_low_entropy_toks",
                          "encoder_preds_random_toks",
                          "dim_token_emb",
                          "dim_patch_emb",
                          "encoder_ngram_table_dir",
                          "encoder_ngram_to_size_str",
                          "entropy_model_checkpoint_dir",
                          "entropy_model_is_ngram_model",
                          "conv_kernel_size",
                          "sequence_parallel",
                          "loss_parallel",
                          "fuse_sequence_parallel",
                          "use_fsdp",
                          "attn_to_keep",
                          "full_logging_n_layers"}) {
    fields.push_back(unused<C>(key));
  }
  return fields;
}

// What both importers do: stacks of layers, and words about what is left out.
class Importer {
public:
  explicit Importer(const Source &source) : source(source) {}

  // At the value of `key`, or at the whole where it is not given.
  [[noreturn]] void fail(const std::string &key, const std::string &message) const {
    const Node::Member *member = source.root().find(key);
    source.fail(member == nullptr ? source.root().offset : member->value.offset, pointerStep(key),
                key + " is " + (member == nullptr ? "missing" : describe(member->value)) + message);
  }

  void take(const Common &config, int64_t moreRows) {
    Spec &spec = imported.spec;
    spec.vocab = config.vocab + moreRows;
    spec.documentEnd = config.end;
    spec.names = Names::Blt;
    spec.loss = Loss::MeanWeighted;
    spec.startToken = spec.headBias = false;
    imported.pointers = {{"/vocab", "/vocab_size"}, {"/document_end", "/eos_id"}};
    if (config.initFactor != 0 || config.initDeviation) {
      imported.notes.push_back("first values are those of init_std_factor \"disabled\" without init_base_std");
    }
  }

  // A stage of equal layers. The keys are those of its width and of its heads.
  Stage &stage(const Common &config, int64_t dim, const char *dimKey, int64_t depth, int64_t heads,
               const char *headsKey) {
    Layer layer(Block::Llama);
    layer.heads = heads;
    layer.headDim = config.headDim ? *config.headDim : headDim(dim, dimKey, heads, headsKey);
    layer.rotaryBase = config.theta;
    layer.normEps = config.eps;
    // As the reference rounds: the product with 8/3 down, that with the multiplier down, then up to a multiple.
    int64_t hidden = int64_t(config.ffMultiplier.value_or(1) * double(8 * dim / 3));
    layer.ffHidden = (hidden + config.multiple - 1) / config.multiple * config.multiple;
    if (layer.ffHidden < 1 || layer.ffHidden > maxSize) {
      fail("ffn_dim_multiplier", ", which makes feed-forwards " + std::to_string(layer.ffHidden) +
                                     " wide; expected 1 to " + std::to_string(maxSize));
    }
    Stage stage;
    stage.dim = dim;
    stage.length = config.length;
    stage.finalNorm = Norm::None;
    stage.finalNormEps = defaultEps(Norm::None);
    stage.layers.assign(size_t(depth), layer);
    std::string at = "/stages/" + std::to_string(imported.spec.stages.size());
    imported.pointers[at + "/dim"] = pointerStep(dimKey);
    imported.pointers[at + "/length"] = "/max_seqlen";
    imported.pointers[at + "/layers/0/head_dim"] = "/head_dim";
    imported.pointers[at + "/layers/0/kv_heads"] = "/n_kv_heads";
    imported.spec.stages.push_back(std::move(stage));
    return imported.spec.stages.back();
  }

  static void finalNorm(Stage &stage, const Common &config) {
    stage.finalNorm = Norm::Rms;
    stage.finalNormEps = config.eps;
  }

  const Source &source;
  Imported imported;

private:
  int64_t headDim(int64_t dim, const char *dimKey, int64_t heads, const char *headsKey) const {
    if (dim % heads != 0) {
      fail(headsKey,
           std::string(" but ") + dimKey + " is " + std::to_string(dim) + "; expected a divisor of it, or head_dim");
    }
    if (dim / heads % 2 != 0) {
      fail(headsKey, std::string(" and ") + dimKey + " is " + std::to_string(dim) + ", which makes heads " +
                         std::to_string(dim / heads) +
                         " wide, and pairs of features are rotated; expected an even "
                         "width");
    }
    return dim / heads;
  }
};

class BltImporter : Importer {
public:
  using Importer::Importer;

  Imported run() {
    const std::vector<Field<BltConfig>> fields = bltFields();
    checkKeys(source, source.root(), "", placeOf("a blt configuration", fields),
              {placeOf("a blt-entropy configuration", entropyFields())});
    takeFields(source, source.root(), "", fields, config);
    refuseBroken();
    take(config, config.moreRows);
    takeStages();
    takeMode();
    takeCross();
    imported.spec.patches = patches;
    takeNgrams();
    return std::move(imported);
  }

private:
  // Values that the reference's own model cannot be made or run with.
  void refuseBroken() const {
    if (!config.rope) {
      fail("use_rope", "; expected true");
    }
    if (!config.encoderTransformer) {
      fail("use_local_encoder_transformer", "; expected true");
    }
    if (config.tokenDim && *config.tokenDim != config.dims[1]) {
      fail("dim_token", " but dim_local_encoder is " + std::to_string(config.dims[1]) + "; expected null or the same");
    }
    if (config.crossEncoder && !config.byPooling) {
      fail("cross_attn_init_by_pooling", " but the encoder's cross attention begins with pooled bytes; expected true");
    }
  }

  void takeStages() {
    static const char *const parts[] = {"global", "local_encoder", "local_decoder"};
    int64_t bytes = config.bytes.value_or(config.length);
    for (size_t i = 0; i < 3; ++i) {
      std::string dimKey = std::string("dim_") + parts[i], headsKey = std::string("n_heads_") + parts[i];
      Stage &stage =
          this->stage(config, config.dims[i], dimKey.c_str(), config.depths[i], config.heads[i], headsKey.c_str());
      for (Layer &layer : stage.layers) {
        layer.kvHeads = i == 0 ? config.globalKvHeads : config.kvHeads;
        layer.documents = i != 0 || config.documents;
        if (i != 0) {
          layer.window = config.window;
        }
      }
      if (i != 0) {
        stage.length = bytes;
        imported.pointers["/stages/" + std::to_string(i) + "/length"] = "/max_encoder_seq_length";
      }
    }
    imported.pointers["/stages/0/layers/0/kv_heads"] = "/n_kv_heads_global";
    finalNorm(imported.spec.stages[2], config);
  }

  void takeMode() {
    static const PatchMode modes[] = {PatchMode::Static,  PatchMode::Static, PatchMode::Byte, PatchMode::Space,
                                      PatchMode::Entropy, PatchMode::Bpe,    PatchMode::Given};
    const int64_t ofLead = 0, ofModel = 6;
    patches.mode = config.mode ? modes[*config.mode] : PatchMode::Given;
    patches.maxLength = config.maxLength;
    if (config.mode == ofModel) {
      imported.notes.push_back("patching_mode \"bpe_patcher\" needs a model of its own; lengths come with the input");
    }
    if (config.mode == ofLead && config.crossEncoder) {
      fail("patching_mode", " and puts ids before the encoder's bytes, but its cross attention reads none; expected "
                            "another mode, or cross_attn_encoder false");
    }
    if (patches.mode == PatchMode::Static) {
      if (!config.patchSize || *config.patchSize < 1 || *config.patchSize != std::floor(*config.patchSize)) {
        fail("patch_size", " but patching_mode is " + inQuotes(modeWords[size_t(*config.mode)]) +
                               "; expected a whole number, at least 1");
      }
      patches.size = int64_t(*config.patchSize);
      patches.lead = config.mode == ofLead ? patches.size - 1 : 0;
    }
    if (patches.mode == PatchMode::Entropy) {
      patches.threshold = config.threshold.value_or(patches.threshold);
      patches.monotonic = config.monotonic;
      if (config.monotonic && config.thresholdAdd) {
        imported.notes.push_back("patching_threshold_add is left out: with monotonicity nothing reads it");
      } else {
        patches.thresholdAdd = config.thresholdAdd;
      }
    }
    imported.pointers["/patches/size"] = "/patch_size";
  }

  void takePooling() {
    if (!config.pooling) {
      fail("downsampling_by_pooling", "; expected a string with \"avg\", \"min\" or \"max\"");
    }
    auto has = [&](const char *word) { return config.pooling->find(word) != std::string::npos; };
    patches.pooling.clear();
    if (has("avg") || has("mean")) {
      patches.pooling.push_back(Pool::Mean);
    }
    if (has("min")) {
      patches.pooling.push_back(Pool::Min);
    }
    if (has("max")) {
      patches.pooling.push_back(Pool::Max);
    }
    if (patches.pooling.empty()) {
      fail("downsampling_by_pooling", "; expected a string with \"avg\", \"min\" or \"max\"");
    }
    if (!config.crossEncoder && !has("avg") && has("mean")) { // the reference's width of a patch knows "avg" alone
      fail("downsampling_by_pooling", " without cross attention in the encoder; expected \"avg\"");
    }
    imported.pointers["/patches/pooling"] = "/downsampling_by_pooling";
  }

  void takeCross() {
    takePooling();
    auto where = [](bool there, bool all) {
      return !there ? CrossLayers::None : all ? CrossLayers::All : CrossLayers::One;
    };
    patches.encoderCross = where(config.crossEncoder, config.allEncoder);
    patches.decoderCross = where(config.crossDecoder, config.allDecoder);
    patches.crossNormEps = config.eps;
    if (config.crossEncoder || config.crossDecoder) {
      for (const auto &[key, value] :
           {std::pair("cross_attn_k", config.perPatch), {"cross_attn_nheads", config.crossHeads}}) {
        if (!value) {
          fail(key, " but there is cross attention; expected an integer from 1 to 65536");
        }
      }
      patches.perPatch = *config.perPatch;
      patches.crossHeads = *config.crossHeads;
    }
    patches.encoderWindow = config.crossEncoder ? config.encoderWindow : std::nullopt;
    patches.decoderWindow = config.crossDecoder ? config.decoderWindow : std::nullopt;
    imported.pointers["/patches/per_patch"] = "/cross_attn_k";
    imported.pointers["/patches/cross_heads"] = "/cross_attn_nheads";
  }

  // An array of integers, or a string of them, or null.
  std::vector<int64_t> hashSizes() const {
    const std::string key = "encoder_hash_byte_group_size";
    std::vector<int64_t> sizes;
    const Node::Member *member = source.root().find(key);
    if (member == nullptr || member->value.kind == Node::Kind::Null) {
      return sizes;
    }
    const std::string wish = "; expected an array of integers from 1 to 64, a string of such as \"3,4\", or null";
    if (member->value.kind == Node::Kind::Array) {
      for (const Node &item : member->value.items) {
        sizes.push_back(item.kind == Node::Kind::Integer ? item.integer : 0);
      }
    } else if (member->value.kind == Node::Kind::String) {
      std::string text = member->value.text + ",";
      for (size_t at = 0, end; (end = text.find(',', at)) != std::string::npos; at = end + 1) {
        std::string digits = text.substr(at, end - at);
        digits.erase(0, digits.find_first_not_of(' '));
        digits.erase(digits.find_last_not_of(' ') + 1);
        bool right =
            !digits.empty() && digits.size() < 4 && digits.find_first_not_of("0123456789") == std::string::npos;
        sizes.push_back(right ? std::stoll(digits) : 0);
      }
    } else {
      fail(key, wish);
    }
    bool right = sizes.size() <= size_t(maxTables);
    for (int64_t size : sizes) {
      right = right && size >= 1 && size <= maxGram;
    }
    if (!right) {
      fail(key, wish);
    }
    return sizes;
  }

  void takeNgrams() {
    Ngrams ngrams;
    ngrams.hashSizes = hashSizes();
    if (!ngrams.hashSizes.empty()) {
      ngrams.hashRows = config.hashRows;
      ngrams.hashFunctions = config.hashFunctions;
    }
    if (config.listed) {
      if (ngrams.hashSizes.empty()) {
        fail("encoder_enable_byte_ngrams",
             " but encoder_hash_byte_group_size names no tables, and the reference has one kind with the other alone; "
             "expected false");
      }
      takeTables(ngrams);
    }
    if (!ngrams.hashSizes.empty()) {
      imported.spec.ngrams = std::move(ngrams);
    }
  }

  void takeTables(Ngrams &ngrams) {
    const Node::Member *given = source.root().find("ngram_tables");
    if (given == nullptr) {
      imported.notes.push_back("the tables of listed n-grams are left out: the configuration does not hold them; add "
                               "\"ngram_tables\": {\"LENGTH\": [[ID, ...], ...], ...}");
      return;
    }
    checkObject(source, given->value, "/ngram_tables", "ngram_tables");
    for (const Node::Member &member : given->value.members) {
      std::string at = "/ngram_tables" + pointerStep(member.key);
      bool digits = !member.key.empty() && member.key.size() < 4 &&
                    member.key.find_first_not_of("0123456789") == std::string::npos;
      int64_t length = digits ? std::stoll(member.key) : 0;
      if (length < 1 || length > maxGram) {
        source.fail(member.offset, at, "a table's key is " + inQuotes(member.key) + "; expected its length, 1 to 64");
      }
      if (member.value.kind != Node::Kind::Array) {
        source.fail(member.value.offset, at,
                    "a table is " + describe(member.value) + "; expected an array of arrays of ids");
      }
      Ngrams::Table table;
      table.length = length;
      for (const Node &gram : member.value.items) {
        std::string place = at + "/" + std::to_string(table.grams.size());
        imported.pointers["/ngrams/tables/" + std::to_string(ngrams.tables.size()) + "/grams/" +
                          std::to_string(table.grams.size())] = place;
        const auto ids = std::get<std::vector<int64_t>>(takeValue(source, gram, place, gramFacts()));
        table.grams.emplace_back(ids.begin(), ids.end());
      }
      ngrams.tables.push_back(std::move(table));
    }
  }

  BltConfig config;
  Patches patches;
};

} // namespace

Imported mblm::spec::importBlt(const Source &source, const TensorShapes *) { return BltImporter(source).run(); }

Imported mblm::spec::importBltEntropy(const Source &source, const TensorShapes *) {
  const std::vector<Field<EntropyConfig>> fields = entropyFields();
  checkKeys(source, source.root(), "", placeOf("a blt-entropy configuration", fields),
            {placeOf("a blt configuration", bltFields())});
  EntropyConfig config;
  takeFields(source, source.root(), "", fields, config);
  Importer importer(source);
  if (config.tied) {
    importer.fail("weight_tying", "; expected false");
  }
  importer.take(config, 0);
  const bool local = config.bias == 2;
  if (local && source.root().find("sliding_window") == nullptr) {
    config.window = loaderWindow;
    importer.imported.notes.push_back("sliding_window is not given; 512, as the reference loads every entropy model");
  }
  if (local && !config.window) {
    importer.fail("sliding_window", " but attn_bias_type is \"local_block_causal\"; expected an integer");
  }
  if (!local && config.window) {
    importer.imported.notes.push_back(
        "sliding_window is left out: only attn_bias_type \"local_block_causal\" reads it");
  }
  Stage &stage = importer.stage(config, config.dim, "dim", config.depth, config.heads, "n_heads");
  for (Layer &layer : stage.layers) {
    layer.kvHeads = config.kvHeads;
    layer.documents = config.bias != 0;
    layer.window = local ? config.window : std::nullopt;
  }
  Importer::finalNorm(stage, config);
  return std::move(importer.imported);
}

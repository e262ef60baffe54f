// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models that sequences go through whole: those with a prefix, and masked ones.
#include "compiler/Spec/Check.h"
#include "compiler/Spec/Fields.h"

using namespace mblm;
using namespace mblm::spec;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

class WholeChecker {
public:
  WholeChecker(const Spec &spec, const Origin &origin) : spec(spec), origin(origin) {}

  void run() const {
    bool named = spec.names == Names::PerceiverAr;
    if (named != spec.prefix.has_value()) {
      fail(named ? "/names" : "/prefix", named ? "names \"perceiver_ar\" are those of a model with a prefix; expected \"prefix\" too"
                                               : "a prefix has names in \"perceiver_ar\" alone; expected names \"perceiver_ar\"");
    }
    for (const Stage &stage : spec.stages) {
      for (const Layer &layer : stage.layers) {
        refuse(layer.perceive && !spec.prefix, layer.pointer + "/perceive", "true but there is no prefix; expected false, or \"prefix\"");
      }
    }
    spec.isMasked() ? checkMasked() : checkUnmasked();
    if (spec.prefix) {
      checkPrefix();
    }
  }

private:
  [[noreturn]] void fail(const std::string &pointer, const std::string &message) const { origin.fail(pointer, message); }
  // "KEY is MESSAGE"
  void refuse(bool wrong, const std::string &pointer, const std::string &message) const {
    if (wrong) {
      fail(pointer, origin.key(pointer) + " is " + message);
    }
  }

  void checkTransformers(const std::string &what) const {
    for (const Stage &stage : spec.stages) {
      for (const Layer &layer : stage.layers) {
        refuse(layer.block != Block::Transformer, layer.pointer + "/block",
               "\"" + std::string(blockName(layer.block)) + "\" but " + what + "; expected \"transformer\"");
      }
    }
  }

  void checkMasked() const {
    refuse(*spec.maskToken >= spec.vocab, "/mask_token",
           number(*spec.maskToken) + " but " + origin.key("/vocab") + " is " + number(spec.vocab) + "; expected at most " +
               number(spec.vocab - 1));
    refuse(spec.startToken, "/start_token", "true but a masked model predicts bytes in their own places; expected false");
    refuse(spec.prefix.has_value(), "/prefix", "given but a masked model predicts bytes anywhere; expected null");
    checkTransformers("a masked model looks to both sides");
  }

  void checkUnmasked() const {
    const Spec plain;
    refuse(spec.maskAll, "/mask_all", "true but there is no mask_token; expected false, or \"mask_token\"");
    if (spec.maskProbability != plain.maskProbability) {
      fail("/mask_probability", "mask_probability is given but there is no mask_token; expected neither, or both");
    }
  }

  void checkPrefix() const {
    if (spec.stages.size() != 1) {
      fail("/stages", "stages has " + number(int64_t(spec.stages.size())) + " entries but a prefix is one stage's; expected 1");
    }
    const Stage &stage = spec.stages[0];
    refuse(spec.startToken, "/start_token", "true but nothing of a prefix is predicted; expected false");
    refuse(*spec.prefix >= stage.length, "/prefix",
           number(*spec.prefix) + " but " + origin.key(stage.pointer + "/length") + " is " + number(stage.length) +
               "; expected at most " + number(stage.length - 1));
    checkTransformers("a prefix is read by Transformer layers");
    if (!stage.layers[0].perceive) {
      fail(stage.layers[0].pointer + "/perceive", "no layer reads the prefix; expected the first layer with perceive true");
    }
    for (size_t i = 0; i < stage.layers.size(); ++i) {
      checkPerceiving(stage.layers[i], i > 0 && !stage.layers[i - 1].perceive);
    }
  }

  void checkPerceiving(const Layer &layer, bool behindOthers) const {
    if (!layer.perceive) {
      return;
    }
    refuse(behindOthers, layer.pointer + "/perceive", "true behind a layer that does not read the prefix; expected such layers first");
    refuse(layer.tokenShift, layer.pointer + "/token_shift", "true but prefix and latents stand apart there; expected false");
    refuse(layer.attentionBias, layer.pointer + "/attention_bias",
           "true but queries and keys come from different positions there; expected false (out_bias for the output projection alone)");
    refuse(layer.attnDropout > 0, layer.pointer + "/attn_dropout", "not 0 but layers that read a prefix drop no probabilities; expected 0");
  }

  const Spec &spec;
  const Origin &origin;
};

} // namespace

void mblm::spec::checkWhole(const Spec &spec, const Origin &origin) { WholeChecker(spec, origin).run(); }

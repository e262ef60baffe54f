// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes are counted in 128 bits: a stage's length, dim and patch are below 2^31, 2^31 and 2^63, so no product of three
// can overflow before it is refused.
#include "compiler/Spec/Check.h"

#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Parameters.h"

#include <algorithm>

using namespace mblm;
using namespace mblm::spec;

using Wide = unsigned __int128;

// 64 Gi elements, 256 GiB of f32: far beyond what a machine trains, near enough to refuse nonsense early.
static constexpr Wide maxElements = Wide(64) << 30;

static std::string decimal(Wide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), char('0' + int(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

std::string Origin::key(const std::string &pointer) const {
  std::string path = translate(pointer);
  while (!path.empty()) {
    size_t slash = path.rfind('/');
    std::string step = path.substr(slash + 1);
    if (step.find_first_not_of("0123456789") != std::string::npos) {
      return step;
    }
    path.resize(slash);
  }
  return "";
}

void Origin::fail(const std::string &pointer, const std::string &message, Exit code) const {
  std::string path = translate(pointer);
  source.fail(source.nearest(path).offset, path, message, code);
}

static std::string number(int64_t value) { return std::to_string(value); }

static void checkTop(const Spec &spec, const Origin &origin) {
  auto key = [&](const char *pointer) { return origin.key(pointer); };
  size_t stages = spec.stages.size();
  if (spec.pad && *spec.pad >= spec.vocab) {
    origin.fail("/pad", key("/pad") + " is " + number(*spec.pad) + " but " + key("/vocab") + " is " +
                            number(spec.vocab) + "; expected at most " + number(spec.vocab - 1));
  }
  if (!spec.pad && stages > 1 && !spec.patches) {
    origin.fail("", "\"pad\" is missing but " + number(int64_t(stages)) +
                        " stages need it to fill incomplete patches; expected an integer from 0 to " +
                        number(spec.vocab - 1));
  }
  if (!spec.pad && !spec.padGradient) {
    origin.fail("/pad_gradient", "pad_gradient is false but there is no pad; expected true, or \"pad\"");
  }
  if (spec.frozen && *spec.frozen >= spec.vocab) {
    origin.fail("/padding_idx", key("/padding_idx") + " is " + number(*spec.frozen) + " but " + key("/vocab") + " is " +
                                    number(spec.vocab) + "; expected at most " + number(spec.vocab - 1));
  }
  if (spec.frozen && (spec.tieEmbeddings || !spec.padGradient)) {
    origin.fail("/padding_idx",
                spec.tieEmbeddings
                    ? "padding_idx needs a table that the head does not train; expected null, or "
                      "tie_embeddings false"
                    : "padding_idx and pad_gradient false both keep a row as it is; expected one of them");
  }
  if (spec.tieEmbeddings && !spec.padGradient) {
    origin.fail("/pad_gradient",
                "pad_gradient is false but tie_embeddings is true, and the head trains the table's row "
                "of pad; expected pad_gradient true, or tie_embeddings false");
  }
  if (!spec.startToken && stages != 1 && !spec.patches && !spec.isMasked()) {
    origin.fail("/start_token",
                "start_token is false with " + number(int64_t(stages)) + " stages; expected true, or 1 stage");
  }
}

// The names of Mamba's language models are for one stage of Mamba layers, those of GPT-2 for one of Transformer layers.
static void checkNames(const Spec &spec, const Origin &origin) {
  if (spec.names != Names::Gpt2 && spec.names != Names::Mamba) {
    return;
  }
  bool ofMamba = spec.names == Names::Mamba;
  std::string words = ofMamba ? "names \"mamba\"" : "names \"gpt2\"";
  if (spec.stages.size() != 1) {
    origin.fail("/names", words + " has no names for " + number(int64_t(spec.stages.size())) +
                              " stages; expected \"mblm\" or \"megabyte\", or 1 stage");
  }
  if (spec.startToken) {
    origin.fail("/names",
                words + " has no name for a start token; expected \"mblm\" or \"megabyte\", or start_token false");
  }
  const Stage &stage = spec.stages[0];
  for (const Layer &layer : stage.layers) {
    if (layer.isMamba() != ofMamba) {
      origin.fail("/names", words + " has no names for \"" + blockName(layer.block) +
                                "\" layers; expected \"mblm\" or \"megabyte\"");
    }
  }
  if (ofMamba && stage.position == Position::Learned) {
    origin.fail("/names", words +
                              " has no name for a table of positions; expected \"mblm\" or \"megabyte\", or position "
                              "\"none\" or \"rope\"");
  }
}

static void checkMamba2(const Mamba &mamba, int64_t dim, const std::string &pointer, const Origin &origin) {
  int64_t inner = mamba.innerDim(dim), width = mamba.ssmDimOf(dim), heads = mamba.headsOf(dim);
  if (width > inner) {
    origin.fail(pointer + "/ssm_dim", "ssm_dim is " + number(width) + " but there are " + number(inner) +
                                          " features inside; expected at most " + number(inner));
  }
  if (width % mamba.headDim != 0) {
    origin.fail(pointer + "/head_dim", origin.key(pointer + "/head_dim") + " is " + number(mamba.headDim) + " but " +
                                           number(width) + " features pass the recurrence; expected a divisor of them");
  }
  if (heads % mamba.groups != 0) {
    origin.fail(pointer + "/groups", origin.key(pointer + "/groups") + " is " + number(mamba.groups) +
                                         " but there are " + number(heads) + " heads; expected a divisor of them");
  }
  if (mamba.dtMax && *mamba.dtMax < mamba.dtMin) {
    origin.fail(pointer + "/dt_limit_max", "the largest step dt is below the least one; expected limits in order");
  }
  if (mamba.aInitMax < mamba.aInitMin) {
    origin.fail(pointer + "/a_init_max", "the largest first decay is below the least one; expected them in order");
  }
}

static void checkMamba(const Layer &layer, int64_t dim, const Origin &origin) {
  const Mamba &mamba = layer.mamba;
  if (mamba.innerDim(dim) < 1) {
    origin.fail(layer.pointer + "/expand",
                "expand leaves no feature of " + number(dim) + "; expected at least 1 / " + number(dim));
  }
  if (mamba.dtInitMax < mamba.dtInitMin) {
    origin.fail(layer.pointer + "/dt_init_max",
                "the largest first step is below the least one; expected them in order");
  }
  if (layer.block == Block::Mamba2) {
    checkMamba2(mamba, dim, layer.pointer, origin);
  }
}

static void checkLlama(const Layer &layer, const Origin &origin) {
  auto fail = [&](const std::string &key, const std::string &message) {
    origin.fail(layer.pointer + key, origin.key(layer.pointer + key) + " is " + message);
  };
  if (layer.headDim % 2 != 0) {
    fail("/head_dim", number(layer.headDim) + " but llama layers rotate pairs of features; expected an even number, "
                                              "nearest " +
                          number(layer.headDim + 1));
  }
  if (layer.heads % layer.kvHeadsOf() != 0) {
    fail("/kv_heads", number(layer.kvHeadsOf()) + " but there are " + number(layer.heads) +
                          " heads; expected a divisor of them");
  }
}

static void checkRotary(const Layer &layer, const Origin &origin) {
  std::string width = layer.pointer + "/head_dim", rotated = layer.pointer + "/rotary_dim";
  auto pairs = [&](const std::string &pointer, int64_t value) {
    origin.fail(pointer, origin.key(pointer) + " is " + number(value) + " but " + origin.key(layer.pointer + "/rotary") +
                             " rotates pairs of features; expected an even number, nearest " + number(value + 1));
  };
  if (layer.rotaryDim && !layer.rotary) {
    origin.fail(rotated, origin.key(rotated) + " is " + number(*layer.rotaryDim) + " but nothing is rotated; expected null, or rotary true");
  }
  if (layer.rotaryDim && *layer.rotaryDim > layer.headDim) {
    origin.fail(width, origin.key(width) + " is " + number(layer.headDim) + " but " + number(*layer.rotaryDim) +
                           " features of a head are rotated; expected at least " + number(*layer.rotaryDim));
  }
  if (layer.rotary && layer.rotaryDim.value_or(layer.headDim) % 2 != 0) {
    layer.rotaryDim ? pairs(rotated, *layer.rotaryDim) : pairs(width, layer.headDim);
  }
}

static void checkStage(const Stage &stage, const Origin &origin) {
  if (stage.position == Position::Rope && stage.dim % 2 != 0) {
    std::string pointer = stage.pointer + "/dim";
    origin.fail(pointer,
                origin.key(pointer) + " is " + number(stage.dim) + " but " + origin.key(stage.pointer + "/position") +
                    " \"rope\" rotates pairs of features; expected an even number, nearest " + number(stage.dim + 1));
  }
  for (const Layer &layer : stage.layers) {
    if (layer.isMamba()) {
      checkMamba(layer, stage.dim, origin);
    } else if (layer.block == Block::Llama) {
      checkLlama(layer, origin);
    } else {
      checkRotary(layer, origin);
    }
  }
}

static void checkLengths(const Spec &spec, const Origin &origin) {
  Wide bytes = 1;
  if (spec.patches) { // the data decides what they multiply to
    return;
  }
  for (const Stage &stage : spec.stages) {
    bytes *= Wide(stage.length); // stays below 2^94: refused as soon as it passes 2^63
    if (bytes > Wide(INT64_MAX)) {
      origin.fail(stage.pointer + "/length", "the lengths up to this stage multiply to " + decimal(bytes) +
                                                 " positions; expected at most 9223372036854775807");
    }
  }
}

[[noreturn]] static void failTooMany(const Origin &origin, const std::string &pointer, const std::string &count,
                                     const std::string &largest) {
  origin.fail(pointer,
              "the model has " + count + " parameters, largest " + largest + "; expected at most " +
                  decimal(maxElements) + " (64 Gi)",
              Exit::Resource);
}

static void checkParameters(const Spec &spec, const Origin &origin) {
  const Stage &local = spec.stages.back();
  for (size_t i = 0; i + 1 < spec.stages.size(); ++i) {
    const Stage &stage = spec.stages[i];
    // The one matrix whose width can pass 64 bits by itself.
    Wide width = Wide(spec.bytesPerSlot(i)) * Wide(local.dim);
    if (width * Wide(stage.dim) > maxElements) {
      failTooMany(origin, stage.pointer, "more than " + decimal(width * Wide(stage.dim)),
                  "the patch projection of stage " + number(int64_t(i)) + " [" + number(stage.dim) + ", " +
                      decimal(width) + "]");
    }
  }
  std::vector<Parameter> parameters = listParameters(spec);
  Wide total = 0;
  auto count = [](const Parameter &parameter) {
    Wide product = 1;
    for (int64_t size : parameter.shape) {
      product *= Wide(size);
    }
    return product;
  };
  for (const Parameter &parameter : parameters) {
    total += count(parameter);
  }
  if (total <= maxElements) {
    return;
  }
  size_t shown = std::min<size_t>(3, parameters.size());
  std::partial_sort(parameters.begin(), parameters.begin() + long(shown), parameters.end(),
                    [&](const Parameter &a, const Parameter &b) { return count(a) > count(b); });
  std::string largest;
  for (size_t i = 0; i < shown; ++i) {
    largest += (i == 0 ? "" : ", ") + parameters[i].name + " (" + decimal(count(parameters[i])) + ")";
  }
  failTooMany(origin, "", decimal(total), largest);
}

void mblm::spec::checkSpec(const Spec &spec, const Origin &origin) {
  checkTop(spec, origin);
  checkNames(spec, origin);
  for (const Stage &stage : spec.stages) {
    checkStage(stage, origin);
  }
  checkPatches(spec, origin);
  checkWhole(spec, origin);
  checkLengths(spec, origin);
  checkParameters(spec, origin);
}

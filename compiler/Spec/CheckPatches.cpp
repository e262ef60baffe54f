// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models of Llama layers: one stage, or three with patches that depend on the data.
#include "compiler/Spec/Check.h"
#include "compiler/Spec/Fields.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

using namespace mblm;
using namespace mblm::spec;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

class PatchesChecker {
public:
  PatchesChecker(const Spec &spec, const Origin &origin) : spec(spec), origin(origin) {}

  void run() const {
    checkNames();
    checkDocuments();
    if (spec.ngrams && !spec.patches) {
      fail("/ngrams",
           "ngrams stand beside the encoder's bytes but there are no patches; expected null, or \"patches\"");
    }
    if (!spec.patches) {
      return;
    }
    checkTop();
    checkStages();
    checkMode();
    checkCross();
    if (spec.ngrams) {
      checkNgrams();
    }
  }

private:
  [[noreturn]] void fail(const std::string &pointer, const std::string &message) const {
    origin.fail(pointer, message);
  }
  // "KEY is MESSAGE"
  [[noreturn]] void failValue(const std::string &pointer, const std::string &message) const {
    fail(pointer, origin.key(pointer) + " is " + message);
  }

  // Llama layers have names in BLT's models alone, and these have no others.
  void checkNames() const {
    bool ofBlt = spec.names == Names::Blt;
    if (ofBlt && spec.stages.size() != 1 && !spec.patches) {
      fail("/names", "names \"blt\" has no names for " + number(int64_t(spec.stages.size())) +
                         " stages without patches; expected \"mblm\" or \"megabyte\", or \"patches\", or 1 stage");
    }
    if (!ofBlt && spec.patches) {
      fail("/patches", "patches have names in \"blt\" alone; expected names \"blt\"");
    }
    for (const Stage &stage : spec.stages) {
      for (const Layer &layer : stage.layers) {
        bool isLlama = layer.block == Block::Llama;
        if (ofBlt && !isLlama) {
          fail("/names", "names \"blt\" has no names for \"" + std::string(blockName(layer.block)) +
                             "\" layers; expected \"mblm\" or \"megabyte\"");
        }
        if (!ofBlt && isLlama) {
          failValue(layer.pointer + "/block",
                    "\"llama\" but such layers have names in \"blt\" alone; expected names \"blt\"");
        }
      }
      if (ofBlt && stage.position != Position::None) {
        failValue(stage.pointer + "/position",
                  "not \"none\" but llama layers know positions by themselves; expected \"none\"");
      }
    }
    if (ofBlt) {
      refuse(spec.startToken, "/start_token", "true but names \"blt\" has no name for a start token; expected false");
      refuse(spec.headBias, "/head_bias", "true but names \"blt\" has no name for the head's bias; expected false");
      refuse(spec.tieEmbeddings, "/tie_embeddings", "true but names \"blt\" has a matrix for the head; expected false");
    }
  }

  void refuse(bool wrong, const std::string &pointer, const std::string &message) const {
    if (wrong) {
      failValue(pointer, message);
    }
  }

  void checkDocuments() const {
    if (spec.documentEnd && *spec.documentEnd >= spec.vocab) {
      failValue("/document_end", number(*spec.documentEnd) + " but " + origin.key("/vocab") + " is " +
                                     number(spec.vocab) + "; expected at most " + number(spec.vocab - 1));
    }
    for (const Stage &stage : spec.stages) {
      for (const Layer &layer : stage.layers) {
        refuse(layer.documents && !spec.documentEnd, layer.pointer + "/documents",
               "true but there is no document_end; expected false, or \"document_end\"");
      }
    }
  }

  void checkTop() const {
    if (spec.stages.size() != 3) {
      fail("/stages", "stages has " + number(int64_t(spec.stages.size())) +
                          (spec.stages.size() == 1 ? " entry" : " entries") +
                          " but patches need 3: global, encoder, decoder");
    }
    refuse(spec.pad.has_value(), "/pad", "given but the loss mask says what is no target; expected null");
    refuse(spec.frozen.has_value(), "/padding_idx", "given but every row is trained with patches; expected null");
    refuse(spec.fixedLength, "/fixed_length", "true but nothing limits patches; expected false");
  }

  void checkStages() const {
    const Stage &encoder = spec.stages[1], &decoder = spec.stages[2];
    if (decoder.dim != encoder.dim) {
      failValue(decoder.pointer + "/dim",
                number(decoder.dim) + " but the decoder takes the encoder's bytes on, whose " +
                    origin.key(encoder.pointer + "/dim") + " is " + number(encoder.dim) + "; expected the same");
    }
    if (decoder.length != encoder.length) {
      failValue(decoder.pointer + "/length", number(decoder.length) + " but the encoder's is " +
                                                 number(encoder.length) + "; expected the same, in bytes");
    }
    for (const Stage *stage : {&spec.stages[0], &encoder}) {
      refuse(stage->finalNorm != Norm::None, stage->pointer + "/final_norm",
             "not \"none\" but only the decoder has one; expected \"none\"");
    }
  }

  void checkMode() const {
    const Patches &patches = *spec.patches;
    bool isStatic = patches.mode == PatchMode::Static, isEntropy = patches.mode == PatchMode::Entropy;
    refuse(isStatic && patches.size < 1, "/patches/size", "0 but mode is \"static\"; expected at least 1");
    refuse(!isStatic && patches.size != 0, "/patches/size",
           number(patches.size) + " but only mode \"static\" has one; expected 0");
    refuse(!isEntropy && patches.thresholdAdd.has_value(), "/patches/threshold_add",
           "given but only mode \"entropy\" has one; expected null");
    refuse(!isEntropy && patches.monotonic, "/patches/monotonic",
           "true but only mode \"entropy\" looks at entropies; expected false");
    refuse(patches.monotonic && patches.thresholdAdd.has_value(), "/patches/threshold_add",
           "given but monotonic is true, and threshold is the step's; expected null, or monotonic false");
  }

  void checkCross() const {
    const Patches &patches = *spec.patches;
    bool up = patches.encoderCross != CrossLayers::None, down = patches.decoderCross != CrossLayers::None;
    int64_t dim = spec.stages[1].dim;
    for (size_t i = 1; i < patches.pooling.size(); ++i) {
      if (patches.pooling[i] <= patches.pooling[i - 1]) {
        fail("/patches/pooling", origin.key("/patches/pooling") +
                                     " has words twice or in another order; expected \"mean\", \"min\", \"max\", any "
                                     "of them");
      }
    }
    if (patches.pooling.empty() || (up && patches.pooling.size() != 1)) {
      fail("/patches/pooling", origin.key("/patches/pooling") + " has " + number(int64_t(patches.pooling.size())) +
                                   " words but the encoder's cross attention begins with one; expected 1");
    }
    refuse(up && patches.lead > 0, "/patches/lead",
           number(patches.lead) + " but the encoder has cross attention; expected 0, or encoder_cross \"none\"");
    if ((up || down) && dim % patches.crossHeads != 0) {
      failValue("/patches/cross_heads",
                number(patches.crossHeads) + " but the local width is " + number(dim) + "; expected a divisor of it");
    }
    refuse(!up && !down && patches.perPatch > 1, "/patches/per_patch",
           number(patches.perPatch) + " but there is no cross attention; expected 1");
    refuse(down && patches.perPatch > 1 && spec.stages[0].dim == dim, "/patches/per_patch",
           number(patches.perPatch) + " but the global width is the local one, so that nothing makes " +
               number(patches.perPatch) + " vectors of a patch; expected 1, or different widths");
    refuse(!up && patches.encoderWindow.has_value(), "/patches/encoder_window",
           "given but the encoder has no cross attention; expected null");
    refuse(!down && patches.decoderWindow.has_value(), "/patches/decoder_window",
           "given but the decoder has no cross attention; expected null");
  }

  void checkNgrams() const {
    const Ngrams &ngrams = *spec.ngrams;
    if (ngrams.hashSizes.empty() && ngrams.tables.empty()) {
      fail("/ngrams", "ngrams has no table; expected \"hash_sizes\", \"tables\", or null");
    }
    refuse(!ngrams.hashSizes.empty() && ngrams.hashRows < 1, "/ngrams/hash_rows",
           "0 but hash_sizes asks for tables; expected at least 1");
    refuse(ngrams.hashSizes.empty() && ngrams.hashRows > 0, "/ngrams/hash_rows",
           number(ngrams.hashRows) + " but there are no hash_sizes; expected 0");
    for (size_t t = 0; t < ngrams.tables.size(); ++t) {
      checkTable(ngrams.tables[t], "/ngrams/tables/" + std::to_string(t));
    }
    // Ids of all tables' rows are 32 bits.
    int64_t rows = spec.vocab + ngrams.hashTables() * ngrams.hashRows;
    for (const Ngrams::Table &table : ngrams.tables) {
      rows += 4 + int64_t(table.grams.size());
    }
    if (rows > std::numeric_limits<int32_t>::max()) {
      fail("/ngrams", "ngrams and bytes have " + number(rows) + " rows together; expected at most 2147483647");
    }
  }

  void checkTable(const Ngrams::Table &table, const std::string &pointer) const {
    std::set<std::vector<int32_t>> seen;
    for (size_t g = 0; g < table.grams.size(); ++g) {
      const std::vector<int32_t> &gram = table.grams[g];
      std::string at = pointer + "/grams/" + std::to_string(g);
      if (int64_t(gram.size()) != table.length) {
        fail(at, "a gram has " + number(int64_t(gram.size())) + " ids but the table's length is " +
                     number(table.length) + "; expected " + number(table.length));
      }
      int32_t most = *std::max_element(gram.begin(), gram.end());
      if (most >= spec.vocab) {
        fail(at, "a gram has id " + number(most) + " but " + origin.key("/vocab") + " is " + number(spec.vocab) +
                     "; expected at most " + number(spec.vocab - 1));
      }
      if (!seen.insert(gram).second) {
        fail(at, "the gram stands in the table before; expected each once");
      }
    }
  }

  const Spec &spec;
  const Origin &origin;
};

} // namespace

void mblm::spec::checkPatches(const Spec &spec, const Origin &origin) { PatchesChecker(spec, origin).run(); }

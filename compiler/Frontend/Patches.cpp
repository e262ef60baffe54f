// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model whose patches the data decides (BLT): the encoder's layers on bytes, what they say of each patch to the global layers, and what
// these say of each patch to the decoder's layers on bytes.
#include "compiler/Frontend/Builders.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::CrossLayers;
using spec::Role;

namespace {
constexpr size_t global = 0, encoder = 1, decoder = 2; // stages

class PatchedModel {
public:
  PatchedModel(Graph &graph, Value ids, Value lengths)
      : graph(graph), patches(*graph.spec.patches), ids(ids), lengths(lengths), led(ids) {}

  Value build() {
    enter(encoder);
    if (patches.lead > 0) {
      led = LeadOp::create(graph.builder, graph.at("lead"), ids.getType(), ids, uint64_t(patches.lead));
    }
    Value bytes = embed(), perPatch = encode(bytes);
    perPatch = buildGlobal(perPatch);
    enter(decoder);
    if (patches.lead > 0) {
      bytes = graph.slice("bytes", bytes, patches.lead, 0);
    }
    return decode(bytes, perPatch);
  }

private:
  void enter(size_t stage) { graph.enter(stagePointer(graph.spec, stage), int(stage)); }
  const spec::Stage &stageOf(size_t stage) { return graph.spec.stages[stage]; }
  IntegerAttr number(std::optional<int64_t> n) { return n ? graph.builder.getI64IntegerAttr(*n) : IntegerAttr(); }

  // The byte's row and those of its n-grams, from tables that stand one behind the other.
  Value embed() {
    OpBuilder &builder = graph.builder;
    const spec::Ngrams ngrams = graph.spec.ngrams.value_or(spec::Ngrams());
    SmallVector<int64_t> lengths;
    SmallVector<Attribute> keys, places;
    for (const spec::Ngrams::Table &table : ngrams.tables) {
      std::vector<std::pair<uint64_t, int64_t>> list;
      for (const std::vector<int32_t> &gram : table.grams) {
        uint64_t key = 0;
        for (int32_t id : gram) {
          key = key * uint64_t(graph.spec.vocab) + uint64_t(id);
        }
        list.push_back({key, int64_t(list.size())});
      }
      std::sort(list.begin(), list.end());
      SmallVector<int64_t> sorted, at;
      for (auto [key, place] : list) {
        sorted.push_back(int64_t(key));
        at.push_back(place);
      }
      lengths.push_back(table.length);
      keys.push_back(builder.getDenseI64ArrayAttr(sorted));
      places.push_back(builder.getDenseI64ArrayAttr(at));
    }
    uint64_t functions = ngrams.hashSizes.empty() ? 0 : uint64_t(ngrams.hashFunctions);
    auto rows = NgramRowsOp::create(builder, graph.at("ngrams"), led.getType(), led, uint64_t(graph.spec.vocab), ngrams.hashSizes, functions,
                                    uint64_t(ngrams.hashRows), lengths, builder.getArrayAttr(keys), builder.getArrayAttr(places));
    std::vector<std::pair<Role, int>> tables{{Role::ByteTable, -1}};
    for (int n = 0; n < int(ngrams.hashTables()); ++n) {
      tables.push_back({Role::HashTable, n});
    }
    for (int n = 0; n < int(ngrams.tables.size()); ++n) {
      tables.push_back({Role::NgramTable, n});
    }
    auto type = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic, stageOf(encoder).dim}, builder.getF32Type());
    return EmbedBagOp::create(builder, graph.at("embedding"), type, rows, graph.loadEach(tables), uint64_t(rows.perPosition()));
  }

  // Bytes of each vector of a patch.
  Value spans(int64_t rows, int64_t window, bool ahead) {
    return PatchBytesOp::create(graph.builder, graph.at("patch_bytes"), lengths.getType(), lengths, ahead ? ids : led, uint64_t(rows),
                                uint64_t(window), ahead, uint64_t(ahead ? 0 : patches.lead));
  }
  // Vectors of patches of each byte.
  Value owners(int64_t rows, int64_t window, bool ahead) {
    return BytePatchesOp::create(graph.builder, graph.at("byte_patches"), ids.getType(), lengths, ahead ? ids : led, uint64_t(rows),
                                 uint64_t(window), ahead, uint64_t(ahead ? 0 : patches.lead));
  }

  Value pool(Value bytes) {
    Value perPatch = spans(1, 1, /*ahead=*/false), perByte = owners(1, 1, /*ahead=*/false);
    SmallVector<Value> pooled;
    for (spec::Pool kind : patches.pooling) {
      PoolKind chosen = kind == spec::Pool::Max ? PoolKind::Max : kind == spec::Pool::Min ? PoolKind::Min : PoolKind::Mean;
      pooled.push_back(PoolOp::create(graph.builder, graph.at("pool"), bytes.getType(), bytes, perPatch, perByte, chosen));
    }
    if (pooled.size() == 1) {
      return pooled[0];
    }
    return ConcatOp::create(graph.builder, graph.at("pools"), withWidth(bytes, graph.spec.patchWidth()), pooled);
  }

  // The module adds its input, and the sum is added to the input once more: 2 x + attention (BLT's).
  Value cross(size_t stage, size_t module, Value x, Value others, Value ranges) {
    graph.enter(stagePointer(graph.spec, stage) + "/cross", int(stage), int(module));
    Value q = graph.norm("norm_q", x, spec::Norm::Rms, patches.crossNormEps, Role::CrossNormQuery, Role::CrossNormQuery);
    Value kv = graph.norm("norm_kv", others, spec::Norm::Rms, patches.crossNormEps, Role::CrossNormKey, Role::CrossNormKey);
    Value query = graph.linear("q", q, graph.load(Role::CrossQuery), /*bias=*/{});
    Value key = graph.linear("k", kv, graph.load(Role::CrossKey), /*bias=*/{});
    Value value = graph.linear("v", kv, graph.load(Role::CrossValue), /*bias=*/{});
    Value mixed = buildRangedAttention(graph, "attention", query, key, value, ranges, patches.crossHeads, patches.crossHeads);
    Value out = graph.linear("out", mixed, graph.load(Role::CrossOut), /*bias=*/{});
    return graph.add("residual", graph.add("twice", x, x), out);
  }

  // Bytes through the encoder's layers; hands back what it says of each patch.
  Value encode(Value &bytes) {
    const spec::Stage &stage = stageOf(encoder);
    VisibleRanges visible(led);
    Value perPatch;
    for (size_t layer = 0; layer < stage.layers.size(); ++layer) {
      bytes = buildLlamaLayer(graph, encoder, layer, bytes, visible.of(graph, stage.layers[layer]));
      endLayer(graph, encoder, bytes);
      bool last = layer + 1 == stage.layers.size(), all = patches.encoderCross == CrossLayers::All;
      if (all || (last && patches.encoderCross == CrossLayers::One)) {
        if (!perPatch) {
          enter(encoder);
          perPatch = graph.linear("patches", pool(bytes), graph.load(Role::PatchProjection), /*bias=*/{});
          perPatch = graph.regroup("patches", perPatch, ShapedType::kDynamic, stage.dim);
          patchBytes = spans(patches.perPatch, patches.encoderWindow.value_or(1), /*ahead=*/false);
        }
        perPatch = cross(encoder, all ? layer : 0, perPatch, bytes, patchBytes);
      }
    }
    enter(encoder);
    return perPatch ? graph.regroup("patches", perPatch, ShapedType::kDynamic, graph.spec.patchWidth()) : pool(bytes);
  }

  Value buildGlobal(Value x) {
    enter(global);
    if (Value projection = graph.load(Role::TokenProjection)) {
      x = graph.linear("patches", x, projection, /*bias=*/{});
    }
    const spec::Stage &stage = stageOf(global);
    for (size_t layer = 0; layer < stage.layers.size(); ++layer) {
      Value &ranges = visiblePatches[stage.layers[layer].documents];
      if (!ranges) {
        std::optional<int64_t> end = stage.layers[layer].documents ? graph.spec.documentEnd : std::nullopt;
        ranges = VisiblePatchesOp::create(graph.builder, graph.at("visible"), lengths.getType(), led, lengths, number(end),
                                          uint64_t(patches.lead));
      }
      x = buildLlamaLayer(graph, global, layer, x, ranges);
      endLayer(graph, global, x);
    }
    return x;
  }

  Value decode(Value bytes, Value perPatch) {
    const spec::Stage &stage = stageOf(decoder);
    bool crosses = patches.decoderCross != CrossLayers::None;
    if (!crosses) { // each byte's patch, before the map to its width
      auto type = withWidth(bytes, stageOf(global).dim);
      perPatch = SpreadOp::create(graph.builder, graph.at("patches"), type, perPatch, owners(1, 1, /*ahead=*/true),
                                  spans(1, 1, /*ahead=*/true), /*mean=*/false);
    }
    if (Value projection = graph.load(Role::PatchProjection)) {
      perPatch = graph.linear("patches", perPatch, projection, /*bias=*/{});
    }
    Value bytePatches;
    if (crosses) {
      perPatch = graph.regroup("patches", perPatch, ShapedType::kDynamic, stage.dim);
      bytePatches = owners(patches.perPatch, patches.decoderWindow.value_or(1), /*ahead=*/true);
    } else {
      bytes = graph.add("context", bytes, perPatch);
    }
    VisibleRanges visible(ids);
    for (size_t layer = 0; layer < stage.layers.size(); ++layer) {
      if (crosses && (layer == 0 || patches.decoderCross == CrossLayers::All)) {
        bytes = cross(decoder, layer, bytes, perPatch, bytePatches);
      }
      bytes = buildLlamaLayer(graph, decoder, layer, bytes, visible.of(graph, stage.layers[layer]));
      endLayer(graph, decoder, bytes);
    }
    enter(decoder);
    return graph.norm("norm", bytes, stage.finalNorm, stage.finalNormEps, Role::FinalNormWeight, Role::FinalNormBias);
  }

  Graph &graph;
  const spec::Patches &patches;
  Value ids, lengths;
  Value led; // the ids with those that go before them
  Value patchBytes;
  std::map<bool, Value> visiblePatches; // within documents or not
};
} // namespace

Value mblm::frontend::buildPatched(Graph &graph, Value ids, Value lengths) { return PatchedModel(graph, ids, lengths).build(); }

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in and out of the flat buffers, and calls with padded ids.
#include "runtime/Model.h"

#include "runtime/Initial.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace mblm::rt {

Model::Model(std::unique_ptr<Program> program) : program(std::move(program)) {}

float *Model::flat(Flat which) {
  float *buffer = passed(which);
  program->hostAccess(buffer);
  return buffer;
}

float *Model::passed(Flat which) {
  static const char *const names[] = {"parameters", "gradients", "first moments", "second moments"};
  Buffer &buffer = buffers[int(which)];
  if (!buffer) {
    buffer = Buffer(info().parameterElements, std::string("buffer of ") + names[int(which)]);
  }
  return buffer.data();
}

void Model::initialize(uint64_t seed) {
  float *params = flat(Flat::Params);
  for (size_t index = 0; index < info().parameters.size(); ++index) {
    drawInitial(info().parameters[index], uint32_t(index), seed, params + info().parameters[index].offset);
  }
}

void Model::readFlat(Flat which, const SafetensorsFile &file, const std::string &prefix) {
  // Read beside the old values: a file that fails half-way leaves them as they were.
  Buffer fresh(info().parameterElements, "weights of '" + file.path() + "'");
  for (const Parameter &p : info().parameters) {
    file.readFloats(file.get(prefix + p.name), fresh.data() + p.offset);
  }
  program->forget(buffers[int(which)].data());
  buffers[int(which)] = std::move(fresh);
}

WeightsReport Model::loadWeights(const std::string &path) {
  SafetensorsFile file(path);
  WeightsReport report = compareWeights(info(), file);
  if (!report.fits()) {
    throw Error(Exit::BadInput, "weights '" + path + "' do not fit model '" + info().name + "': " + report.line());
  }
  readFlat(Flat::Params, file);
  for (const Parameter &p : info().parameters) {
    const float *values = flat(Flat::Params) + p.offset;
    int64_t bad = std::count_if(values, values + p.elements(), [](float v) { return !std::isfinite(v); });
    if (bad > 0) {
      report.warnings.push_back("weights '" + path + "': tensor '" + p.name + "' holds " + std::to_string(bad) +
                                " values that are NaN or infinite, of " + std::to_string(p.elements()));
    }
  }
  return report;
}

void Model::saveWeights(const std::string &path) { writeSafetensors(path, tensors(Flat::Params)); }

std::vector<TensorView> Model::tensors(Flat which, const std::string &prefix) {
  std::vector<TensorView> views;
  for (const Parameter &p : info().parameters) {
    views.push_back({prefix + p.name, p.shape, flat(which) + p.offset, DType::F32});
  }
  return views;
}

void Model::checkIds(const Ids &ids) const {
  int64_t vocab = info().vocab;
  for (int64_t i = 0; i < ids.batch * ids.length; ++i) {
    if (ids.ids[i] < 0 || ids.ids[i] >= vocab) {
      throw Error(Exit::BadInput, "ids[" + std::to_string(i / ids.length) + ", " + std::to_string(i % ids.length) +
                                      "] is " + std::to_string(ids.ids[i]) + ", expected 0 to " +
                                      std::to_string(vocab - 1) + " (vocabulary of " + std::to_string(vocab) + ")");
    }
  }
}

int64_t Model::slotsFor(int64_t length) const {
  int64_t inner = info().inner;
  int64_t slots = length / inner + (length % inner != 0);
  if (info().maxSlots > 0 && slots > info().maxSlots) {
    throw Error(Exit::BadInput, "length " + std::to_string(length) + " needs " + std::to_string(slots) +
                                    " outermost slots of " + std::to_string(inner) + " bytes, but model '" +
                                    info().name + "' takes at most " + std::to_string(info().maxSlots) + " (" +
                                    std::to_string(longest()) + " bytes)");
  }
  return slots;
}

Call Model::prepare(const Ids &ids, bool withMask) {
  if (ids.batch < 1 || ids.length < 1) {
    throw Error(Exit::BadInput,
                "expected at least one sequence of at least one byte, got " + shapeText({ids.batch, ids.length}));
  }
  int64_t least = info().prefix + (info().prefix > 0 && withMask ? 2 : 1);
  if (ids.length < least) {
    throw Error(Exit::BadInput, "model '" + info().name + "' predicts bytes behind a prefix of " + std::to_string(info().prefix) +
                                    ": expected sequences of at least " + std::to_string(least) + " bytes, got " + std::to_string(ids.length));
  }
  Call call;
  call.batch = ids.batch;
  call.slots = slotsFor(ids.length);
  int64_t padded = call.slots * info().inner;
  int64_t total;
  if (__builtin_mul_overflow(padded, ids.batch, &total) || total > std::numeric_limits<int64_t>::max() / 64) {
    throw Error(Exit::Resource, "ids of shape " + shapeText({ids.batch, ids.length}) + " are more than can be counted");
  }
  checkIds(ids);
  paddedIds.assign(total, int32_t(info().pad.value_or(0)));
  for (int64_t b = 0; b < ids.batch; ++b) {
    std::copy_n(ids.ids + b * ids.length, ids.length, paddedIds.data() + b * padded);
  }
  call.ids = paddedIds.data();
  if (withMask) {
    paddedMask.assign(total, 0.0f);
    for (int64_t b = 0; b < ids.batch; ++b) {
      float *row = paddedMask.data() + b * padded;
      if (ids.mask) {
        std::copy_n(ids.mask + b * ids.length, ids.length, row);
      } else {
        std::fill_n(row, ids.length, 1.0f);
      }
    }
    call.mask = paddedMask.data();
  }
  if (info().patched) {
    preparePatches(ids, call);
  }
  if (info().isMasked()) {
    prepareMasked(ids, call);
  }
  call.params = passed(Flat::Params);
  return call;
}

Model &Model::entropyModel() {
  if (!entropy) {
    throw Error(Exit::BadInput, "model '" + info().name + "' begins patches where bytes are hard to predict: expected an entropy model "
                                                          "(--entropy-model, --entropy-weights), or patch_lengths with the ids");
  }
  return *entropy;
}

PatchLengths Model::patchesOf(const Ids &ids) {
  const PatchRule &rule = info().patchRule;
  const float *entropies = rule.mode == PatchRule::Mode::Entropy ? entropyModel().entropies(ids).data : nullptr;
  return patchRows(rule, ids.ids, entropies, ids.batch, ids.length, /*next=*/true);
}

float entropyOf(const float *logits, int64_t vocab) {
  double largest = *std::max_element(logits, logits + vocab), sum = 0, weighted = 0;
  for (int64_t v = 0; v < vocab; ++v) {
    double below = logits[v] - largest, p = std::exp(below);
    sum += p;
    weighted += p * below;
  }
  return float(std::log(sum) - weighted / sum);
}

void Model::preparePatches(const Ids &ids, Call &call) {
  call.lengths = ids.lengths;
  call.patches = ids.patches;
  if (!ids.lengths) {
    patches = patchesOf(ids);
    call.lengths = patches.lengths.data();
    call.patches = patches.patches;
  }
  checkPatchLengths(call.lengths, ids.batch, call.patches, ids.length);
  if (!call.mask) {
    return;
  }
  if (ids.targets) {
    checkTargets(ids);
    call.targets = ids.targets;
    return;
  }
  targets.assign(paddedIds.begin(), paddedIds.end());
  for (int64_t b = 0; b < ids.batch; ++b) {
    int64_t first = b * ids.length;
    std::copy_n(ids.ids + first + 1, ids.length - 1, targets.data() + first);
    paddedMask[first + ids.length - 1] = 0;
  }
  call.targets = targets.data();
}

void Model::checkTargets(const Ids &ids) const {
  Ids predicted = ids;
  predicted.ids = ids.targets;
  checkIds(predicted);
}

void Model::prepareMasked(const Ids &ids, Call &call) {
  int64_t padded = call.slots * info().inner;
  paddedVisible.assign(paddedIds.size(), 0);
  targets = paddedIds;
  if (ids.targets) {
    checkTargets(ids);
  }
  for (int64_t b = 0; b < ids.batch; ++b) {
    for (int64_t t = 0; t < ids.length; ++t) {
      int64_t from = b * ids.length + t, to = b * padded + t;
      paddedVisible[size_t(to)] = !ids.visible || ids.visible[from] != 0;
      if (ids.targets) {
        targets[size_t(to)] = ids.targets[from];
      }
      if (call.mask && !paddedVisible[size_t(to)]) {
        paddedMask[size_t(to)] = 0;
      }
    }
  }
  call.visible = paddedVisible.data();
  call.targets = targets.data();
}

Rows Model::rowsOf(Entry entry, const Ids &ids, int64_t width) {
  Call call = prepare(ids, false);
  int64_t padded = call.slots * info().inner - info().prefix, rows = ids.length - info().prefix;
  int64_t floats;
  if (__builtin_mul_overflow(padded * ids.batch, width, &floats)) {
    throw Error(Exit::Resource, "the result for ids of shape " + shapeText({ids.batch, ids.length}) +
                                    " has more elements than can be counted");
  }
  growBuffer(output, floats, std::string("output of entry '") + entryName(entry) + "'");
  call.output = output.data();
  program->run(entry, call);
  // Rows of the padding go: later sequences move up to close the gaps.
  for (int64_t b = 1; b < ids.batch && padded != rows; ++b) {
    std::memmove(output.data() + b * rows * width, output.data() + b * padded * width, rows * width * sizeof(float));
  }
  return {output.data(), ids.batch, rows, width};
}

Rows Model::forward(const Ids &ids) {
  return ids.length == 0 ? empty(ids.batch) : rowsOf(Entry::Forward, ids, info().vocab);
}

Rows Model::hidden(const Ids &ids) { return rowsOf(Entry::Hidden, ids, info().hiddenDim); }

Rows Model::entropies(const Ids &ids) { return rowsOf(Entry::Entropies, ids, 1); }

Rows Model::empty(int64_t batch) {
  if (batch < 1) {
    throw Error(Exit::BadInput, "expected a batch of at least 1, got " + std::to_string(batch));
  }
  if (!info().startToken) {
    throw Error(Exit::BadInput,
                "model '" + info().name + "' has no start token: it needs at least one byte to predict from");
  }
  growBuffer(output, batch * info().vocab, "output of entry 'empty'");
  Call call;
  call.batch = batch;
  call.slots = 1;
  call.params = passed(Flat::Params);
  call.output = output.data();
  program->run(Entry::Empty, call);
  return {output.data(), batch, 1, info().vocab};
}

Call::Scalars Model::scalarsOf(Entry entry, const Ids &ids, float scale, const float *hyper, const float *decay,
                               std::optional<Draw> draw) {
  Call call = prepare(ids, true);
  Call::Scalars scalars;
  call.scalars = &scalars;
  call.scale = scale;
  call.draw = draw;
  if (entry != Entry::Loss) {
    call.grads = passed(Flat::Grads);
  }
  if (entry == Entry::TrainStep) {
    call.m = passed(Flat::M);
    call.v = passed(Flat::V);
    call.hyper = hyper;
    call.decay = decay;
  }
  program->run(entry, call);
  return scalars;
}

Call::Scalars Model::loss(const Ids &ids) { return scalarsOf(Entry::Loss, ids, 1, nullptr, nullptr, {}); }

Call::Scalars Model::gradients(const Ids &ids, float scale, std::optional<Draw> draw) {
  return scalarsOf(Entry::Gradients, ids, scale, nullptr, nullptr, draw);
}

Call::Scalars Model::trainStep(const Ids &ids, float scale, const float *hyper, const float *decay,
                               std::optional<Draw> draw) {
  return scalarsOf(Entry::TrainStep, ids, scale, hyper, decay, draw);
}

} // namespace mblm::rt

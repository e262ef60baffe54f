// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cross entropy, its gradient, clipping and Adam, written out plainly.
#include "test/runtime/BigramProgram.h"

#include <algorithm>
#include <cmath>

namespace mblm::rt::test {

BigramProgram::BigramProgram(const BigramShape &shape) {
  int64_t v = shape.vocab;
  model.name = "bigram";
  model.vocab = v;
  model.pad = shape.pad;
  model.inner = shape.inner;
  model.maxSlots = shape.maxSlots;
  model.maxLength = shape.maxLength;
  model.startToken = shape.startToken;
  model.hiddenDim = v;
  model.stageLengths = {shape.maxLength / shape.inner, shape.inner};
  int64_t tableAt = (v + 15) / 16 * 16; // leaves a hole after the start row
  model.parameters = {{"start", {v}, 0, "zeros", 0}, {"table.weight", {v, v}, tableAt, "normal", 0.5}};
  model.ignorable = {"old.buffer", "*.inv_freq"};
  model.parameterElements = tableAt + v * v;
  for (const char *name : {"outer", "local"}) {
    StateTensor &state = sums.emplace_back();
    state.name = name;
    state.positions.more = state.width = 1;
    state.offset.coefficients[2] = 16 * int64_t(sums.size() - 1); // as the compiler plans: whole lines a sequence
  }
  model.spec = "{\"name\": \"bigram\", \"vocab\": " + std::to_string(v) + "}";
}

const float *BigramProgram::row(const Call &call, const int32_t *ids, int64_t t) const {
  const Parameter &table = model.parameters[1];
  return t == 0 ? call.params : call.params + table.offset + ids[t - 1] * model.vocab;
}

void BigramProgram::losses(const Call &call, bool gradients) {
  int64_t v = model.vocab;
  int64_t length = call.slots * model.inner;
  std::vector<double> nats(call.batch * length);
  std::vector<double> logSums(call.batch * length);
  double sum = 0;
  int64_t count = 0;
  for (int64_t b = 0; b < call.batch; ++b) {
    const int32_t *ids = call.ids + b * length;
    for (int64_t t = model.startToken ? 0 : 1; t < length; ++t) {
      const float *logits = row(call, ids, t);
      double total = 0;
      for (int64_t i = 0; i < v; ++i) {
        total += std::exp(double(logits[i]));
      }
      bool ignored = model.pad && ids[t] == *model.pad;
      logSums[b * length + t] = std::log(total);
      nats[b * length + t] = ignored ? 0 : call.mask[b * length + t] * (std::log(total) - logits[ids[t]]);
      sum += nats[b * length + t];
      count += nats[b * length + t] != 0;
    }
  }
  call.scalars->sum = float(sum);
  call.scalars->count = float(count);
  call.scalars->loss = float(count ? sum / double(count) : 0);
  for (int64_t at = 0; gradients && at < call.batch * length; ++at) {
    if (nats[at] == 0) {
      continue;
    }
    const int32_t *ids = call.ids + at / length * length;
    int64_t t = at % length;
    const float *logits = row(call, ids, t);
    float *grads = call.grads + (logits - call.params);
    double weight = double(call.scale) * call.mask[at] / double(count);
    for (int64_t i = 0; i < v; ++i) {
      grads[i] += float(weight * (std::exp(logits[i] - logSums[at]) - (i == ids[t])));
    }
  }
}

void BigramProgram::update(const Call &call) {
  double square = 0;
  for (int64_t i = 0; i < model.parameterElements; ++i) {
    square += double(call.grads[i]) * call.grads[i];
  }
  double norm = std::sqrt(square);
  call.scalars->gradNorm = float(norm);
  const float *h = call.hyper;
  double factor = h[ClipNorm] > 0 ? std::min(1.0, h[ClipNorm] / (norm + 1e-6)) : 1;
  for (size_t p = 0; p < model.parameters.size(); ++p) {
    const Parameter &parameter = model.parameters[p];
    for (int64_t i = parameter.offset; i < parameter.offset + parameter.elements(); ++i) {
      double decay = h[WeightDecay] * call.decay[p];
      double g = call.grads[i] * factor;
      double x = call.params[i];
      if (h[Decoupled] != 0) {
        x -= h[Lr] * decay * x;
      } else {
        g += decay * x;
      }
      call.m[i] = float(h[Beta1] * call.m[i] + (1 - h[Beta1]) * g);
      call.v[i] = float(h[Beta2] * call.v[i] + (1 - h[Beta2]) * g * g);
      double mean = call.m[i] / (1 - std::pow(h[Beta1], h[Step]));
      double spread = std::sqrt(call.v[i] / (1 - std::pow(h[Beta2], h[Step])));
      call.params[i] = float(x - h[Lr] * mean / (spread + h[Eps]));
    }
  }
  std::fill_n(call.grads, model.parameterElements, 0.0f);
}

// Each stage remembers the sum of the ids that went into it; the local one answers with the row of its byte.
void BigramProgram::step(Entry entry, const Call &call) {
  bool local = call.stage == 1;
  int64_t bytes = (local ? 1 : model.inner) * stepRows(entry);
  for (int64_t b = 0; b < call.batch; ++b) {
    float *sum = call.state + call.stage * 16 * call.batch + b;
    for (int64_t i = 0; i < bytes; ++i) {
      *sum += float(call.ids[b * bytes + i]);
    }
    if (local) {
      std::copy_n(row(call, call.ids + b, 1), model.vocab, call.output + b * model.vocab);
    }
  }
}

void BigramProgram::run(Entry entry, const Call &call) {
  ++calls;
  int64_t v = model.vocab;
  int64_t length = call.slots * model.inner;
  switch (entry) {
  case Entry::Forward:
  case Entry::Hidden:
    for (int64_t i = 0; i < call.batch * length; ++i) {
      std::copy_n(row(call, call.ids + i, 1), v, call.output + i * v);
    }
    return;
  case Entry::Empty:
    for (int64_t b = 0; b < call.batch; ++b) {
      std::copy_n(call.params, v, call.output + b * v);
    }
    return;
  case Entry::Loss:
    return losses(call, false);
  case Entry::Gradients:
    return losses(call, true);
  case Entry::TrainStep:
    losses(call, true);
    return update(call);
  case Entry::Begin:
    return;
  case Entry::Step:
  case Entry::Prefill:
  case Entry::ShortPrefill:
    return step(entry, call);
  }
}

} // namespace mblm::rt::test

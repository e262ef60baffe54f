// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Executions.h"
#include "test/support/Norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace mblm;
using namespace mblm::fuzz;
using mblm::test::norm;

namespace {

// Aligned as the callers of programs promise, and guarded behind its end.
template <typename T>
class Guarded {
public:
  Guarded(std::vector<T> values, T guard) : size(values.size()), storage(values.size() + tail + alignment) {
    size_t offset = reinterpret_cast<uintptr_t>(storage.data()) % (alignment * sizeof(T)) / sizeof(T);
    start = storage.data() + (offset ? alignment - offset : 0);
    std::copy(values.begin(), values.end(), start);
    std::fill_n(start + size, tail, guard);
    std::copy_n(start + size, tail, kept);
  }
  Guarded(const Guarded &) = delete;
  ~Guarded() { EXPECT_EQ(std::memcmp(start + size, kept, sizeof kept), 0) << "something wrote behind a buffer's end"; }
  T *data() const { return start; }
  std::vector<T> values() const { return {start, start + size}; }

private:
  static constexpr size_t alignment = 16, tail = 64; // elements: 64 and 256 bytes
  size_t size;
  std::vector<T> storage;
  T *start;
  T kept[tail];
};

struct Floats : Guarded<float> {
  explicit Floats(std::vector<float> values) : Guarded(std::move(values), std::numeric_limits<float>::quiet_NaN()) {}
  Floats(size_t size, float value) : Floats(std::vector<float>(size, value)) {}
};

} // namespace

static std::vector<float> rows(rt::Program &program, rt::Entry entry, rt::Call call, int64_t floats) {
  Floats output(size_t(floats), 0.0f);
  call.output = output.data();
  program.run(entry, call);
  return output.values();
}

Results mblm::fuzz::execute(rt::Program &program, const Inputs &inputs) {
  const rt::ModelInfo &info = program.info();
  Results results;
  Guarded<int32_t> ids(inputs.ids, 0x7fffffff), targets(inputs.targets, 0x7fffffff), visible(inputs.visible, 0);
  Floats mask(inputs.mask), params(inputs.params);
  rt::Call call;
  call.batch = inputs.batch;
  call.slots = inputs.slots;
  call.ids = ids.data();
  call.mask = mask.data();
  call.params = params.data();
  call.targets = targets.data();
  call.visible = visible.data();
  int64_t bytes = int64_t(inputs.ids.size()), predicting = bytes - inputs.batch * info.prefix;
  results.logits = rows(program, rt::Entry::Forward, call, predicting * info.vocab);
  if (info.hiddenDim) {
    results.hidden = rows(program, rt::Entry::Hidden, call, predicting * info.hiddenDim);
  }
  if (info.startToken) {
    results.empty = rows(program, rt::Entry::Empty, call, inputs.batch * info.vocab);
  }
  call.scalars = &results.loss;
  program.run(rt::Entry::Loss, call);

  Floats grads(inputs.params.size(), 0.0f), m(inputs.params.size(), 0.0f), v(inputs.params.size(), 0.0f);
  call.grads = grads.data();
  call.m = m.data();
  call.v = v.data();
  call.scalars = &results.gradientsLoss;
  call.scale = 0.75f;
  call.draw = inputs.draw;
  program.run(rt::Entry::Gradients, call);
  program.hostAccess(grads.data());
  results.gradients = grads.values();

  // A large epsilon: where a gradient is zero but for rounding, Adam's step would be that rounding's sign.
  std::vector<float> hyper{1e-2f, 0.9f, 0.95f, 1e-2f, 0.1f, 0.5f, 3.0f, float(bytes % 2)};
  std::vector<float> decayed;
  for (size_t n = 0; n < info.parameters.size(); ++n) {
    decayed.push_back(float(n % 2));
  }
  Floats hyperparameters(hyper), decay(decayed);
  call.hyper = hyperparameters.data();
  call.decay = decay.data();
  call.scalars = &results.stepLoss;
  program.run(rt::Entry::TrainStep, call); // adds to the gradients above
  for (const Floats *buffer : {&params, &grads, &m, &v}) {
    program.hostAccess(buffer->data());
  }
  results.params = params.values();
  results.m = m.values();
  results.v = v.values();
  EXPECT_EQ(grads.values(), std::vector<float>(inputs.params.size())) << "a step leaves gradients";
  for (const Floats *buffer : {&params, &grads, &m, &v}) {
    program.forget(buffer->data());
  }
  return results;
}

// Both not a number, or |a - b| <= tolerance * (1 + |b|).
static bool close(double a, double b, double tolerance) {
  return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

static void expectClose(const std::vector<float> &got, const std::vector<float> &exact, double tolerance,
                        const std::string &what) {
  ASSERT_EQ(got.size(), exact.size()) << what;
  size_t wrong = 0, worst = 0;
  for (size_t n = 0; n < got.size(); ++n) {
    wrong += !close(got[n], exact[n], tolerance);
    if (!(std::abs(double(got[n]) - exact[n]) <= std::abs(double(got[worst]) - exact[worst]))) {
      worst = n;
    }
  }
  EXPECT_EQ(wrong, 0u) << what << ": of " << got.size() << " elements; number " << worst << " is " << got[worst]
                       << ", exactly " << exact[worst];
}

static void expectGradients(const std::vector<float> &got, const std::vector<float> &exact, const rt::ModelInfo &info) {
  double all = norm(exact.data(), nullptr, int64_t(exact.size()));
  for (const rt::Parameter &parameter : info.parameters) {
    const float *a = got.data() + parameter.offset, *b = exact.data() + parameter.offset;
    double size = norm(b, nullptr, parameter.elements()), difference = norm(a, b, parameter.elements());
    // Gradients that cancel to zero are only as good as their terms.
    EXPECT_LE(difference, 5e-4 * size + 1e-6 * all) << "gradient of " << parameter.name << ", whose norm is " << size;
  }
}

void mblm::fuzz::expectAgreement(const Results &got, const Results &exact, const rt::ModelInfo &info) {
  expectClose(got.logits, exact.logits, 1e-4, "logits");
  expectClose(got.hidden, exact.hidden, 1e-4, "states");
  expectClose(got.empty, exact.empty, 1e-4, "logits of the empty prompt");
  auto scalars = [](const rt::Call::Scalars &s) { return std::vector<float>{s.loss, s.sum, s.count}; };
  expectClose(scalars(got.loss), scalars(exact.loss), 1e-5, "loss, sum and count");
  expectClose(scalars(got.gradientsLoss), scalars(exact.gradientsLoss), 1e-5, "loss, sum and count beside gradients");
  expectClose(scalars(got.stepLoss), scalars(exact.stepLoss), 1e-5, "loss, sum and count of a step");
  expectGradients(got.gradients, exact.gradients, info);
  EXPECT_TRUE(close(got.stepLoss.gradNorm, exact.stepLoss.gradNorm, 1e-4))
      << "norm of the gradients: " << got.stepLoss.gradNorm << ", exactly " << exact.stepLoss.gradNorm;
  expectClose(got.params, exact.params, 1e-5, "parameters after a step");
  expectClose(got.m, exact.m, 1e-4, "first moments");
  expectClose(got.v, exact.v, 1e-4, "second moments");
}

static void expectBits(const std::vector<float> &got, const std::vector<float> &expected, const std::string &what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  size_t different = 0, first = 0;
  for (size_t n = got.size(); n-- > 0;) {
    if (std::memcmp(&got[n], &expected[n], sizeof(float)) != 0) {
      ++different;
      first = n;
    }
  }
  EXPECT_EQ(different, 0u) << what << ": of " << got.size() << " elements; number " << first << " is " << got[first]
                           << " instead of " << expected[first];
}

void mblm::fuzz::expectSameBits(const Results &got, const Results &expected, const std::string &what) {
  expectBits(got.logits, expected.logits, what + ": logits");
  expectBits(got.hidden, expected.hidden, what + ": states");
  expectBits(got.empty, expected.empty, what + ": logits of the empty prompt");
  auto scalars = [](const rt::Call::Scalars &s) { return std::vector<float>{s.loss, s.sum, s.count, s.gradNorm}; };
  expectBits(scalars(got.loss), scalars(expected.loss), what + ": loss");
  expectBits(scalars(got.stepLoss), scalars(expected.stepLoss), what + ": loss and norm of a step");
  expectBits(got.gradients, expected.gradients, what + ": gradients");
  expectBits(got.params, expected.params, what + ": parameters after a step");
  expectBits(got.m, expected.m, what + ": first moments");
  expectBits(got.v, expected.v, what + ": second moments");
}

void mblm::fuzz::expectRowsAlone(rt::Program &program, const Inputs &inputs, const Results &together) {
  const rt::ModelInfo &info = program.info();
  int64_t length = inputs.slots * info.inner, predicting = length - info.prefix;
  Floats params(inputs.params);
  for (int64_t b = 0; b < inputs.batch; ++b) {
    auto own = [&](const std::vector<int32_t> &all) {
      return all.empty() ? all : std::vector<int32_t>(all.begin() + b * length, all.begin() + (b + 1) * length);
    };
    Guarded<int32_t> ids(own(inputs.ids), 0x7fffffff), visible(own(inputs.visible), 0);
    rt::Call call;
    call.batch = 1;
    call.slots = inputs.slots;
    call.ids = ids.data();
    call.visible = visible.data();
    call.params = params.data();
    auto expectPart = [&](rt::Entry entry, const std::vector<float> &all, int64_t width, const char *what) {
      auto part = all.begin() + b * predicting * width;
      expectBits(rows(program, entry, call, predicting * width), {part, part + predicting * width},
                 "sequence " + std::to_string(b) + " alone: " + what);
    };
    expectPart(rt::Entry::Forward, together.logits, info.vocab, "logits");
    if (info.hiddenDim) {
      expectPart(rt::Entry::Hidden, together.hidden, info.hiddenDim, "states");
    }
  }
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every kernel of an artifact on a GPU, or on the simulator, against native code on the CPU: logits, loss, gradients,
// weights behind some training steps, and bytes fed one by one, on lengths with and without padding. A JSON line for
// each of them. Needs neither MLIR nor LLVM.
#include "runtime/Artifact.h"
#include "runtime/Decoder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Random.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>

using namespace mblm;
using nlohmann::json;

namespace {

struct CompareOptions {
  std::vector<std::string> artifacts;
  std::string target = "cuda", against;
  int64_t batch = 2, length = 512;
  double tolerance = 1e-3; // of |a - b|2 / |b|2
};

// Compared like this: the norm of the difference, as a share of the norm of what is right.
double distance(const float *got, const float *want, int64_t count) {
  double difference = 0, size = 0;
  for (int64_t i = 0; i < count; ++i) {
    difference += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    size += double(want[i]) * want[i];
  }
  return std::sqrt(difference / (size + 1e-30));
}

// The same model twice, and what is the same for both.
class Pair {
public:
  Pair(const std::string &path, const CompareOptions &options)
      : path(path), options(options),
        ours(rt::loadArtifact(path, 0, options.target == "sim" ? rt::RunOn::Simulator : rt::RunOn::Cuda)),
        cpu(rt::loadArtifact(options.against.empty() ? path : options.against)) {
    ours.initialize(1);
    cpu.initialize(1);
  }

  // Whether all is well.
  bool run() {
    const rt::ModelInfo &info = cpu.info();
    int64_t whole = std::max(options.length / info.inner, int64_t(1)) * info.inner;
    if (cpu.longest() > 0) {
      whole = std::min(whole, cpu.longest());
    }
    bool good = batches(whole);
    if (info.inner > 1) { // padded
      good &= batches(whole - info.inner / 2);
    }
    good &= train(whole);
    good &= steps(std::min<int64_t>(whole, 2 * info.inner + 3));
    return good;
  }

private:
  rt::Ids idsOf(int64_t length) {
    ids.clear();
    int64_t first = cpu.info().pad == 0 ? 1 : 0, count = std::min<int64_t>(cpu.info().vocab, 256) - first;
    for (int64_t i = 0; i < options.batch * length; ++i) {
      rt::PhiloxBlock bits = rt::randomBlock(7, rt::Stream::Sample, uint64_t(i), 0, 0);
      ids.push_back(int32_t(first + int64_t(rt::below(bits[0], bits[1], uint64_t(count)))));
    }
    return {options.batch, length, ids.data(), nullptr};
  }

  bool report(const std::string &what, int64_t length, double apart) {
    bool good = apart <= options.tolerance;
    json line = {{"artifact", path}, {"what", what},   {"batch", options.batch},
                 {"length", length}, {"apart", apart}, {"good", good}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
    return good;
  }

  bool batches(int64_t length) {
    rt::Ids view = idsOf(length);
    rt::Rows want = cpu.forward(view), got = ours.forward(view);
    bool good = report("logits", length, distance(got.data, want.data, want.batch * want.rows * want.width));
    float wanted = cpu.loss(view).loss, loss = ours.loss(view).loss;
    good &= report("loss", length, distance(&loss, &wanted, 1));
    cpu.gradients(view);
    ours.gradients(view);
    good &= flat(rt::Flat::Grads, "gradient of ", length);
    return good;
  }

  // The farthest tensor.
  bool flat(rt::Flat which, const std::string &what, int64_t length) {
    std::vector<rt::TensorView> want = cpu.tensors(which), got = ours.tensors(which);
    double farthest = -1;
    std::string name;
    for (size_t i = 0; i < want.size(); ++i) {
      int64_t count = 1;
      for (int64_t size : want[i].shape) {
        count *= size;
      }
      double apart = distance(static_cast<const float *>(got[i].data), static_cast<const float *>(want[i].data), count);
      if (!(apart <= farthest)) {
        farthest = apart;
        name = want[i].name;
      }
    }
    return report(what + name, length, farthest);
  }

  bool train(int64_t length) {
    rt::Ids view = idsOf(length);
    float hyper[rt::HyperCount] = {};
    hyper[rt::Lr] = 1e-3f;
    hyper[rt::Beta1] = 0.9f;
    hyper[rt::Beta2] = 0.95f;
    hyper[rt::Eps] = 1e-3f; // so that what is nearly zero stays so
    hyper[rt::WeightDecay] = 0.1f;
    hyper[rt::ClipNorm] = 1;
    hyper[rt::Decoupled] = 1;
    std::vector<float> decay(cpu.info().parameters.size(), 1.0f);
    for (int step = 1; step <= 4; ++step) { // the third replays a graph
      hyper[rt::Step] = float(step);
      cpu.trainStep(view, 1, hyper, decay.data());
      ours.trainStep(view, 1, hyper, decay.data());
    }
    return flat(rt::Flat::Params, "weight after 4 steps: ", length);
  }

  bool steps(int64_t length) {
    idsOf(length);
    std::unique_ptr<rt::Decoder> wantOwner = rt::makeDecoder(cpu, options.batch, length);
    rt::Decoder &want = *wantOwner;
    std::unique_ptr<rt::Decoder> gotOwner = rt::makeDecoder(ours, options.batch, length);
    rt::Decoder &got = *gotOwner;
    double farthest = 0;
    for (int64_t i = 0; i < length; ++i) {
      const int32_t *next = ids.data() + i * options.batch;
      rt::Rows wanted = want.feed(next, 1), rows = got.feed(next, 1);
      double apart = distance(rows.data, wanted.data, wanted.batch * wanted.rows * wanted.width);
      farthest = apart <= farthest ? farthest : apart;
    }
    return report("logits byte by byte", length, farthest);
  }

  std::string path;
  const CompareOptions &options;
  rt::Model ours, cpu;
  std::vector<int32_t> ids;
};

} // namespace

int main(int argc, char **argv) {
  CompareOptions options;
  CLI::App app("Compares what artifacts compute on a GPU with what they compute on the CPU.\n"
               "Example: compare-targets build/gpu-pack/bench/mblm-2d-tt.f32.so");
  app.add_option("artifacts", options.artifacts, "Made by 'mblm compile --target cuda'")->required();
  app.add_option("--target", options.target, "cuda (default) or sim")->check(CLI::IsMember({"cuda", "sim"}));
  app.add_option("--against", options.against, "Artifact whose native code is right (default: the same one's)");
  app.add_option("--batch", options.batch, "Sequences (default 2)")->check(CLI::PositiveNumber);
  app.add_option("--length", options.length, "Bytes a sequence, up to whole slots (default 512)")
      ->check(CLI::PositiveNumber);
  app.add_option("--tolerance", options.tolerance,
                 "Most that a tensor may be off, as a share of its norm (default 1e-3)");
  CLI11_PARSE(app, argc, argv);
  try {
    bool good = true;
    for (const std::string &path : options.artifacts) {
      good &= Pair(path, options).run();
    }
    return good ? 0 : int(Exit::Numerics);
  } catch (const Error &error) {
    std::fprintf(stderr, "compare-targets: %s\n", error.what());
    return int(error.code);
  }
}

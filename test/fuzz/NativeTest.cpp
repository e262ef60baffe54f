// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random models as native code against the reference interpreter: every entry, every level of this machine, with
// fusion, with some of it and without; and against itself with other thread counts and batches, bit by bit. A few seeds
// by default, each with one level and fusion; MBLM_FUZZ_SEEDS=first..last runs those seeds with all.
#include "test/support/Native.h"
#include "test/fuzz/Executions.h"
#include "test/fuzz/RandomSpec.h"

#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Reader.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

struct Variant {
  uint64_t seed;
  std::string level;
  pipelines::Fusion fusion;
};

const pipelines::Fusion fusions[] = {{true, -1}, {false, -1}, {true, 7}};

std::vector<Variant> variants() {
  std::vector<std::string> levels = test::hostLevels();
  std::vector<Variant> result;
  if (const char *seeds = std::getenv("MBLM_FUZZ_SEEDS")) {
    unsigned long long first = 0, last = 0;
    if (std::sscanf(seeds, "%llu..%llu", &first, &last) != 2) {
      ADD_FAILURE() << "expects MBLM_FUZZ_SEEDS as first..last, such as 100..199, but got " << seeds;
    }
    for (uint64_t seed = first; seed <= last; ++seed) {
      for (const std::string &level : levels) {
        for (const pipelines::Fusion &fusion : fusions) {
          result.push_back({seed, level, fusion});
        }
      }
    }
    return result;
  }
  for (uint64_t seed = 0; seed < 6; ++seed) {
    result.push_back({seed, levels[seed % levels.size()], fusions[(seed + seed / 3) % 3]});
  }
  return result;
}

test::Native threads(int count) {
  test::Native native;
  native.threads = count;
  return native;
}

test::Native native(const Variant &variant, int threads) {
  test::Native native;
  native.level = variant.level;
  native.fusion = variant.fusion;
  native.threads = threads;
  return native;
}

class NativeModel : public testing::TestWithParam<Variant> {};

TEST_P(NativeModel, AgreesWithTheReference) {
  spec::Spec spec = randomSpec(GetParam().seed);
  SCOPED_TRACE(describe(spec));
  rt::ModelInfo info = makeModelInfo(spec);
  Inputs inputs = randomInputs(info, GetParam().seed);
  auto program = test::compileSpec(spec, native(GetParam(), 1));
  Results once = execute(*program, inputs);
  expectAgreement(once, execute(*test::interpretSpec(spec), inputs), info);
  // The arena is full of another entry's numbers now.
  expectSameBits(execute(*program, inputs), once, "a second run");
  for (int threads : {2, 3}) {
    expectSameBits(execute(*test::compileSpec(spec, native(GetParam(), threads)), inputs), once,
                   std::to_string(threads) + " threads");
  }
  expectRowsAlone(*program, inputs, once);
}

std::string variantName(const testing::TestParamInfo<Variant> &info) {
  const pipelines::Fusion &fusion = info.param.fusion;
  return std::to_string(info.param.seed) + "_" + info.param.level +
         (!fusion.on         ? "_unfused"
          : fusion.limit < 0 ? "_fused"
                             : "_fused" + std::to_string(fusion.limit));
}

INSTANTIATE_TEST_SUITE_P(Seeds, NativeModel, testing::ValuesIn(variants()), variantName);

//===----------------------------------------------------------------------===//
// Sequences that are read whole
//===----------------------------------------------------------------------===//

class NativeWhole : public testing::TestWithParam<Variant> {
protected:
  void check(const spec::Spec &spec, int64_t slots) {
    SCOPED_TRACE(describe(spec));
    rt::ModelInfo info = makeModelInfo(spec);
    Inputs inputs = randomInputs(info, GetParam().seed, 2, info.maxSlots ? std::min(slots, info.maxSlots) : slots);
    auto program = test::compileSpec(spec, native(GetParam(), 1));
    Results once = execute(*program, inputs);
    expectAgreement(once, execute(*test::interpretSpec(spec), inputs), info);
    expectSameBits(execute(*test::compileSpec(spec, native(GetParam(), 3)), inputs), once, "3 threads");
    expectRowsAlone(*program, inputs, once);
  }
};

TEST_P(NativeWhole, MaskedAgreesWithTheReference) {
  check(asMasked(randomSpec(GetParam().seed, {spec::Block::Transformer})), 1 + int64_t(GetParam().seed) % 3);
}

TEST_P(NativeWhole, PrefixAgreesWithTheReference) {
  spec::Spec spec = withPrefix(randomSpec(GetParam().seed, {spec::Block::Transformer}));
  check(spec, *spec.prefix + (GetParam().seed % 2 ? 2 : 69));
}

INSTANTIATE_TEST_SUITE_P(Seeds, NativeWhole, testing::ValuesIn(variants()), variantName);

//===----------------------------------------------------------------------===//
// Lengths that kernels treat specially
//===----------------------------------------------------------------------===//

struct Lengths {
  const char *name;
  const char *json;
  std::vector<int64_t> slots;
};

// Blocks of attention hold 48 rows and 64 keys; inner sequences up to 64 take another form of the kernel.
const Lengths lengths[] = {
    {"one_stage",
     R"({ "format": 1, "name": "lengths", "vocab": 20, "pad": 19, "stages": [
       { "dim": 24, "length": 300, "position": "none", "layers": [
         { "heads": 1, "head_dim": 8, "rotary": true }, { "heads": 2, "head_dim": 14, "rotary": true },
         { "heads": 2, "head_dim": 33, "rotary": false }, { "heads": 1, "head_dim": 80, "rotary": true } ] } ] })",
     {1, 2, 48, 64, 65, 128, 200}},
    {"long_inner",
     R"({ "format": 1, "name": "lengths", "vocab": 20, "pad": 19, "stages": [
       { "dim": 16, "length": 200, "position": "none", "layers": [ { "heads": 2, "head_dim": 40, "rotary": true } ] },
       { "dim": 24, "length": 100, "position": "learned", "layers": [
         { "heads": 1, "head_dim": 72, "rotary": true }, { "heads": 3, "head_dim": 10, "rotary": false } ] } ] })",
     {1, 3}},
    {"long_outer",
     R"({ "format": 1, "name": "lengths", "vocab": 20, "pad": 19, "stages": [
       { "dim": 16, "length": 200, "position": "rope", "layers": [
         { "heads": 2, "head_dim": 40, "rotary": true } ] },
       { "dim": 24, "length": 5, "position": "learned", "layers": [
         { "heads": 1, "head_dim": 80, "rotary": true } ] } ] })",
     {1, 64, 130}}};

class NativeLengths : public testing::TestWithParam<Lengths> {};

TEST_P(NativeLengths, AgreeWithTheReference) {
  spec::Spec spec = spec::parseSpec(GetParam().json, GetParam().name);
  rt::ModelInfo info = makeModelInfo(spec);
  auto exact = test::interpretSpec(spec);
  auto program = test::compileSpec(spec, threads(1)), parallel = test::compileSpec(spec, threads(3));
  for (int64_t slots : GetParam().slots) {
    SCOPED_TRACE(std::to_string(slots) + " slots");
    Inputs inputs = randomInputs(info, uint64_t(slots), 2, slots);
    Results results = execute(*program, inputs);
    expectAgreement(results, execute(*exact, inputs), info);
    expectSameBits(execute(*parallel, inputs), results, "3 threads");
    expectRowsAlone(*program, inputs, results);
  }
}

std::string lengthsName(const testing::TestParamInfo<Lengths> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Special, NativeLengths, testing::ValuesIn(lengths), lengthsName);

} // namespace

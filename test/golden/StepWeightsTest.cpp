// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps that read weights in int8, native, against whole passes of the interpreter over the numbers that they stand for.
#include "compiler/Spec/Import.h"
#include "runtime/Decoder.h"
#include "test/golden/GoldenCase.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::golden;

namespace {

class Int8Steps : public testing::TestWithParam<CaseName> {
protected:
  // With patches behind spaces, which need no other model, where the data decides them.
  static spec::Spec specOf(spec::Spec spec) {
    if (spec.patches) {
      spec.patches->mode = spec::PatchMode::Space;
    }
    return spec;
  }

  std::unique_ptr<rt::Model> open(const std::string &level) {
    test::Native native;
    native.level = level;
    native.stepWeights = "int8";
    native.entries = driver::entriesOf(spec, /*steps=*/true);
    for (const std::string &entry : driver::entriesOf(spec, /*steps=*/false)) {
      if (entry == rt::entryName(rt::Entry::Patches)) {
        native.entries.push_back(entry);
      }
    }
    auto model = std::make_unique<rt::Model>(test::compileSpec(spec, native));
    golden.loadWeights(*model);
    return model;
  }

  // Bytes of words, [sequences, length].
  std::vector<int32_t> text(int64_t sequences, int64_t length) const {
    rt::ModelInfo info = reference.info();
    std::vector<int32_t> ids;
    for (int64_t n = 0; n < sequences * length; ++n) {
      int64_t byte = n % 6 == 5 ? ' ' : 'a' + n * n % 23;
      ids.push_back(int32_t(info.vocab > 256 ? byte + info.firstByte : byte % (info.vocab - 1)));
    }
    return ids;
  }

  std::vector<float> whole(const std::vector<int32_t> &ids, int64_t sequences) {
    rt::Rows rows = reference.forward({sequences, int64_t(ids.size()) / sequences, ids.data()});
    return {rows.data, rows.data + rows.batch * rows.rows * rows.width};
  }

  GoldenCase golden{GetParam()};
  spec::Spec spec = specOf(golden.spec);
  rt::Model reference{test::interpretSpec(spec)};
};

TEST_P(Int8Steps, AreScalesTimesIntegers) {
  int64_t longest = reference.longest(), sequences = spec.patches ? 1 : 2, vocab = reference.info().vocab;
  int64_t length = longest > 0 ? std::min<int64_t>(longest, 90) : 90;
  std::vector<int32_t> ids = text(sequences, length), column(static_cast<size_t>(sequences));
  golden.loadWeights(reference);
  std::vector<float> plain = whole(ids, sequences);
  for (const std::string &level : test::hostLevels()) {
    std::unique_ptr<rt::Model> model = open(level);
    ASSERT_TRUE(model->getProgram().quantizes());
    std::unique_ptr<rt::Decoder> decoder = rt::makeDecoder(*model, sequences, length);
    std::vector<float> stepped(plain.size());
    for (int64_t t = 0; t < length; ++t) {
      for (int64_t b = 0; b < sequences; ++b) {
        column[size_t(b)] = ids[size_t(b * length + t)];
      }
      rt::Rows rows = decoder->feed(column.data(), 1);
      for (int64_t b = 0; b < sequences; ++b) {
        std::copy_n(rows.data + b * vocab, vocab, stepped.data() + (b * length + t) * vocab);
      }
    }
    decoder->reset();
    rt::Rows last = decoder->feed(ids.data(), length); // by prefills, where there is room for them
    std::vector<float> atOnce(last.data, last.data + sequences * vocab);

    model->quantizeWeights();
    std::copy_n(model->flat(rt::Flat::Params), model->info().parameterElements, reference.flat(rt::Flat::Params));
    std::vector<float> expected = whole(ids, sequences);
    double far = 0; // the f32 weights' logits
    for (size_t n = 0; n < expected.size(); ++n) {
      ASSERT_NEAR(stepped[n], expected[n], 1e-4 * (1 + std::abs(expected[n]))) << level << ", element " << n;
      far = std::max(far, std::abs(double(stepped[n]) - plain[n]));
    }
    for (int64_t b = 0; b < sequences; ++b) {
      for (int64_t v = 0; v < vocab; ++v) {
        float exact = expected[size_t(((b + 1) * length - 1) * vocab + v)];
        ASSERT_NEAR(atOnce[size_t(b * vocab + v)], exact, 1e-4 * (1 + std::abs(exact))) << level << ", at once, id " << v;
      }
    }
    EXPECT_GT(far, 1e-3) << level << ": weights were not rounded";
  }
}

const CaseName cases[] = {{"mblm", "d05_2d_tt_fixed_exact"},      {"mblm", "d10_3d_mtt_pad"},    {"mblm", "m2_d2_2d_mt_pad"},
                          {"megabyte", "byte_transformer_gpt2"},  {"megabyte", "mamba2_lm"},     {"megabyte", "mamba_lm_rms_tied"},
                          {"megabyte", "mega_intdim_odd_pad257"}, {"blt", "d06_blt_k2_hash"},    {"blt", "d08_blt_gqa_alllayers"}};

INSTANTIATE_TEST_SUITE_P(All, Int8Steps, testing::ValuesIn(cases), [](const auto &info) { return info.param.name; });

} // namespace

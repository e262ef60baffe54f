// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts that are no JSON, or too much of it, and where the error points.
#include "test/spec/Refusal.h"

#include "compiler/Spec/Json.h"

#include <gtest/gtest.h>

using namespace mblm::spec;

namespace {

struct Case {
  std::string text;
  std::string line;
};

class Syntax : public testing::TestWithParam<Case> {};

TEST_P(Syntax, IsRefusedWhereItIsWrong) { EXPECT_EQ(refusalOf(GetParam().text), GetParam().line); }

const std::string literal = "; expected a string, a finite number, true, false, null, an array or an object";

INSTANTIATE_TEST_SUITE_P(
    All, Syntax,
    testing::Values(
        Case{"", "3 m.json:1:1: /: the text ends too early; expected an object"},
        Case{"{\n  \"format\": 1\n\n",
             "3 m.json:2:14: /: the text ends too early; expected the rest of an object, up to '}'"},
        Case{R"({"stages": [ {"dim)",
             "3 m.json:1:19: /stages/0: the text ends too early; expected the rest of an object, up to '}'"},
        Case{"[1", "3 m.json:1:3: /: the text ends too early; expected the rest of an array, up to ']'"},
        Case{R"({"format" 1})", "3 m.json:1:11: /: not JSON: unexpected number literal; expected ':'"},
        Case{"[1,,2]", "3 m.json:1:4: /: not JSON: unexpected ','; expected '[', '{', or a literal"},
        Case{R"({"a":1,})", "3 m.json:1:8: /: not JSON: unexpected '}'; expected string literal"},
        Case{R"({"a":{"b":1 "c":2}})", "3 m.json:1:13: /a: not JSON: unexpected string literal; expected '}'"},
        Case{R"({"a":"é","b":1 x})", "3 m.json:1:16: /: not JSON: invalid literal \"x\"" + literal},
        Case{R"({"a":tru})", "3 m.json:1:6: /: not JSON: invalid literal \"tru\"" + literal},
        Case{R"({"a": NaN})", "3 m.json:1:7: /: not JSON: invalid literal \"NaN\"" + literal},
        Case{R"({"a":-Infinity})", "3 m.json:1:6: /: not JSON: invalid number; expected digit after '-'"},
        Case{"// words\n{}", "3 m.json:1:1: /: not JSON: invalid literal \"//\"" + literal},
        Case{R"({"a":1e999})", "3 m.json:1:6: /: the number \"1e999\" is too large; expected one below 1.8e308"},
        Case{R"({"a":"\q"})", "3 m.json:1:6: /: not JSON: invalid string: forbidden character after backslash; "
                              "expected a valid JSON string"},
        Case{"{\"a\":\"\xff\"}",
             "3 m.json:1:6: /: not JSON: invalid string: ill-formed UTF-8 byte; expected a valid JSON string"},
        Case{"{\"vocab\":\r\n1, \"b\":2,\r\n  \"vocab\":3}",
             "3 m.json:3:3: /vocab: key \"vocab\" is here twice, first at line 1:2; expected it once"},
        Case{"\xEF\xBB\xBF{\"zzzzzz\":1, \"format\":1}",
             "3 m.json:1:2: /zzzzzz: unknown key \"zzzzzz\" in the top level; valid keys are $schema, format, name, "
             "vocab, "
             "pad, start_token, pad_gradient, padding_idx, tie_embeddings, head_bias, loss, fixed_length, names, "
             "document_end, prefix, mask_token, mask_all, "
             "mask_probability, patches, ngrams, stages"}));

TEST(SyntaxLimits, Nesting) {
  std::string line = refusalOf(std::string(65, '['));
  EXPECT_EQ(line.substr(0, 16), "4 m.json:1:65: /");
  EXPECT_NE(line.find(": nesting is deeper than 64 levels; a model description needs 5"), std::string::npos);
  EXPECT_EQ(refusalOf(std::string(64, '[') + std::string(64, ']')),
            "3 m.json:1:1: /: the top level is an array; expected an object");
}

TEST(SyntaxLimits, Values) {
  std::string text = "[0";
  for (size_t i = 0; i < Source::maxValues; ++i) {
    text += ",0";
  }
  EXPECT_EQ(refusalOf(text + "]"),
            "4 m.json:1:524288: /: the file holds more than 262144 values; join equal layers with "
            "\"repeat\"");
}

TEST(SyntaxLimits, Size) {
  EXPECT_EQ(refusalOf(std::string(Source::maxBytes + 1, ' ')),
            "4 m.json:1:1: /: the file is larger than 16 MiB; a model description is a few KiB");
  EXPECT_EQ(refusal([] { readSpec("/dev/zero"); }),
            "4 /dev/zero:1:1: /: the file is larger than 16 MiB; a model description is a few KiB");
}

TEST(SyntaxLimits, UnreadableFiles) {
  EXPECT_EQ(refusal([] { readSpec("models/none.json"); }),
            "5 models/none.json: cannot be read (No such file or directory); expected a readable JSON file");
  EXPECT_EQ(refusal([] { readSpec("models"); }),
            "5 models: cannot be read (Is a directory); expected a readable JSON file");
}

} // namespace

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Published answers of the generators and hashes, memory limits, files that appear whole.
#include "runtime/Support/Dropout.h"
#include "runtime/Support/Hash.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Memory.h"
#include "runtime/Support/Random.h"
#include "test/runtime/TestFiles.h"

#include <csignal>
#include <sys/resource.h>

namespace mblm::rt {

using test::expectError;
using test::TestFolder;

// The known answers that Random123 publishes for philox4x32-10.
TEST(Random, PhiloxKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t f = 0xffffffff;
  EXPECT_EQ(philox({f, f, f, f}, {f, f}), (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, BelowReachesBothEnds) {
  EXPECT_EQ(below(0, 0, 10), 0u);
  EXPECT_EQ(below(0xffffffff, 0xffffffff, 10), 9u);
  EXPECT_EQ(below(0x80000000, 0, 10), 5u);
}

namespace {

// Of a tensor of 1000 rows and 1001 columns: how many elements two dropouts keep, and how many both do.
struct Kept {
  int64_t first = 0, second = 0, both = 0;
};
Kept countKept(double rate, const Draw &draw, uint32_t site, const Draw &otherDraw, uint32_t otherSite) {
  DropoutKey key = dropoutKey(draw), other = dropoutKey(otherDraw);
  Kept kept;
  for (uint64_t row = 0; row < 1000; ++row) {
    for (uint64_t column = 0; column < 1001; ++column) {
      bool a = dropoutFactor(key, rate, site, row, column, 1001) != 0;
      bool b = dropoutFactor(other, rate, otherSite, row, column, 1001) != 0;
      kept.first += a;
      kept.second += b;
      kept.both += a && b;
    }
  }
  return kept;
}

} // namespace

TEST(Dropout, KeepsItsShareScaledUp) {
  constexpr double elements = 1000 * 1001;
  for (double rate : {0.1, 0.5, 0.9}) {
    Kept kept = countKept(rate, {1, 2}, 3, {1, 2}, 3);
    double deviation = std::sqrt(elements * rate * (1 - rate));
    EXPECT_NEAR(double(kept.first), elements * (1 - rate), 4 * deviation) << rate;
    EXPECT_EQ(kept.both, kept.first) << "the same key and site keep the same";
  }
  DropoutKey key = dropoutKey(Draw{1, 2});
  for (uint64_t column = 0; column < 100; ++column) {
    double factor = dropoutFactor(key, 0.75, 3, 0, column, 100);
    EXPECT_TRUE(factor == 0 || factor == 4) << factor;
    EXPECT_EQ(dropoutFactor(key, 0, 3, 0, column, 100), 1);
    EXPECT_EQ(dropoutFactor(dropoutKey({}), 0.75, 3, 0, column, 100), 1) << "nothing is dropped without a draw";
  }
}

TEST(Dropout, SeedsDrawsAndSitesAreIndependent) {
  constexpr double elements = 1000 * 1001, rate = 0.5;
  double deviation = std::sqrt(elements * 0.25 * 0.75);
  const std::pair<Draw, uint32_t> others[] = {{{2, 2}, 3}, {{1 + (uint64_t(1) << 32), 2}, 3}, {{1, 3}, 3}, {{1, 2}, 4}};
  for (const auto &[draw, site] : others) {
    Kept kept = countKept(rate, {1, 2}, 3, draw, site);
    EXPECT_NEAR(double(kept.both), elements * (1 - rate) * (1 - rate), 4 * deviation);
  }
}

TEST(Dropout, FollowsTheFormula) {
  DropoutKey key = dropoutKey(Draw{0x0123456789abcdef, 77});
  // Row 5, column 6 of 9: three blocks a row.
  PhiloxBlock words = philox({5 * 3 + 1, 0, 77, 8 + (4u << 24)}, {0x89abcdef, 0x01234567});
  for (double rate : {0.05, 0.3, 0.6, 0.99}) {
    EXPECT_EQ(dropoutFactor(key, rate, 8, 5, 6, 9) != 0, words[2] >= rate * 0x1p32) << rate;
  }
}

TEST(Hash, XXH64KnownAnswers) {
  EXPECT_EQ(hexText(hash64("", 0)), "ef46db3751d8e999");
  EXPECT_EQ(hexText(hash64("a", 1)), "d24ec4f1a98c6e5b");
  EXPECT_EQ(hexText(hash64("abc", 3)), "44bc2cf5ad770999");
  std::string text = "Nobody inspects the spammish repetition";
  EXPECT_EQ(hexText(hash64(text.data(), text.size())), "fbcea83c8a378bf1");
}

TEST(Memory, BuffersAreAlignedZeroedAndReadablePastTheEnd) {
  for (int64_t floats : {int64_t(1), int64_t(1000), int64_t(3) << 20}) {
    Buffer buffer(floats, "test");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
    for (int64_t i = 0; i < 64; ++i) { // 256 bytes of slack
      EXPECT_EQ(buffer.data()[floats + i], 0.0f);
    }
    EXPECT_EQ(buffer.data()[floats / 2], 0.0f);
  }
}

TEST(Memory, LimitIsKeptAndNumbersAreNamed) {
  MemoryAccount &account = memoryAccount();
  account.setLimit(account.used() + (1 << 20));
  int64_t before = account.used();
  {
    Buffer fits(1 << 17, "first buffer");
    EXPECT_GE(account.used() - before, 4 << 17);
    expectError(Exit::Resource, "second buffer needs ", [] { Buffer tooMuch(1 << 18, "second buffer"); });
    expectError(Exit::Resource, "--max-memory", [] { Buffer tooMuch(1 << 18, "second buffer"); });
  }
  EXPECT_EQ(account.used(), before);
  expectError(Exit::Resource, "more bytes than can be counted", [] { Buffer absurd(INT64_MAX / 2, "absurd"); });
  account.setLimit(defaultMemoryLimit());
  EXPECT_GT(account.limit(), 0);
}

TEST(File, AppearsWholeOrNotAtAll) {
  TestFolder folder;
  folder.write("target", "old");
  {
    OutputFile file(folder / "target");
    file.write("new", 3);
    EXPECT_EQ(test::readAll(folder / "target"), "old");
  }
  EXPECT_EQ(test::readAll(folder / "target"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1) << "a temporary file was left";
  writeTextFile(folder / "target", "new");
  EXPECT_EQ(test::readAll(folder / "target"), "new");
}

TEST(File, KeepsLinksAndDevices) {
  TestFolder folder;
  folder.write("real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  writeTextFile(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(test::readAll(folder / "real"), "new");
  writeTextFile("/dev/null", "gone");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(File, ErrorsNameThePath) {
  TestFolder folder;
  expectError(Exit::FileIO, "cannot open '" + (folder / "none") + "': No such file",
              [&] { InputFile(folder / "none"); });
  expectError(Exit::FileIO, "not a regular file", [&] { InputFile file(folder.path); });
  expectError(Exit::FileIO, "cannot write '", [&] { OutputFile file(folder / "none/file"); });
  folder.write("file", "abc");
  char out[8];
  expectError(Exit::FileIO, "lie beyond its 3 bytes", [&] { InputFile(folder / "file").read(1, out, 3); });
  InputFile shrinking(folder / "file");
  std::filesystem::resize_file(folder / "file", 1);
  expectError(Exit::FileIO, "became shorter than 3", [&] { shrinking.read(0, out, 3); });
}

TEST(Json, RefusesWhatOthersAccept) {
  auto parse = [](const std::string &text) { return parseJson(text, "f.json", Exit::BadInput); };
  expectError(Exit::BadInput, "f.json:2:5: not valid JSON", [&] { parse("{\n \"a\"}"); });
  expectError(Exit::BadInput, "key 'a' stands twice", [&] { parse("{\"a\": 1, \"a\": 2}"); });
  expectError(Exit::BadInput, "nested deeper", [&] { parse(std::string(100000, '[')); });
  expectError(Exit::BadInput, "not valid JSON", [&] { parse("{\"\xff\": 1}"); });
  EXPECT_EQ(parse("{\"a\": {\"a\": 1}, \"b\": {\"a\": 2}}")["b"]["a"], 2);
  EXPECT_EQ(nearestName("bacth", {"batch", "length"}), "batch");
  EXPECT_EQ(nearestName("zzzzzz", {"batch", "length"}), "");
}

} // namespace mblm::rt

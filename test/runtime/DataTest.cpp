// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folders, windows, splits and short data.
#include "runtime/Data.h"
#include "test/runtime/BigramProgram.h"
#include "test/runtime/TestFiles.h"

#include <set>

namespace mblm::rt {

using test::BigramProgram;
using test::BigramShape;
using test::expectError;
using test::TestFolder;

TEST(Data, FolderIsReadInPathOrder) {
  TestFolder folder;
  folder.write("b.txt", "world");
  folder.write("a/z.txt", "hello ");
  folder.write("a/empty", "");
  folder.write("c.txt", "!");
  Data data(folder.path);
  ASSERT_EQ(data.size(), 12);
  std::string text(12, ' ');
  data.read(0, text.data(), 12);
  EXPECT_EQ(text, "hello world!");
  data.read(4, text.data(), 4);
  EXPECT_EQ(text.substr(0, 4), "o wo");
  EXPECT_EQ(data.place(6), "'" + (folder / "b.txt") + "', byte 0");
}

TEST(Data, EmptyOrMissing) {
  TestFolder folder;
  folder.write("empty", "");
  expectError(Exit::BadInput, "is empty: expected at least one byte", [&] { Data data(folder / "empty"); });
  expectError(Exit::BadInput, "is empty", [&] { Data data(folder.path); });
  expectError(Exit::FileIO, "cannot open '", [&] { Data data(folder / "none"); });
}

TEST(Data, BytesOutsideTheVocabulary) {
  TestFolder folder;
  Data data(folder.write("text", "abz"));
  BigramShape shape;
  shape.vocab = 100;
  shape.pad = 0;
  BigramProgram program(shape);
  std::vector<int32_t> ids(3);
  data.readIds(0, ids.data(), 2, program.info());
  EXPECT_EQ(ids[1], 'b');
  expectError(Exit::BadInput, "text', byte 2: value 122 is outside the model's vocabulary of 100 ids (0 to 99)",
              [&] { data.readIds(0, ids.data(), 3, program.info()); });
}

TEST(Data, WindowsAreKeyedAndCoverTheRange) {
  TestFolder folder;
  Data data(folder.write("text", "0123456789abcdef"));
  BigramProgram program;
  std::vector<int32_t> ids(4);
  std::vector<int32_t> again(4);
  std::vector<float> mask(4);
  std::set<int32_t> starts;
  for (int64_t step = 0; step < 300; ++step) {
    drawWindow(data, {0, 10}, program.info(), {7, step, 0, 0}, 4, ids.data(), mask.data());
    drawWindow(data, {0, 10}, program.info(), {7, step, 0, 0}, 4, again.data(), mask.data());
    EXPECT_EQ(ids, again);
    EXPECT_EQ(ids[3], ids[0] + 3);
    starts.insert(ids[0] - '0');
  }
  EXPECT_EQ(starts, (std::set<int32_t>{0, 1, 2, 3, 4, 5, 6})) << "every start, none beyond the range";
}

TEST(Data, ShortDataIsPaddedOrRefused) {
  TestFolder folder;
  Data data(folder.write("text", "ab"));
  BigramProgram program;
  std::vector<int32_t> ids(4);
  std::vector<float> mask(4);
  drawWindow(data, data.all(), program.info(), {}, 4, ids.data(), mask.data());
  EXPECT_EQ(ids, (std::vector<int32_t>{'a', 'b', 256, 256}));
  EXPECT_EQ(mask, (std::vector<float>{1, 1, 0, 0}));
  BigramShape shape;
  shape.pad.reset();
  shape.inner = 1;
  BigramProgram noPad(shape);
  expectError(Exit::BadInput, "has 2 bytes to train on, fewer than one window of 4",
              [&] { drawWindow(data, data.all(), noPad.info(), {}, 4, ids.data(), mask.data()); });
}

TEST(Data, HeldOutIsTheEnd) {
  TestFolder folder;
  Data data(folder.write("text", std::string(1000, 'x')));
  Split split = splitData(data, 0.05);
  EXPECT_EQ(split.train.end, 950);
  EXPECT_EQ(split.heldOut.begin, 950);
  EXPECT_EQ(split.heldOut.end, 1000);
  EXPECT_EQ(splitData(data, 0).heldOut.size(), 0);
}

} // namespace mblm::rt

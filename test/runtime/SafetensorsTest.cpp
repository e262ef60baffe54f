// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round trips, conversions, and one test for each way in which a file can lie.
#include "runtime/Safetensors.h"
#include "runtime/Support/Convert.h"
#include "test/runtime/TestFiles.h"

#include <cmath>
#include <cstring>

namespace mblm::rt {

using test::expectError;
using test::TestFolder;

namespace {

std::string fileBytes(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<char *>(&length), 8) + header + data;
}

class Safetensors : public testing::Test {
protected:
  void corrupt(const std::string &header, const std::string &data, const std::string &message) {
    std::string path = folder.write("bad.safetensors", fileBytes(header, data));
    expectError(Exit::Integrity, message, [&] { SafetensorsFile file(path); });
  }
  SafetensorsFile open(const std::string &header, const std::string &data) {
    return SafetensorsFile(folder.write("good.safetensors", fileBytes(header, data)));
  }
  TestFolder folder;
};

std::string tensor(const std::string &dtype, const std::string &shape, const std::string &offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

} // namespace

TEST_F(Safetensors, RoundTripKeepsOrderAndBits) {
  float a[] = {1.5f, -0.0f, std::nanf("")};
  int32_t b[] = {7, -9};
  float c = 2;
  std::string path = folder / "t.safetensors";
  std::vector<TensorView> views = {
      {"z", {3}, a}, {"b", {2, 1}, b, DType::I32}, {"scalar", {}, &c}, {"none", {0, 4}, &c}};
  writeSafetensors(path, views, {{"by", "test"}});
  SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.tensors()[0].name, "z");
  EXPECT_EQ(file.metadata().at("by"), "test");
  EXPECT_EQ(std::memcmp(file.floats("z").data(), a, sizeof a), 0);
  EXPECT_EQ(file.integers("b"), (std::vector<int32_t>{7, -9}));
  EXPECT_EQ(file.floats("scalar"), std::vector<float>{2});
  EXPECT_EQ(file.get("none").elements, 0);
  std::string first = test::readAll(path);
  writeSafetensors(path, views, {{"by", "test"}});
  EXPECT_EQ(test::readAll(path), first);
}

TEST_F(Safetensors, ConvertsEveryType) {
  std::string data;
  std::string header = "{";
  auto add = [&](const char *name, const void *bytes, size_t size) {
    size_t at = data.size();
    data.append(static_cast<const char *>(bytes), size);
    header += (at ? "," : "") + ("\"" + std::string(name) + "\":") +
              tensor(name, "[1]", "[" + std::to_string(at) + "," + std::to_string(data.size()) + "]");
  };
  double f64 = -2.5;
  float f32 = 0.25;
  uint16_t f16 = 0xC100;  // -2.5
  uint16_t bf16 = 0x4049; // 3.140625
  int64_t i64 = -5;
  int32_t i32 = 70000;
  int8_t i8 = -128;
  uint8_t u8 = 200;
  uint8_t yes = 1;
  add("F64", &f64, 8);
  add("F32", &f32, 4);
  add("F16", &f16, 2);
  add("BF16", &bf16, 2);
  add("I64", &i64, 8);
  add("I32", &i32, 4);
  add("I8", &i8, 1);
  add("U8", &u8, 1);
  add("BOOL", &yes, 1);
  SafetensorsFile file = open(header + "}", data);
  auto value = [&](const char *name) { return file.floats(name)[0]; };
  EXPECT_EQ(value("F64"), -2.5f);
  EXPECT_EQ(value("F32"), 0.25f);
  EXPECT_EQ(value("F16"), -2.5f);
  EXPECT_EQ(value("BF16"), 3.140625f);
  EXPECT_EQ(value("I64"), -5.0f);
  EXPECT_EQ(value("I32"), 70000.0f);
  EXPECT_EQ(value("I8"), -128.0f);
  EXPECT_EQ(value("U8"), 200.0f);
  EXPECT_EQ(value("BOOL"), 1.0f);
  EXPECT_EQ(file.integers("I64")[0], -5);
  expectError(Exit::BadInput, "expected whole numbers", [&] { file.integers("F32"); });
  expectError(Exit::BadInput, "has no tensor 'ids' (it has 'F64'", [&] { file.get("ids"); });
}

TEST_F(Safetensors, HalfPrecisionCorners) {
  EXPECT_EQ(floatFromHalf(0x0001), 0x1p-24f);
  EXPECT_EQ(floatFromHalf(0x7BFF), 65504.0f);
  EXPECT_EQ(floatFromHalf(0xFC00), -INFINITY);
  EXPECT_TRUE(std::isnan(floatFromHalf(0x7E00)));
  EXPECT_TRUE(std::signbit(floatFromHalf(0x8000)));
}

TEST_F(Safetensors, IntegersMustFit) {
  int64_t big = int64_t(1) << 40;
  SafetensorsFile file = open("{\"a\":" + tensor("I64", "[1]", "[0,8]") + "}", std::string((char *)&big, 8));
  expectError(Exit::BadInput, "holds 1099511627776 at element 0", [&] { file.integers("a"); });
}

TEST_F(Safetensors, CutShort) {
  std::string whole = fileBytes("{\"a\":" + tensor("F32", "[2]", "[0,8]") + "}", std::string(8, 'x'));
  for (size_t length = 0; length < whole.size(); ++length) {
    std::string path = folder.write("cut.safetensors", whole.substr(0, length));
    expectError(Exit::Integrity, "cut.safetensors", [&] { SafetensorsFile file(path); });
  }
  SafetensorsFile file(folder.write("whole.safetensors", whole));
}

TEST_F(Safetensors, HeaderFaults) {
  std::string path = folder.write("h", std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10));
  expectError(Exit::Integrity, "its header claims 18446744073709551615 bytes", [&] { SafetensorsFile file(path); });
  uint64_t huge = 100'000'001;
  path = folder.write("h", std::string(reinterpret_cast<char *>(&huge), 8) + "{}");
  expectError(Exit::Integrity, "at most 100000000 are allowed", [&] { SafetensorsFile file(path); });
  corrupt("[]", "", "does not start with '{'");
  corrupt("{\"a\":", "", "not valid JSON");
  corrupt("{\"\xc3\x28\":1}", "", "not valid JSON");
  corrupt("{\"__metadata__\":{\"a\":1}}", "", "expected an object of strings");
  corrupt("{\"__metadata__\":[]}", "", "expected an object of strings");
}

TEST_F(Safetensors, TensorFaults) {
  std::string eight(8, 'x');
  auto one = [&](const std::string &dtype, const std::string &shape, const std::string &offsets) {
    return "{\"w.a\":" + tensor(dtype, shape, offsets) + "}";
  };
  corrupt("{\"w.a\":3}", eight, "tensor 'w.a': expected an object");
  corrupt("{\"w.a\":{\"dtype\":\"F32\",\"shape\":[2]}}", eight, "tensor 'w.a': expected an object");
  corrupt(one("F99", "[2]", "[0,8]"), eight, "tensor 'w.a': dtype 'F99' is not one of");
  corrupt(one("F32", "[-2]", "[0,8]"), eight, "tensor 'w.a': expected a whole number from 0, got -2");
  corrupt(one("F32", "[2.0]", "[0,8]"), eight, "tensor 'w.a': expected a whole number");
  corrupt(one("F32", "[3]", "[0,8]"), eight, "tensor 'w.a': F32 [3] does not fill its 8 bytes");
  corrupt(one("F64", "[2]", "[0,8]"), eight, "tensor 'w.a': F64 [2] does not fill its 8 bytes");
  corrupt(one("F32", "[4294967296,4294967296]", "[0,8]"), eight, "more elements than can be counted");
  corrupt(one("F32", "[4611686018427387904]", "[0,8]"), eight, "does not fill");
  corrupt(one("F32", "[99999999999999999999]", "[0,8]"), eight, "tensor 'w.a'");
  corrupt(one("F32", "[2]", "[8,0]"), eight, "tensor 'w.a': its offsets 8..0 lie outside");
  corrupt(one("F32", "[4]", "[0,16]"), eight, "tensor 'w.a': its offsets 0..16 lie outside the 8 bytes");
  corrupt(one("F32", "[1]", "[4,8]"), eight, "tensor 'w.a': 4 unused bytes lie before it");
  corrupt(one("F32", "[1]", "[0,4]"), eight, "4 bytes follow the last tensor 'w.a'");
}

TEST_F(Safetensors, TensorsAgainstEachOther) {
  std::string a = "\"a\":" + tensor("F32", "[2]", "[0,8]");
  corrupt("{" + a + ",\"b\":" + tensor("F32", "[2]", "[4,12]") + "}", std::string(12, 'x'), "tensor 'b': it overlaps");
  corrupt("{" + a + ",\"b\":" + tensor("F32", "[2]", "[0,8]") + "}", std::string(8, 'x'), "tensor 'b': it overlaps");
  corrupt("{" + a + ",\"b\":" + tensor("F32", "[1]", "[12,16]") + "}", std::string(16, 'x'),
          "tensor 'b': 4 unused bytes");
  corrupt("{" + a + "," + a + "}", std::string(8, 'x'), "key 'a' stands twice");
}

} // namespace mblm::rt

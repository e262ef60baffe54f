// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarriers and tiles of tensors, as sm_90a has them.
#include "test/sim/Kernels.h"

using namespace mblm;
using namespace mblm::test;

namespace {

// The mbarrier lies at byte 8192, the tile before it.
const std::string setUp = R"(    %zero = arith.constant 0 : i64
    %z32 = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %ticks = arith.constant 1000 : i32
    %full = llvm.getelementptr %s[8192] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %leads = arith.cmpi eq, %t, %zero : i64
    scf.if %leads {
    nvvm.mbarrier.init %full, %arrivals : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    }
    gpu.barrier // after the initialisation
)";

std::string wait(const std::string &barrier, const std::string &parity) {
  return "    nvvm.mbarrier.try_wait.parity " + barrier + ", " + parity + ", %ticks : !llvm.ptr<3>, i32, i32\n";
}

constexpr const char *maps1 = "mblm.tensor_maps = array<i64: 0>";

// A tile of 8 x 32 floats from column 16 and row 4 on; thread t gives words 2t and 2t + 1 of shared memory.
std::string loads() {
  return kernelText(
      "%map: !llvm.ptr, %y: !llvm.ptr<1>",
      constant("%arrivals", 1, "i32") + setUp + constant("%bytes", 1024, "i32") + constant("%column", 16, "i32") +
          constant("%row", 4, "i32") +
          "    scf.if %leads {\n"
          "    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32\n"
          "    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %map, %full, box[%column, %row] {isCTAOnly "
          "= true} : !llvm.ptr<3>, !llvm.ptr\n"
          "    }\n    gpu.barrier // behind the copy\n" +
          wait("%full", "%z32") + load("%v", "%s", "%t", 3, "vector<2xf32>") +
          store("%v", "%y", "%t", 1, "vector<2xf32>"),
      maps1);
}

constexpr int tensorRows = 10, tensorColumns = 40; // less than the tile's end either way

std::vector<float> loadTile(Simulated &kernels, bool swizzled, uint64_t seed = 0) {
  kernels.device().setSeed(seed);
  float *x = kernels.upload(counted<float>(tensorRows * tensorColumns), "x"),
        *y = kernels.upload(std::vector<float>(256));
  rt::gpu::TensorTile tile;
  tile.base = x;
  tile.element = rt::gpu::Element::F32;
  tile.size[0] = tensorColumns;
  tile.size[1] = tensorRows;
  tile.rowBytes = tensorColumns * 4;
  tile.box[0] = 32;
  tile.box[1] = 8;
  tile.swizzled = swizzled;
  kernels.launch("k", {1, 1}, 128, 8208, kernels.device().encode(tile), y);
  return kernels.download(y, 256);
}

float tileElement(int row, int column) {
  row += 4;
  column += 16;
  return row < tensorRows && column < tensorColumns ? float(row * tensorColumns + column) : 0;
}

std::string complaint(const std::string &text, uint64_t seed) {
  Simulated &kernels = compiled(text);
  try {
    loadTile(kernels, false, seed);
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

void expectCaught(const std::string &right, const std::string &from, const std::string &to, const std::string &what,
                  const std::string &place) {
  std::string wrong = mutated(right, from, to);
  for (uint64_t seed : {0, 1, 2}) {
    EXPECT_EQ(complaint(right, seed), "");
    std::string said = complaint(wrong, seed);
    EXPECT_NE(said.find(what), std::string::npos) << "expected: " << what << "\nsaid: " << said;
    EXPECT_NE(said.find(lineOf(wrong, place)), std::string::npos)
        << "expected: " << lineOf(wrong, place) << "\nsaid: " << said;
  }
}

} // namespace

TEST(SimTensor, LoadsATileWithZerosOutside) {
  Simulated kernels(loads(), "sm_90a");
  for (uint64_t seed : {0, 1}) {
    std::vector<float> y = loadTile(kernels, false, seed);
    for (int i = 0; i < 256; ++i) {
      EXPECT_EQ(y[i], tileElement(i / 32, i % 32)) << i;
    }
  }
}

TEST(SimTensor, Swizzles) {
  Simulated kernels(loads(), "sm_90a");
  std::vector<float> y = loadTile(kernels, true);
  for (int i = 0; i < 256; ++i) {
    int row = i / 32, chunk = i % 32 / 4;
    EXPECT_EQ(y[i], tileElement(row, (chunk ^ row) * 4 + i % 4)) << i;
  }
}

TEST(SimTensor, LoadsATileOfOneMatrix) {
  rt::gpu::TensorTile tile;
  tile.element = rt::gpu::Element::F32;
  tile.size[0] = tensorColumns;
  tile.size[1] = tensorRows / 2;
  tile.rowBytes = tensorColumns * 4;
  tile.matrices = 2;
  tile.box[0] = 32;
  tile.box[1] = 8;
  for (int matrix : {0, 1, 2}) {
    Simulated kernels(mutated(mutated(loads(), "%column, %row]", "%column, %row, %matrix]"), "    %bytes = ",
                              constant("%matrix", matrix, "i32") + "    %bytes = "),
                      "sm_90a");
    float *x = kernels.upload(counted<float>(tensorRows * tensorColumns), "x"),
          *y = kernels.upload(std::vector<float>(256));
    tile.base = x;
    kernels.launch("k", {1, 1}, 128, 8208, kernels.device().encode(tile), y);
    std::vector<float> loaded = kernels.download(y, 256);
    for (int i = 0; i < 256; ++i) { // of the rows from 4 on there is one
      int row = i / 32 + 4, column = i % 32 + 16;
      bool inside = matrix < 2 && row < tensorRows / 2 && column < tensorColumns;
      EXPECT_EQ(loaded[i], inside ? float((matrix * tensorRows / 2 + row) * tensorColumns + column) : 0) << i;
    }
  }
}

TEST(SimTensor, CoordinatesOfOtherDimensions) {
  expectCaught(loads(), "%column, %row]", "%column, %row, %z32]",
               "names a place by three coordinates, the map has two dimensions", "nvvm.cp.async.bulk.tensor");
}

TEST(SimTensor, WrongParity) {
  expectCaught(loads(), wait("%full", "%z32"), wait("%full", "%one"),
               "not ordered with the write by an asynchronous copy that was not waited for",
               "nvvm.cp.async.bulk.tensor");
}

TEST(SimTensor, WaitRemoved) {
  expectCaught(loads(), wait("%full", "%z32"), "", "an asynchronous copy that was not waited for",
               "nvvm.cp.async.bulk.tensor");
}

TEST(SimTensor, TooManyBytesExpected) {
  expectCaught(
      loads(), "constant 1024 : i32", "constant 1028 : i32",
      "deadlock: 128 threads (first 0) wait for an mbarrier (offset 8192, parity 0: 0 arrivals and 4 bytes missing)",
      "nvvm.mbarrier.try_wait.parity");
}

TEST(SimTensor, TooManyArrivalsExpected) {
  expectCaught(loads(), "%arrivals = arith.constant 1 ", "%arrivals = arith.constant 2 ",
               "1 arrivals and 0 bytes missing", "nvvm.mbarrier.try_wait.parity");
}

TEST(SimTensor, OverArrival) {
  std::string arrive = "    %u = nvvm.mbarrier.arrive %full : !llvm.ptr<3> -> i64\n";
  std::string right = mutated(loads(), "%arrivals = arith.constant 1 ", "%arrivals = arith.constant 2 ");
  right = mutated(right, "    nvvm.cp.async.bulk", arrive + "    nvvm.cp.async.bulk");
  expectCaught(right, arrive, arrive + "    %more = nvvm.mbarrier.arrive %full : !llvm.ptr<3> -> i64\n",
               "arrives where only 0 of 2 arrivals are missing", "%more = nvvm.mbarrier.arrive");
}

TEST(SimTensor, MBarriersNeedInitialisation) {
  expectCaught(loads(), "    nvvm.mbarrier.init %full, %arrivals : !llvm.ptr<3>, i32\n", "",
               "where no mbarrier was initialised", "nvvm.mbarrier.arrive.expect_tx");
}

TEST(SimTensor, InitialisationsNeedABarrier) {
  std::string wrong = mutated(loads(), "    gpu.barrier // behind the copy\n", "");
  wrong = mutated(wrong, "    gpu.barrier // after the initialisation\n", "");
  bool raced = false;
  for (uint64_t seed : {0, 1, 2}) {
    std::string said = complaint(wrong, seed);
    EXPECT_NE(said, "");
    raced |= said.find("race in shared memory: nvvm.mbarrier.try_wait.parity") != std::string::npos;
  }
  EXPECT_TRUE(raced);
}

// Phases of a barrier: a tile is loaded twice into one place; the second load must wait until all have read the first.
static std::string reloads() {
  std::string issue =
      "    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32\n"
      "    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %map, %full, box[%column, %row] {isCTAOnly = "
      "true} : !llvm.ptr<3>, !llvm.ptr\n";
  std::string again =
      "    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32\n"
      "    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %map, %full, box[%zero32, %row] {isCTAOnly = "
      "true} : !llvm.ptr<3>, !llvm.ptr // again\n";
  return kernelText("%map: !llvm.ptr, %y: !llvm.ptr<1>",
                    constant("%arrivals", 1, "i32") + constant("%all", 128, "i32") + constant("%bytes", 1024, "i32") +
                        constant("%column", 16, "i32") + constant("%row", 4, "i32") + constant("%zero32", 0, "i32") +
                        mutated(setUp, "    nvvm.fence.mbarrier.init\n",
                                "    %empty0 = llvm.getelementptr %s[8200] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n"
                                "    nvvm.mbarrier.init %empty0, %all : !llvm.ptr<3>, i32\n"
                                "    nvvm.fence.mbarrier.init\n") +
                        "    %empty = llvm.getelementptr %s[8200] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n"
                        "    scf.if %leads {\n" +
                        issue + "    }\n" + wait("%full", "%z32") + load("%v", "%s", "%t", 3, "vector<2xf32>") +
                        "    %arrived = nvvm.mbarrier.arrive %empty : !llvm.ptr<3> -> i64\n"
                        "    scf.if %leads {\n" +
                        wait("%empty", "%z32") + again + "    }\n" + wait("%full", "%one") +
                        load("%w", "%s", "%t", 3, "vector<2xf32>") + "    %x = arith.addf %v, %w : vector<2xf32>\n" +
                        store("%x", "%y", "%t", 1, "vector<2xf32>"),
                    maps1);
}

TEST(SimTensor, ReusesATile) {
  Simulated kernels(reloads(), "sm_90a");
  for (uint64_t seed : {0, 1, 2}) {
    std::vector<float> y = loadTile(kernels, false, seed);
    for (int i = 0; i < 256; ++i) {
      EXPECT_EQ(y[i], tileElement(i / 32, i % 32) + tileElement(i / 32, i % 32 - 16)) << i;
    }
  }
  std::string arrive = "    %arrived = nvvm.mbarrier.arrive %empty : !llvm.ptr<3> -> i64\n";
  // The producer does not wait, or for the wrong parity; or the consumers arrive before they have read.
  expectCaught(reloads(), wait("%empty", "%z32"), "", "race in shared memory: ", "// again");
  expectCaught(reloads(), wait("%empty", "%z32"), wait("%empty", "%one"), "race in shared memory: ", "// again");
  std::string early = mutated(reloads(), arrive, "");
  early = mutated(early, wait("%full", "%z32"), wait("%full", "%z32") + arrive);
  for (uint64_t seed : {0, 1, 2}) {
    std::string said = complaint(early, seed);
    EXPECT_NE(said.find("race in shared memory: "), std::string::npos) << said;
    EXPECT_NE(said.find(lineOf(early, "// again")), std::string::npos) << said;
  }
}

// Each thread writes two words of a tile, which a single thread stores.
static std::string stores() {
  return kernelText(
      "%map: !llvm.ptr, %y: !llvm.ptr<1>",
      constant("%column", 16, "i32") + constant("%row", 4, "i32") + constant("%zero", 0) +
          "    %number = arith.index_cast %t.index : index to i32\n"
          "    %f = arith.sitofp %number : i32 to f32\n"
          "    %v = vector.broadcast %f : f32 to vector<2xf32>\n" +
          store("%v", "%s", "%t", 3, "vector<2xf32>") +
          "    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}\n"
          "    gpu.barrier // before the store\n"
          "    %leads = arith.cmpi eq, %t, %zero : i64\n"
          "    scf.if %leads {\n"
          "    nvvm.cp.async.bulk.tensor.global.shared.cta %map, %s, box[%column, %row] : !llvm.ptr, "
          "!llvm.ptr<3>\n"
          "    nvvm.cp.async.bulk.commit.group\n"
          "    nvvm.cp.async.bulk.wait_group 0 {read}\n"
          "    }\n"
          "    gpu.barrier // behind the store\n" +
          store("%v", "%s", "%t", 3, "vector<2xf32>"),
      maps1);
}

TEST(SimTensor, StoresATile) {
  Simulated kernels(stores(), "sm_90a");
  float *x = kernels.upload(std::vector<float>(tensorRows * tensorColumns, -1), "x"),
        *y = kernels.upload(std::vector<float>(256));
  rt::gpu::TensorTile tile;
  tile.base = x;
  tile.element = rt::gpu::Element::F32;
  tile.size[0] = tensorColumns;
  tile.size[1] = tensorRows;
  tile.rowBytes = tensorColumns * 4;
  tile.box[0] = 32;
  tile.box[1] = 8;
  kernels.launch("k", {1, 1}, 128, 1024, kernels.device().encode(tile), y);
  std::vector<float> result = kernels.download(x, tensorRows * tensorColumns);
  for (int i = 0; i < tensorRows * tensorColumns; ++i) {
    int row = i / tensorColumns - 4, column = i % tensorColumns - 16;
    bool stored = row >= 0 && column >= 0;
    EXPECT_EQ(result[i], stored ? float((row * 32 + column) / 2) : -1) << i;
  }
}

TEST(SimTensor, StoresNeedTheirFence) {
  expectCaught(stores(),
               "    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}\n", "",
               "missing fence.proxy.async: nvvm.cp.async.bulk.tensor.global.shared.cta", "bulk.tensor.global");
}

TEST(SimTensor, StoresNeedTheirBarrier) {
  std::string cleared =
      mutated(stores(), "    nvvm.fence.proxy",
              "    gpu.barrier // cleared\n" + store("%v", "%s", "%t", 3, "vector<2xf32>") + "    nvvm.fence.proxy");
  expectCaught(cleared, "    gpu.barrier // before the store\n", "", "race in shared memory: ", "bulk.tensor.global");
}

TEST(SimTensor, StoresNeedTheirWait) {
  expectCaught(stores(), "    nvvm.cp.async.bulk.wait_group 0 {read}\n", "",
               "not ordered with the read by an asynchronous copy that was not waited for", "bulk.tensor.global");
  std::string last = mutated(stores(), "    gpu.barrier // behind the store\n", "");
  last = last.substr(0, last.rfind("    %to")) + "    gpu.return\n  }\n}\n";
  expectCaught(last, "    nvvm.cp.async.bulk.wait_group 0 {read}\n", "", "ends before nvvm.cp.async.bulk.tensor.global",
               "bulk.tensor.global");
}

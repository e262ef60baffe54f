// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: both layouts of both operands, and what happens where its asynchrony is ignored.
#include "test/sim/Kernels.h"

#include <cstring>
#include <random>

using namespace mblm;
using namespace mblm::test;

namespace {

// C[64, columns] = A[64, 64] B[columns, 64]^T. With `kMajor` an operand's rows run along the sum; otherwise its
// transpose lies in memory.
struct Layout {
  uint32_t columns = 64;
  bool kMajorA = true, kMajorB = true;
  bool registers = false; // hold A
  uint32_t mbarrier() const { return 8192 + columns * 128; }
  uint32_t shared() const { return mbarrier() + 16; } // of two
};

std::string load2d(const std::string &offset, const std::string &map, const std::string &column) {
  static int made = 0;
  std::string to = "%tile" + std::to_string(made++);
  return "    " + to + " = llvm.getelementptr %s[" + offset +
         "] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n    nvvm.cp.async.bulk.tensor.shared.cluster.global " + to + ", " +
         map + ", %full, box[" + column + ", %z32] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr\n";
}

// Lines of 128 bytes, eight lines together 1024 bytes; blocks of 64 rows or columns 8192 bytes apart.
constexpr int64_t descriptorBits = int64_t(512) << 16 | int64_t(64) << 32 | int64_t(1) << 62;

std::string descriptor(const std::string &name, uint32_t offset) {
  return constant(name + ".offset", offset) + "    " + name + ".at = arith.addi %s64, " + name + ".offset : i64\n    " +
         name + ".low = arith.andi " + name + ".at, %window : i64\n    " + name + ".units = arith.shrui " + name +
         ".low, %four : i64\n    " + name + " = arith.ori " + name + ".units, %bits : i64\n";
}

// A step whose A comes from shared memory by ldmatrix.
std::string fromRegisters(const Layout &layout, const std::string &k, const std::string &type) {
  uint32_t sums = layout.columns / 2;
  std::string text =
      constant("%step" + k, 2 * std::stoi(k)) + "    %chunk" + k + " = arith.addi %half, %step" + k +
      " : i64\n    %turned" + k + " = arith.xori %chunk" + k + ", %turn : i64\n    %place" + k +
      " = arith.muli %turned" + k + ", %sixteen : i64\n    %at" + k + " = arith.addi %line, %place" + k + " : i64\n" +
      at("%fragment" + k, "%s", "%at" + k, 3, "i8") + "    %a" + k + " = nvvm.ldmatrix %fragment" + k +
      " {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, "
      "eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>\n";
  std::string outputs, operands, tied, types;
  for (uint32_t i = 0; i < 4; ++i) {
    std::string n = std::to_string(i);
    text +=
        "    %a" + k + "." + n + " = llvm.extractvalue %a" + k + "[" + n + "] : !llvm.struct<(i32, i32, i32, i32)>\n";
    operands += "%a" + k + "." + n + ", ";
    types += "i32, ";
  }
  operands += "%db" + k;
  types += "i64";
  std::string list, constraints;
  for (uint32_t i = 0; i < sums; ++i) {
    std::string n = std::to_string(i);
    text += "    %in" + k + "." + n + " = llvm.extractvalue %acc" + k + "[" + n + "] : " + type + "\n";
    operands += ", %in" + k + "." + n;
    types += ", f32";
    list += (i ? ", $" : "$") + n;
    constraints += "=f,";
    tied += "," + n;
  }
  auto number = [&](uint32_t i) { return "$" + std::to_string(sums + i); };
  return text + "    %acc" + std::to_string(std::stoi(k) + 1) +
         " = llvm.inline_asm has_side_effects \"{ .reg .pred p; setp.ne.b32 p, 1, 0; "
         "wgmma.mma_async.sync.aligned.m64n" +
         std::to_string(layout.columns) + "k16.f32.bf16.bf16 {" + list + "}, {" + number(0) + ", " + number(1) + ", " +
         number(2) + ", " + number(3) + "}, " + number(4) + ", p, 1, 1, " + (layout.kMajorB ? "0" : "1") + "; }\", \"" +
         constraints + "r,r,r,r,l" + tied + "\" " + operands + " : (" + types + ") -> " + type + "\n";
}

std::string product(const Layout &layout) {
  uint32_t sums = layout.columns / 2;
  std::string type = "!llvm.struct<(f32";
  for (uint32_t i = 1; i < sums; ++i) {
    type += ", f32";
  }
  type += ")>";
  std::string body = constant("%one", 1, "i32") + constant("%z32", 0, "i32") + constant("%ticks", 1000, "i32") +
                     constant("%zero", 0) + constant("%bytes", 8192 + layout.columns * 128, "i32") +
                     "    %full = llvm.getelementptr %s[" + std::to_string(layout.mbarrier()) +
                     "] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n"
                     "    %leads = arith.cmpi eq, %t, %zero : i64\n"
                     "    scf.if %leads {\n"
                     "    nvvm.mbarrier.init %full, %one : !llvm.ptr<3>, i32\n"
                     "    nvvm.fence.mbarrier.init\n"
                     "    }\n"
                     "    gpu.barrier\n"
                     "    scf.if %leads {\n"
                     "    nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32\n" +
                     load2d("0", "%mapA", "%z32");
  if (layout.kMajorB) {
    body += load2d("8192", "%mapB", "%z32");
  } else {
    for (uint32_t block = 0; block < layout.columns / 64; ++block) {
      std::string column = "%column" + std::to_string(block);
      body += constant(column, block * 64, "i32") + load2d(std::to_string(8192 + block * 8192), "%mapB", column);
    }
  }
  body += "    }\n    nvvm.mbarrier.try_wait.parity %full, %z32, %ticks : !llvm.ptr<3>, i32, i32\n"
          "    %s64 = llvm.ptrtoint %s : !llvm.ptr<3> to i64\n" +
          constant("%window", 0x3ffff) + constant("%four", 4) + constant("%bits", descriptorBits) +
          "    nvvm.wgmma.fence.aligned\n    %acc0 = llvm.mlir.zero : " + type + "\n";
  if (layout.registers) {
    body += constant("%five", 5) + constant("%fifteen", 15) + constant("%sixteen", 16) + constant("%seven", 7) +
            constant("%lineBytes", 128) +
            "    %warp = arith.shrui %t, %five : i64\n    %rows = arith.muli %warp, %sixteen : i64\n"
            "    %lane16 = arith.andi %lane, %fifteen : i64\n    %row = arith.addi %rows, %lane16 : i64\n"
            "    %half = arith.shrui %lane, %four : i64\n    %turn = arith.andi %row, %seven : i64\n"
            "    %line = arith.muli %row, %lineBytes : i64\n";
  }
  for (uint32_t k = 0; k < 4; ++k) {
    std::string n = std::to_string(k);
    body += descriptor("%db" + n, 8192 + k * (layout.kMajorB ? 32 : 2048));
    if (layout.registers) {
      body += fromRegisters(layout, n, type);
      continue;
    }
    body += descriptor("%da" + n, k * (layout.kMajorA ? 32 : 2048)) + "    %acc" + std::to_string(k + 1) +
            " = nvvm.wgmma.mma_async %da" + n + ", %db" + n + ", %acc" + n +
            ", #nvvm.shape<m = 64, n = " + std::to_string(layout.columns) +
            ", k = 16>, D [<f32>, #nvvm.wgmma_scale_out<one>], A [<bf16>, #nvvm.wgmma_scale_in<one>, <" +
            (layout.kMajorA ? "row" : "col") + ">], B [<bf16>, #nvvm.wgmma_scale_in<one>, <" +
            (layout.kMajorB ? "col" : "row") + ">] : " + type + " -> " + type + "\n";
  }
  body += "    nvvm.wgmma.commit.group.sync.aligned\n    nvvm.wgmma.wait.group.sync.aligned 0\n" +
          constant("%sums", sums) + "    %first = arith.muli %t, %sums : i64\n";
  for (uint32_t i = 0; i < sums; ++i) {
    std::string n = std::to_string(i);
    body += constant("%n" + n, i) + "    %o" + n + " = arith.addi %first, %n" + n + " : i64\n    %r" + n +
            " = llvm.extractvalue %acc4[" + n + "] : " + type + "\n" + store("%r" + n, "%y", "%o" + n, 1);
  }
  return kernelText("%mapA: !llvm.ptr, %mapB: !llvm.ptr, %y: !llvm.ptr<1>", body,
                    "mblm.tensor_maps = array<i64: 0, 1>");
}

uint16_t brain(int value) {
  float number = float(value);
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  return uint16_t(bits >> 16);
}

rt::gpu::TensorTile matrix(void *base, uint32_t rows, uint32_t columns, uint32_t boxRows) {
  rt::gpu::TensorTile tile;
  tile.base = base;
  tile.size[0] = columns;
  tile.size[1] = rows;
  tile.rowBytes = columns * 2;
  tile.box[0] = 64;
  tile.box[1] = boxRows;
  tile.swizzled = true;
  return tile;
}

// Runs the kernel and holds its result against the sums.
void run(Simulated &kernels, const Layout &layout, uint64_t seed) {
  std::mt19937 random(7);
  auto numbers = [&](size_t count) {
    std::vector<int> values(count);
    for (int &value : values) {
      value = int(random() % 17) - 8;
    }
    return values;
  };
  std::vector<int> a = numbers(64 * 64), b = numbers(layout.columns * 64);
  auto stored = [](const std::vector<int> &values, uint32_t rows, bool kMajor) {
    std::vector<uint16_t> bits(values.size());
    for (uint32_t i = 0; i < rows; ++i) {
      for (uint32_t k = 0; k < 64; ++k) {
        bits[kMajor ? i * 64 + k : k * rows + i] = brain(values[i * 64 + k]);
      }
    }
    return bits;
  };
  uint16_t *aMemory = kernels.upload(stored(a, 64, layout.kMajorA), "a");
  uint16_t *bMemory = kernels.upload(stored(b, layout.columns, layout.kMajorB), "b");
  uint32_t sums = layout.columns / 2;
  float *y = kernels.upload(std::vector<float>(128 * sums), "y");
  rt::gpu::TensorMap mapA = kernels.device().encode(matrix(aMemory, 64, 64, 64));
  rt::gpu::TensorMap mapB = kernels.device().encode(layout.kMajorB ? matrix(bMemory, layout.columns, 64, layout.columns)
                                                                   : matrix(bMemory, 64, layout.columns, 64));
  kernels.device().setSeed(seed);
  kernels.launch("k", {1, 1}, 128, layout.shared(), mapA, mapB, y);
  std::vector<float> result = kernels.download(y, 128 * sums);
  for (uint32_t t = 0; t < 128; ++t) {
    for (uint32_t i = 0; i < sums; ++i) {
      uint32_t row = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + t % 4 * 2 + i % 2;
      int exact = 0;
      for (uint32_t k = 0; k < 64; ++k) {
        exact += a[row * 64 + k] * b[column * 64 + k];
      }
      ASSERT_EQ(result[t * sums + i], float(exact)) << row << " " << column;
    }
  }
}

void expectRight(const Layout &layout) {
  Simulated kernels(product(layout), "sm_90a");
  for (uint64_t seed : {0, 1, 2}) {
    run(kernels, layout, seed);
  }
  EXPECT_EQ(kernels.device().counters().at("k").mmaFlops, 3 * 2 * 64 * 64 * int64_t(layout.columns));
}

void expectCaught(const std::string &wrong, const std::string &what, const std::string &place) {
  Simulated kernels(wrong, "sm_90a");
  for (uint64_t seed : {0, 1, 2}) {
    try {
      run(kernels, Layout(), seed);
      ADD_FAILURE() << "expected: " << what;
    } catch (const Error &error) {
      std::string said = error.what();
      EXPECT_NE(said.find(what), std::string::npos) << "expected: " << what << "\nsaid: " << said;
      EXPECT_NE(said.find(lineOf(wrong, place)), std::string::npos)
          << "expected: " << lineOf(wrong, place) << "\nsaid: " << said;
    }
  }
}

const std::string waiting = "    nvvm.wgmma.wait.group.sync.aligned 0\n";

} // namespace

TEST(SimWgmma, BothAlongTheSum) { expectRight({64, true, true}); }
TEST(SimWgmma, ManyColumns) { expectRight({256, true, true}); }
TEST(SimWgmma, TransposedB) { expectRight({128, true, false}); }
TEST(SimWgmma, TransposedA) { expectRight({64, false, true}); }
TEST(SimWgmma, BothTransposed) { expectRight({64, false, false}); }

TEST(SimWgmma, AFromRegisters) {
  expectRight({64, true, true, true});
  expectRight({128, true, false, true});
}

TEST(SimWgmma, SumsBeforeTheirWait) {
  std::string right = product(Layout());
  expectCaught(mutated(right, waiting, ""), "that were not waited for", "%r0 = llvm.extractvalue");
  expectCaught(mutated(right, "aligned 0\n", "aligned 1\n"), "that were not waited for", "%r0 = llvm.extractvalue");
  expectCaught(mutated(right, "    nvvm.wgmma.commit.group.sync.aligned\n", ""), "that were not waited for",
               "%r0 = llvm.extractvalue");
}

TEST(SimWgmma, FenceBeforeTheFirst) {
  expectCaught(mutated(product(Layout()), "    nvvm.wgmma.fence.aligned\n", ""), "missing wgmma.fence",
               "%acc1 = nvvm.wgmma.mma_async");
}

TEST(SimWgmma, SumsOfAnEarlierProduct) {
  expectCaught(mutated(product(Layout()), "llvm.extractvalue %acc4[5]", "llvm.extractvalue %acc3[5]"),
               "reads sums that another product has taken over", "%r5 = llvm.extractvalue");
}

TEST(SimWgmma, OperandsThatAreNotThereYet) {
  std::string wrong = mutated(product(Layout()),
                              "    nvvm.mbarrier.try_wait.parity %full, %z32, %ticks : !llvm.ptr<3>, i32, "
                              "i32\n",
                              "    gpu.barrier // instead\n");
  expectCaught(wrong, "an asynchronous copy that was not waited for", "%acc1 = nvvm.wgmma.mma_async");
}

// The operands are written by threads, which needs a fence; and written again, which needs a wait.
static std::string writing(const std::string &where, const std::string &lines) {
  return mutated(product(Layout()), where, lines + where);
}

TEST(SimWgmma, GenericWritesNeedAProxyFence) {
  std::string fence = "    nvvm.wgmma.fence.aligned\n";
  std::string write = load("%old", "%s", "%t", 3) + "    gpu.barrier // read\n" + store("%old", "%s", "%t", 3);
  std::string proxy = "    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}\n";
  std::string barrier = "    gpu.barrier // written\n";
  Simulated kernels(writing(fence, write + proxy + barrier), "sm_90a");
  run(kernels, Layout(), 0);
  expectCaught(writing(fence, write + barrier), "missing fence.proxy.async: nvvm.wgmma.mma_async",
               "%acc1 = nvvm.wgmma.mma_async");
  expectCaught(writing(fence, write + proxy), "race in shared memory: nvvm.wgmma.mma_async",
               "%acc1 = nvvm.wgmma.mma_async");
}

TEST(SimWgmma, OperandsMustStayUntilTheWait) {
  std::string write = "    %f = arith.constant 0.0 : f32\n" + store("%f", "%s", "%t", 3);
  std::string later = mutated(product(Layout()), waiting, waiting + "    gpu.barrier // done\n" + write);
  Simulated kernels(later, "sm_90a");
  run(kernels, Layout(), 0);
  std::string early = mutated(product(Layout()), waiting, "    gpu.barrier // issued\n" + write + waiting);
  expectCaught(early, "race in shared memory: llvm.store", "llvm.store %f");
}

// Two groups of products; a thread learns from the warps that both have been waited for, and writes to an operand of the second one.
TEST(SimWgmma, WaitsTellOfTheirGroupsAlone) {
  const std::string commit = "    nvvm.wgmma.commit.group.sync.aligned\n", init = "    nvvm.fence.mbarrier.init\n";
  const std::string leads = "    %leads = arith.cmpi", third = "    %acc3 = nvvm.wgmma.mma_async";
  std::string free = "    %free = llvm.getelementptr %s[" + std::to_string(Layout().mbarrier() + 8) +
                     "] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n" + constant("%warps", 4, "i32");
  std::string text = mutated(product(Layout()), leads, free + leads);
  text = mutated(text, init, "    nvvm.mbarrier.init %free, %warps : !llvm.ptr<3>, i32\n" + init);
  text = mutated(text, third, commit + third);
  std::string tell = "    %speaks = arith.cmpi eq, %lane, %zero : i64\n    scf.if %speaks {\n"
                     "    %state = nvvm.mbarrier.arrive %free : !llvm.ptr<3> -> i64\n    }\n    scf.if %leads {\n"
                     "    nvvm.mbarrier.try_wait.parity %free, %z32, %ticks : !llvm.ptr<3>, i32, i32\n" +
                     constant("%place", 16) + "    %f = arith.constant 0.0 : f32\n" + store("%f", "%s", "%place", 3) + "    }\n";
  Simulated kernels(mutated(text, waiting, waiting + tell), "sm_90a");
  for (uint64_t seed : {0, 1, 2}) {
    run(kernels, Layout(), seed);
  }
  std::string one = "    nvvm.wgmma.wait.group.sync.aligned 1\n";
  expectCaught(mutated(text, waiting, one + tell + waiting), "race in shared memory: llvm.store", "llvm.store %f");
}

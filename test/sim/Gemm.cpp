// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four warps, each with 32 x 32 of the block's 64 x 64. Rows of 64 bytes in shared memory; the 16-byte chunk c of row r
// lies at place c ^ (r / 2 % 4), which keeps ldmatrix free of bank conflicts.
#include "test/sim/Gemm.h"

#include <vector>

using namespace mblm;

namespace {

class Writer {
public:
  std::string text;

  void line(const std::string &content) { text += "    " + content + "\n"; }
  std::string value(const std::string &content) {
    std::string name = "%v" + std::to_string(made++);
    line(name + " = " + content);
    return name;
  }
  std::string number(int64_t n) { return value("arith.constant " + std::to_string(n) + " : i64"); }
  std::string op(const std::string &name, const std::string &a, const std::string &b) {
    return value("arith." + name + " " + a + ", " + b + " : i64");
  }
  std::string op(const std::string &name, const std::string &a, int64_t b) { return op(name, a, number(b)); }
  std::string address(const std::string &base, const std::string &bytes, int space) {
    std::string pointer = "!llvm.ptr<" + std::to_string(space) + ">";
    return value("llvm.getelementptr " + base + "[" + bytes + "] : (" + pointer + ", i64) -> " + pointer + ", i8");
  }

private:
  int made = 0;
};

using Words = std::vector<std::string>;

class GemmWriter : Writer {
public:
  GemmWriter(uint32_t columns, uint32_t depth, uint32_t stages) : columns(columns), depth(depth), stages(stages) {}
  std::string write();

private:
  static constexpr int stageBytes = 2 * 64 * 64;

  // Byte offset of a 16-byte chunk in a tile.
  std::string chunk(const std::string &row, const std::string &column) {
    std::string turned = op("xori", column, op("andi", op("shrui", row, 1), 3));
    return op("addi", op("muli", row, 64), op("muli", turned, 16));
  }
  void copyStage(const std::string &step, const std::string &stage);
  Words fragments(const std::string &tile, const std::string &row, const std::string &column);
  Words products(const std::string &stage, Words sums);

  uint32_t columns, depth, stages;
  std::string lane, warpRow, warpColumn, rowBase, columnBase;
};

} // namespace

// 64 rows of 4 chunks, twice; each thread copies two chunks of either operand.
void GemmWriter::copyStage(const std::string &step, const std::string &stage) {
  std::string base = op("muli", stage, stageBytes), first = op("muli", step, 64);
  for (int operand = 0; operand < 2; ++operand) {
    for (int half = 0; half < 2; ++half) {
      std::string id = op("addi", "%t", half * 128), row = op("shrui", id, 2), column = op("andi", id, 3);
      std::string global = op("addi", op("muli", op("addi", operand ? columnBase : rowBase, row), depth * 2),
                              op("addi", first, op("muli", column, 16)));
      std::string from = address(operand ? "%B" : "%A", global, 1);
      std::string to = address("%s", op("addi", op("addi", base, operand * 4096), chunk(row, column)), 3);
      line("nvvm.cp.async.shared.global " + to + ", " + from + ", 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>");
    }
  }
}

// Four 8 x 8 matrices: 16 rows from `row` on, two chunks.
Words GemmWriter::fragments(const std::string &tile, const std::string &row, const std::string &column) {
  std::string at = address("%s", op("addi", tile, chunk(row, column)), 3), all = "!llvm.struct<(i32, i32, i32, i32)>";
  std::string loaded =
      value("nvvm.ldmatrix " + at +
            " {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = "
            "8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> " +
            all);
  Words words;
  for (int i = 0; i < 4; ++i) {
    words.push_back(value("llvm.extractvalue " + loaded + "[" + std::to_string(i) + "] : " + all));
  }
  return words;
}

Words GemmWriter::products(const std::string &stage, Words sums) {
  const std::string four = "!llvm.struct<(f32, f32, f32, f32)>";
  std::string base = op("muli", stage, stageBytes), tileB = op("addi", base, 4096);
  std::string low16 = op("andi", lane, 15), high = op("shrui", lane, 4);
  std::string low8 = op("addi", op("andi", lane, 7), op("muli", high, 8)), third = op("andi", op("shrui", lane, 3), 1);
  for (int k = 0; k < 2; ++k) {
    Words a[2], b[2];
    for (int i = 0; i < 2; ++i) {
      a[i] = fragments(base, op("addi", op("addi", warpRow, low16), i * 16), op("addi", high, k * 2));
      b[i] = fragments(tileB, op("addi", op("addi", warpColumn, low8), i * 16), op("addi", third, k * 2));
    }
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 4; ++j) {
        std::string *sum = &sums[(i * 4 + j) * 4];
        std::string d =
            value("nvvm.mma.sync A[" + a[i][0] + ", " + a[i][1] + ", " + a[i][2] + ", " + a[i][3] + "] B[" +
                  b[j / 2][j % 2 * 2] + ", " + b[j / 2][j % 2 * 2 + 1] + "] C[" + sum[0] + ", " + sum[1] + ", " +
                  sum[2] + ", " + sum[3] +
                  "] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = "
                  "#nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = "
                  "16, n = 8, k = 16>} : (i32, i32, f32) -> " +
                  four);
        for (int n = 0; n < 4; ++n) {
          sum[n] = value("llvm.extractvalue " + d + "[" + std::to_string(n) + "] : " + four);
        }
      }
    }
  }
  return sums;
}

static std::string joined(const Words &words, const std::string &between = ", ") {
  std::string all;
  for (const std::string &word : words) {
    all += (all.empty() ? "" : between) + word;
  }
  return all;
}

std::string GemmWriter::write() {
  text = R"(gpu.module @kernels {
  llvm.mlir.global external @mblm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  gpu.func @gemm(%A: !llvm.ptr<1>, %B: !llvm.ptr<1>, %C: !llvm.ptr<1>) kernel attributes {nvvm.maxntid = array<i32: 128>} {
    %s = llvm.mlir.addressof @mblm_shared : !llvm.ptr<3>
    %t.index = gpu.thread_id x
    %t = arith.index_cast %t.index : index to i64
    %bx.index = gpu.block_id x
    %bx = arith.index_cast %bx.index : index to i64
    %by.index = gpu.block_id y
    %by = arith.index_cast %by.index : index to i64
)";
  lane = op("andi", "%t", 31);
  std::string warp = op("shrui", "%t", 5);
  warpRow = op("muli", op("andi", warp, 1), 32);
  warpColumn = op("muli", op("shrui", warp, 1), 32);
  rowBase = op("muli", "%by", 64);
  columnBase = op("muli", "%bx", 64);
  for (int stage = 0; stage < 2; ++stage) {
    copyStage(number(stage), number(stage));
    line("nvvm.cp.async.commit.group");
  }
  std::string zero = value("arith.constant 0.0 : f32"), steps = number(depth / 32), from = number(0), by = number(1);
  Words sums, start, types(32, "f32");
  for (int i = 0; i < 32; ++i) {
    sums.push_back("%sum" + std::to_string(i));
    start.push_back(sums.back() + " = " + zero);
  }
  line("%total:32 = scf.for %k = " + from + " to " + steps + " step " + by + " iter_args(" + joined(start) + ") -> (" +
       joined(types) + ") : i64 {");
  line("nvvm.cp.async.wait.group 1");
  line("gpu.barrier // of each step");
  std::string next = op("addi", "%k", 2), more = value("arith.cmpi ult, " + next + ", " + steps + " : i64");
  line("scf.if " + more + " {");
  copyStage(next, op("remui", next, stages));
  line("}");
  line("nvvm.cp.async.commit.group");
  line("scf.yield " + joined(products(op("remui", "%k", stages), sums)) + " : " + joined(types));
  line("}");
  std::string row = op("addi", op("addi", rowBase, warpRow), op("shrui", lane, 2));
  std::string column = op("addi", op("addi", columnBase, warpColumn), op("muli", op("andi", lane, 3), 2));
  for (int i = 0; i < 32; i += 2) { // a pair of neighbours
    std::string r = op("addi", row, i / 16 * 16 + i / 2 % 2 * 8), c = op("addi", column, i / 4 % 4 * 8);
    std::string to = address("%C", op("muli", op("addi", op("muli", r, columns), c), 4), 1);
    std::string pair = value("vector.from_elements %total#" + std::to_string(i) + ", %total#" + std::to_string(i + 1) +
                             " : vector<2xf32>");
    line("llvm.store " + pair + ", " + to + " {alignment = 8 : i64} : vector<2xf32>, !llvm.ptr<1>");
  }
  text += "    gpu.return\n  }\n}\n";
  return text;
}

std::string test::gemmKernel(uint32_t columns, uint32_t depth, uint32_t stages) {
  return GemmWriter(columns, depth, stages).write();
}

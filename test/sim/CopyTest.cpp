// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async: sizes, groups, and what comes in place of bytes that the source does not have.
#include "test/sim/Kernels.h"

using namespace mblm;
using namespace mblm::test;

// Thread t copies `bytes` bytes, of which `sourceBytes` exist, and then gives its neighbour's.
static std::string copies(int bytes, int sourceBytes) {
  std::string type = "vector<" + std::to_string(bytes) + "xi8>";
  std::string cache = bytes == 16 ? "cg" : "ca";
  return kernelText("%x: !llvm.ptr<1>, %y: !llvm.ptr<1>",
                    at("%from", "%x", "%t", 1, type) + at("%to", "%s", "%t", 3, type) +
                        constant("%n", sourceBytes, "i32") + "    nvvm.cp.async.shared.global %to, %from, " +
                        std::to_string(bytes) + ", cache = " + cache +
                        ", %n : !llvm.ptr<3>, !llvm.ptr<1>, i32\n"
                        "    nvvm.cp.async.commit.group\n"
                        "    nvvm.cp.async.wait.group 0\n"
                        "    gpu.barrier\n" +
                        constant("%one", 1) + "    %other = arith.xori %t, %one : i64\n" +
                        load("%v", "%s", "%other", 3, type) + store("%v", "%y", "%t", 1, type));
}

TEST(SimCopy, CopiesEverySize) {
  for (int bytes : {4, 8, 16}) {
    for (int sourceBytes : {bytes, bytes / 2, 0}) {
      Simulated kernels(copies(bytes, sourceBytes));
      std::vector<uint8_t> x(64 * bytes);
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = uint8_t(i * 7 + 1);
      }
      uint8_t *in = kernels.upload(x), *out = kernels.upload(std::vector<uint8_t>(x.size()));
      kernels.launch("k", {1, 1}, 64, 64 * bytes, in, out);
      std::vector<uint8_t> y = kernels.download(out, x.size());
      for (int i = 0; i < 64 * bytes; ++i) {
        int t = (i / bytes) ^ 1, byte = i % bytes;
        ASSERT_EQ(y[i], byte < sourceBytes ? x[t * bytes + byte] : 0) << bytes << " " << sourceBytes << " " << i;
      }
    }
  }
}

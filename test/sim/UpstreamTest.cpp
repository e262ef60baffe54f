// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where elements lie in fragments, held against somebody else's knowledge of it: upstream lowers a product of f16
// vectors to ldmatrix and mma.sync.
#include "compiler/Target/Simulation.h"
#include "dialects/Register.h"
#include "test/sim/Kernels.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <random>

using namespace mblm;
using namespace mblm::test;

// D[16, 8] = A[16, 16] B[8, 16]^T + C; a warp puts A and B into shared memory first.
static constexpr const char *upstream = R"(
#a = affine_map<(d0, d1, d2) -> (d0, d2)>
#b = affine_map<(d0, d1, d2) -> (d1, d2)>
#c = affine_map<(d0, d1, d2) -> (d0, d1)>
#shared = #gpu.address_space<workgroup>
gpu.module @kernels {
  gpu.func @product(%a: memref<16x16xf16>, %b: memref<8x16xf16>, %c: memref<16x8xf32>)
      workgroup(%sa: memref<16x16xf16, #shared>, %sb: memref<8x16xf16, #shared>)
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c4 = arith.constant 4 : index
    %c15 = arith.constant 15 : index
    %c32 = arith.constant 32 : index
    %c128 = arith.constant 128 : index
    %c256 = arith.constant 256 : index
    %t = gpu.thread_id x
    scf.for %i = %t to %c256 step %c32 {
      %r = arith.shrui %i, %c4 : index
      %q = arith.andi %i, %c15 : index
      %v = memref.load %a[%r, %q] : memref<16x16xf16>
      memref.store %v, %sa[%r, %q] : memref<16x16xf16, #shared>
    }
    scf.for %i = %t to %c128 step %c32 {
      %r = arith.shrui %i, %c4 : index
      %q = arith.andi %i, %c15 : index
      %v = memref.load %b[%r, %q] : memref<8x16xf16>
      memref.store %v, %sb[%r, %q] : memref<8x16xf16, #shared>
    }
    gpu.barrier
    %z = arith.constant 0.0 : f16
    %zc = arith.constant 0.0 : f32
    %A = vector.transfer_read %sa[%c0, %c0], %z {in_bounds = [true, true]} : memref<16x16xf16, #shared>, vector<16x16xf16>
    %B = vector.transfer_read %sb[%c0, %c0], %z {in_bounds = [true, true]} : memref<8x16xf16, #shared>, vector<8x16xf16>
    %C = vector.transfer_read %c[%c0, %c0], %zc {in_bounds = [true, true]} : memref<16x8xf32>, vector<16x8xf32>
    %D = vector.contract {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"],
                          kind = #vector.kind<add>} %A, %B, %C : vector<16x16xf16>, vector<8x16xf16> into vector<16x8xf32>
    vector.transfer_write %D, %c[%c0, %c0] {in_bounds = [true, true]} : vector<16x8xf32>, memref<16x8xf32>
    gpu.return
  }
})";

static mlir::LogicalResult lowerByUpstream(mlir::ModuleOp module) {
  mlir::PassManager passes(module.getContext());
  mlir::OpPassManager &kernels = passes.nest<mlir::gpu::GPUModuleOp>();
  kernels.addNestedPass<mlir::gpu::GPUFuncOp>(mlir::createConvertVectorToGPUPass(/*useNvGpu=*/true));
  kernels.addPass(mlir::createConvertNVGPUToNVVMPass());
  kernels.addPass(mlir::createConvertVectorToSCFPass());
  kernels.addPass(mlir::createLowerAffinePass());
  kernels.addPass(mlir::createSCFToControlFlowPass());
  mlir::ConvertGpuOpsToNVVMOpsOptions options;
  options.useBarePtrCallConv = true;
  kernels.addPass(mlir::createConvertGpuOpsToNVVMOps(options));
  kernels.addPass(mlir::createCanonicalizerPass());
  kernels.addPass(mlir::createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

TEST(SimUpstream, FragmentsLieWhereUpstreamPutsThem) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(upstream, &context, "kernels.mlir");
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(lowerByUpstream(*module)));
  Simulated kernels(*module);

  std::mt19937 random(3);
  std::vector<_Float16> a(16 * 16), b(8 * 16);
  for (auto *matrix : {&a, &b}) {
    for (_Float16 &value : *matrix) {
      value = _Float16(int(random() % 17) - 8);
    }
  }
  std::vector<float> c = counted<float>(16 * 8);
  _Float16 *aMemory = kernels.upload(a), *bMemory = kernels.upload(b);
  float *cMemory = kernels.upload(c);
  kernels.launch("product", {1, 1}, 32, 0, aMemory, bMemory, cMemory);
  std::vector<float> result = kernels.download(cMemory, 16 * 8);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      float exact = c[i * 8 + j];
      for (int k = 0; k < 16; ++k) {
        exact += float(a[i * 16 + k]) * float(b[j * 16 + k]);
      }
      EXPECT_EQ(result[i * 8 + j], exact) << i << " " << j;
    }
  }
  EXPECT_EQ(kernels.device().counters().at("product").mmaFlops, 2 * 16 * 8 * 16);
}

// Two steps read one weight in int8: its copy has one place beside the parameters, and an entry of its own that makes it.
// RUN: mblm-opt %s --mblm-schedule-cpu --kernel-lower-cpu | FileCheck %s
// RUN: mblm-opt %s --mblm-schedule-cpu=level=avx2 --kernel-lower-cpu="level=avx2" | FileCheck %s --check-prefix=AVX2

// 1280 bytes of numbers and 20 scales, in whole cache lines of 16 floats.
//
// CHECK: module attributes {
// CHECK-SAME: mblm.entries = {
// CHECK-SAME: prepare = {arena = array<i64: 0, 0, 0, 0, 0>, scratch = array<i64: 0, 0, 0, 0, 0>}
// CHECK-SAME: step_0 = {arena = {{[^}]*}}, prepared = 1 : i64,
// CHECK-SAME: step_1 = {arena = {{[^}]*}}, prepared = 1 : i64,
// CHECK-SAME: {entry = "prepare", from = "head_", name = "[[QUANTIZE:head_quantize]]", op = 0 : i64}
// CHECK-SAME: mblm.prepared = {floats = 352 : i64, quantized = [{columns = 64 : i64, numbers = 0 : i64, offset = 16 : i64, rows = 20 : i64, scales = 320 : i64}]}
//
// CHECK-LABEL: func.func @mblm_entry_step_0(
//   CHECK-NOT:   @[[QUANTIZE]]
//       CHECK: func.func {{.*}}@dot_tile_6x1_int8(
//       CHECK:   llvm.load %{{.*}} : !llvm.ptr -> vector<16xi8>
//       CHECK:   arith.extsi %{{.*}} : vector<16xi8> to vector<16xi32>
//       CHECK:   arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
//       CHECK: func.func @mblm_entry_prepare(
//       CHECK:   constant @[[QUANTIZE]] :
//       CHECK: func.func {{.*}}@[[QUANTIZE]](
//       CHECK:   math.roundeven
//       CHECK:   llvm.store %{{.*}} : vector<16xi8>, !llvm.ptr

// AVX2: arith.extsi %{{.*}} : vector<8xi8> to vector<8xi32>
module {
  mblm.parameter @w at 16 : tensor<20x64xf32>
  func.func @step_0(%x: tensor<?x1x64xf32>) -> tensor<?x1x20xf32> {
    %w = kernel.weight [@w] at 16 : tensor<20x64xf32>
    %numbers, %scales = kernel.quantize %w : tensor<20x64xf32> -> tensor<20x64xi8>, tensor<20xf32> loc("/head")
    %y = kernel.gemm <B x 1> depth 64 in 1 x 64 columns 20 in 1 x 20(%x) packed %numbers epilogue(%scales)
        : (tensor<?x1x64xf32>, tensor<20x64xi8>, tensor<20xf32>) -> tensor<?x1x20xf32> {
    ^bb0(%in: tensor<?x1x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x1x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x1x20xf32>, %factors: tensor<20xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x1x20xf32> -> f32
      %scale = kernel.load %factors[%c] : tensor<20xf32> -> f32
      %scaled = arith.mulf %p, %scale : f32
      kernel.yield %scaled : f32
    }
    return %y : tensor<?x1x20xf32>
  }
  func.func @step_1(%x: tensor<?x1x64xf32>) -> tensor<?x1x20xf32> {
    %w = kernel.weight [@w] at 16 : tensor<20x64xf32>
    %numbers, %scales = kernel.quantize %w : tensor<20x64xf32> -> tensor<20x64xi8>, tensor<20xf32> loc("/other")
    %y = kernel.gemm <B x 1> depth 64 in 1 x 64 columns 20 in 1 x 20(%x) packed %numbers epilogue(%scales)
        : (tensor<?x1x64xf32>, tensor<20x64xi8>, tensor<20xf32>) -> tensor<?x1x20xf32> {
    ^bb0(%in: tensor<?x1x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x1x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x1x20xf32>, %factors: tensor<20xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x1x20xf32> -> f32
      %scale = kernel.load %factors[%c] : tensor<20xf32> -> f32
      %scaled = arith.mulf %p, %scale : f32
      kernel.yield %scaled : f32
    }
    return %y : tensor<?x1x20xf32>
  }
}

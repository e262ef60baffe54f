// RUN: mblm-opt %s --mblm-schedule-gpu | FileCheck %s --check-prefix=KEPT
// RUN: mblm-opt %s --mblm-schedule-gpu --kernel-lower-gpu | FileCheck %s
// RUN: mblm-opt %s --mblm-schedule-gpu --verify-roundtrip -o /dev/null
// RUN: mblm-opt %s --kernel-to-gpu -o /dev/null
// RUN: mblm-opt %s --kernel-to-cpu -o /dev/null

// What was written by hand stays and makes the kernel. Equal schedules share one; where there is none, the cost model chooses.
// KEPT: kernel.schedule = #kernel.schedule<rows = 16, columns = 32>
// KEPT: kernel.schedule = #kernel.schedule<rows = 16, columns = 32>
// KEPT: kernel.schedule = #kernel.schedule<rows = 64, columns = 16, on_chip = true>
// KEPT: kernel.schedule = #kernel.schedule<rows = 48, columns = 64>
// KEPT: kernel.schedule = #kernel.schedule<rows = 32, columns = 48, parts = 3>

// CHECK: mblm.gpu
// CHECK-SAME: divisor = 16 : i64
// CHECK-SAME: kernel = "gemm"
// CHECK-SAME: y = 2 : i64
// CHECK-SAME: divisor = 16 : i64
// CHECK-SAME: kernel = "gemm"
// CHECK-SAME: y = 2 : i64

// One block for all columns, for it has as many tiles as there are.
// CHECK-SAME: divisor = 64 : i64
// CHECK-SAME: kernel = "gemm_v2"
// CHECK-SAME: y = 1 : i64
// CHECK-SAME: divisor = 48 : i64
// CHECK-SAME: kernel = "gemm_v3"
// CHECK-SAME: y = 1 : i64

// Of 64 x 64 numbers: 2 x 2 tiles, and 3 parts.
// CHECK-SAME: grid = array<i64: 4, 0, 0, 0, 0>, kernel = "weight_gemm"
// CHECK-SAME: y = 3 : i64
// CHECK-SAME: kernel = "weight_gemm_2"
module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %one = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 16, columns = 32>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %two = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%one) packed %packed epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 16, columns = 32>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %three = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%two) packed %packed epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 64, columns = 16, on_chip = true>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %four = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%three) packed %packed epilogue()
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %rows = kernel.pack_rows <B x M> columns 64 in 1 x 64(%x) : (tensor<?x?x64xf32>) -> tensor<?x2x256x32xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }
    kernel.weight_gemm <B x M> %four, %rows columns 64 depth 64 into [@w] at 0
        {kernel.schedule = #kernel.schedule<rows = 32, columns = 48, parts = 3>} : tensor<?x?x64xf32>, tensor<?x2x256x32xf32>
    return %four : tensor<?x?x64xf32>
  }
}

// RUN: mblm-opt %s --mblm-schedule-cpu | FileCheck %s --check-prefix=KEPT
// RUN: mblm-opt %s --mblm-schedule-cpu --kernel-lower-cpu | FileCheck %s
// RUN: mblm-opt %s --mblm-schedule-cpu --verify-roundtrip -o /dev/null
// RUN: mblm-opt %s --kernel-to-cpu=level=portable -o /dev/null
// RUN: mblm-opt %s --kernel-to-gpu -o /dev/null

// What was written by hand stays and makes the kernel. Equal schedules share one; where there is none, the cost model chooses.
// KEPT: kernel.cpu_schedule = #kernel.cpu_schedule<rows = 96, columns = 32, depth = 32>
// KEPT: kernel.cpu_schedule = #kernel.cpu_schedule<rows = 96, columns = 32, depth = 32>
// KEPT: kernel.cpu_schedule = #kernel.cpu_schedule<rows = 192>
// KEPT: kernel.cpu_schedule = #kernel.cpu_schedule<rows = {{[0-9]+}}
// KEPT: kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 32>

// Items of rows and of two pieces of the columns each; two passes over a depth of 64.
// CHECK-LABEL: func.func @mblm_entry_forward(
//       CHECK:   constant @gemm :
//       CHECK:   %[[ROWS:.*]] = arith.constant 96 : index
//  CHECK-NEXT:   %[[BLOCKS:.*]] = arith.divui %{{.*}}, %[[ROWS]] : index
//  CHECK-NEXT:   %[[PIECES:.*]] = arith.constant 2 : index
//  CHECK-NEXT:   arith.muli %[[BLOCKS]], %[[PIECES]] : index
//       CHECK:   constant @gemm :
//       CHECK:   constant @gemm_v2 :
//       CHECK:   constant @gemm_v3 :
//       CHECK:   constant @weight_gemm :
// CHECK-LABEL: func.func private @gemm(
//       CHECK:   arith.remui
module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %one = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 96, columns = 32, depth = 32>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %two = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%one) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 96, columns = 32, depth = 32>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %three = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%two) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 192>}
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
        {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 32>} : tensor<?x?x64xf32>, tensor<?x2x256x32xf32>
    return %four : tensor<?x?x64xf32>
  }
}

// Products without a schedule do not become kernels.
// RUN: mblm-opt %s --kernel-lower-cpu --verify-diagnostics
// RUN: not mblm-opt %s --mblm-schedule-cpu=level=sse9 2>&1 | FileCheck %s

// CHECK: error: expects one of the levels amx, avx512bf16, avx512, avx2, portable, neon, but got sse9
module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    // expected-error@+1 {{'kernel.gemm' op expects a CPU schedule, as mblm-schedule-cpu writes it, but got none}}
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue()
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x64xf32>
  }
}

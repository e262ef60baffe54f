// A linear map with its bias (9, 10): 1*5 + 2*6 + 9 is the first number.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @w at 4 : tensor<2x2xf32>
mblm.parameter @b at 8 : tensor<2xf32>
func.func @example() -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %w = kernel.weight [@w] at 4 : tensor<2x2xf32>
  %b = kernel.weight [@b] at 8 : tensor<2xf32>
  %packed = kernel.pack %w : tensor<2x2xf32> -> tensor<1x2x32xf32>
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %packed epilogue(%b)
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>, tensor<2xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %bias: tensor<2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %more = kernel.load %bias[%c] : tensor<2xf32> -> f32
    %sum = arith.addf %p, %more : f32
    kernel.yield %sum : f32
  }
  return %y : tensor<1x2x2xf32>
}
// CHECK: output: 26 33 48 63{{$}}

// Scales are 6/127 and 8/127, and 5 and 7 become 106 and 111 of these: 106 * 6/127 + 2 * 6 is the first number.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @w at 4 : tensor<2x2xf32>
func.func @example() -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %w = kernel.weight [@w] at 4 : tensor<2x2xf32>
  %numbers, %scales = kernel.quantize %w : tensor<2x2xf32> -> tensor<2x2xi8>, tensor<2xf32>
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %numbers epilogue(%scales)
      : (tensor<1x2x2xf32>, tensor<2x2xi8>, tensor<2xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %factors: tensor<2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %scale = kernel.load %factors[%c] : tensor<2xf32> -> f32
    %scaled = arith.mulf %p, %scale : f32
    kernel.yield %scaled : f32
  }
  return %y : tensor<1x2x2xf32>
}
// CHECK: output: 17.008 22.992 39.024 52.976{{$}}

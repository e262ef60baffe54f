// Gradients of the rows and of the weight, as the example of `kernel.cross_entropy` has them, for losses' gradients 1 and 2.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @w at 4 : tensor<2x2xf32>
func.func @example(%ids: tensor<?x?xi32>) -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %w = kernel.weight [@w] at 4 : tensor<2x2xf32>
  %packed = kernel.pack %w : tensor<2x2xf32> -> tensor<1x2x32xf32>
  %loss, %lse = kernel.cross_entropy <1 x 2> depth 2 in 1 x 2 columns 2 targets %ids at 0(%x) packed %packed
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>, tensor<?x?xi32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %tenth = arith.constant 1.0e-1 : f32
    %a = arith.mulf %v, %tenth : f32
    kernel.yield %a : f32
  }
  %grad = kernel.weight [@x] at 0 : tensor<1x2xf32>
  %turned = kernel.pack %w {transposed} : tensor<2x2xf32> -> tensor<1x2x32xf32>
  %dx, %dw, %db = kernel.cross_entropy_grad <1 x 2> depth 2 in 1 x 2 columns 2 targets %ids at 0(%x)
      packed %packed, %turned grad %grad lse %lse
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>, tensor<1x2x32xf32>, tensor<?x?xi32>, tensor<1x2xf32>, tensor<1x2xf32>)
      -> (tensor<1x2x2xf32>, tensor<16x1x4xf32>, tensor<16x1x2xf32>) {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %tenth = arith.constant 1.0e-1 : f32
    %a = arith.mulf %v, %tenth : f32
    kernel.yield %a : f32
  }
  kernel.reduce <16 x 1> %dw sums <0 x 1> into [@w] at 4 : tensor<16x1x4xf32>
  return %dx : tensor<1x2x2xf32>
}
// CHECK: output: 1.2913 1.2913 -0.79127 -0.79127{{$}}
// CHECK-NEXT: gradients: 1 1 1 1 1.0541 1.0291 0.94588 0.97088{{$}}

// Logits (1.7, 2.3) and (3.9, 5.3), whose targets are 0 and 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @w at 4 : tensor<2x2xf32>
func.func @example(%ids: tensor<?x?xi32>) -> tensor<1x2xf32> {
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
  return %loss : tensor<1x2xf32>
}
// CHECK: output: 1.0375 0.22042{{$}}

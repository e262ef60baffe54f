// Losses 1 and 2 with weights 1 and 2: loss, sum and count.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2xf32>
func.func @example(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %tokens = kernel.weight [@x] at 0 : tensor<1x2xf32>
  %loss, %sum, %count = kernel.mean_loss <B x M> nonzero %tokens, %mask, %ids at 0
      : (tensor<1x2xf32>, tensor<?x?xf32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
}
// CHECK: scalar: 2.5{{$}}
// CHECK-NEXT: scalar: 5{{$}}
// CHECK-NEXT: scalar: 2{{$}}

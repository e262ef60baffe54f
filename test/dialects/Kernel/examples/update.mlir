// One step of a half against gradients of 1; their norm is the root of two.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2xf32>
func.func @example(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>, %scale: tensor<f32>, %hyper: tensor<8xf32>,
                   %decay: tensor<1xf32>) -> tensor<f32> {
  %norm = kernel.update %hyper, %decay : tensor<8xf32>, tensor<1xf32> -> tensor<f32>
  return %norm : tensor<f32>
}
// CHECK: scalar: 1.4142{{$}}
// CHECK-NEXT: parameters: 0.5 1.5{{$}}
// CHECK-NEXT: gradients: 0 0{{$}}
// CHECK-NEXT: first moments: 0.5 0.5{{$}}
// CHECK-NEXT: second moments: 0.5 0.5{{$}}

// Gradient 1, count 1, and the mask of the positions from 1 on.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<f32>, %count: tensor<f32>, %mask: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %y = mblm.mean_loss_grad %grad, %count, %mask {offset = 1} : tensor<1x3xf32> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
// CHECK: argument 0 []: 1{{$}}
// CHECK-NEXT: argument 1 []: 1{{$}}
// CHECK-NEXT: argument 2 [1, 3]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 2]: 2 3{{$}}

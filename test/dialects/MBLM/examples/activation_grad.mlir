// Far to the right the slope is 1, so the gradient passes.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x1x3xf32>, %x: tensor<1x1x3xf32>) -> tensor<1x1x3xf32> {
  %y = mblm.activation_grad gelu %grad, %x : tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}
// CHECK: argument 0 [1, 1, 3]: 1 2 3{{$}}
// CHECK-NEXT: argument 1 [1, 1, 3]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 1, 3]: 1.0833 2.1705 3.0358{{$}}

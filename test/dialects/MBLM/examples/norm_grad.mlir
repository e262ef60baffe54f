// With one direction left after the mean and the scale are gone, two features have no gradient.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x1x2xf32>, %x: tensor<1x1x2xf32>, %gain: tensor<2xf32>)
    -> (tensor<1x1x2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %dx, %dgain, %dbias = mblm.norm_grad layer %grad, %x, %gain {eps = 0.0 : f64}
    : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<2xf32> -> tensor<1x1x2xf32>, tensor<2xf32>, tensor<2xf32>
  return %dx, %dgain, %dbias : tensor<1x1x2xf32>, tensor<2xf32>, tensor<2xf32>
}
// CHECK: argument 0 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: argument 2 [2]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 1, 2]: 0 0{{$}}
// CHECK-NEXT: result 1 [2]: -1 2{{$}}
// CHECK-NEXT: result 2 [2]: 1 2{{$}}

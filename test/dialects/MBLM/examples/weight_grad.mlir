// The sum over two positions of outer products.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x1xf32>, %x: tensor<1x2x2xf32>) -> tensor<1x2xf32> {
  %w = mblm.weight_grad %grad, %x : tensor<1x2x1xf32>, tensor<1x2x2xf32> -> tensor<1x2xf32>
  return %w : tensor<1x2xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: result 0 [1, 2]: 7 10{{$}}

// One feature and two as three.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%a: tensor<1x2x1xf32>, %b: tensor<1x2x2xf32>) -> tensor<1x2x3xf32> {
  %y = mblm.concat %a, %b : tensor<1x2x1xf32>, tensor<1x2x2xf32> -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: result 0 [1, 2, 3]: 1 1 2 2 3 4{{$}}

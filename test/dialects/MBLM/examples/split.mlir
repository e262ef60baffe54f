// Three features as one and two.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x3xf32>) -> (tensor<1x2x1xf32>, tensor<1x2x2xf32>) {
  %a, %b = mblm.split %x : tensor<1x2x3xf32> -> tensor<1x2x1xf32>, tensor<1x2x2xf32>
  return %a, %b : tensor<1x2x1xf32>, tensor<1x2x2xf32>
}
// CHECK: argument 0 [1, 2, 3]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 1 4{{$}}
// CHECK-NEXT: result 1 [1, 2, 2]: 2 3 5 6{{$}}

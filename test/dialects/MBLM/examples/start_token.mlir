// Each of two sequences gets the start vector in front.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<2x1x2xf32>, %start: tensor<2xf32>) -> tensor<2x2x2xf32> {
  %y = mblm.start_token %x, %start : tensor<2x1x2xf32>, tensor<2xf32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}
// CHECK: argument 0 [2, 1, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [2]: 1 2{{$}}
// CHECK-NEXT: result 0 [2, 2, 2]: 1 2 1 2 1 2 3 4{{$}}

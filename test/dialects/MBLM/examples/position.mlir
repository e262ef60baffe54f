// A table of three positions serves sequences of two.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<2x2x1xf32>, %table: tensor<3x1xf32>) -> tensor<2x2x1xf32> {
  %y = mblm.position %x, %table : tensor<2x2x1xf32>, tensor<3x1xf32> -> tensor<2x2x1xf32>
  return %y : tensor<2x2x1xf32>
}
// CHECK: argument 0 [2, 2, 1]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [3, 1]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [2, 2, 1]: 2 4 4 6{{$}}

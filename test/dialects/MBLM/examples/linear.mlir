// Two features to three, with a bias.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) -> tensor<1x2x3xf32> {
  %y = mblm.linear %x, %w, %b : tensor<1x2x2xf32>, tensor<3x2xf32>, tensor<3xf32> -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}
// CHECK: argument 0 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [3, 2]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: argument 2 [3]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 2, 3]: 6 13 20 12 27 42{{$}}

// Two patches of two bytes: rows 1, 2 and 3 of the first patch, then row 2 of the second.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<2x3x1xf32>) -> tensor<1x4x1xf32> {
  %y = mblm.next_byte %x : tensor<2x3x1xf32> -> tensor<1x4x1xf32>
  return %y : tensor<1x4x1xf32>
}
// CHECK: argument 0 [2, 3, 1]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [1, 4, 1]: 1 2 3 5{{$}}

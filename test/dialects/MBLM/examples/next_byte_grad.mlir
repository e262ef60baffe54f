// The four rows go back to where they came from; the second patch's start row and its last row get none.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x4x1xf32>) -> tensor<2x3x1xf32> {
  %y = mblm.next_byte_grad %grad : tensor<1x4x1xf32> -> tensor<2x3x1xf32>
  return %y : tensor<2x3x1xf32>
}
// CHECK: argument 0 [1, 4, 1]: 1 2 3 4{{$}}
// CHECK-NEXT: result 0 [2, 3, 1]: 1 2 3 0 4 0{{$}}

// All rows; the batch, into a table of three positions; the start rows.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<2x2x1xf32>) -> (tensor<1xf32>, tensor<3x1xf32>, tensor<1xf32>) {
  %rows = mblm.reduce rows %x : tensor<2x2x1xf32> -> tensor<1xf32>
  %batch = mblm.reduce batch %x : tensor<2x2x1xf32> -> tensor<3x1xf32>
  %starts = mblm.reduce starts %x : tensor<2x2x1xf32> -> tensor<1xf32>
  return %rows, %batch, %starts : tensor<1xf32>, tensor<3x1xf32>, tensor<1xf32>
}
// CHECK: argument 0 [2, 2, 1]: 1 2 3 4{{$}}
// CHECK-NEXT: result 0 [1]: 10{{$}}
// CHECK-NEXT: result 1 [3, 1]: 4 6 0{{$}}
// CHECK-NEXT: result 2 [1]: 4{{$}}

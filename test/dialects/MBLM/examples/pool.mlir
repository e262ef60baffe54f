// The mean of the first two vectors; and of none.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x3x2xf32>, %spans: tensor<1x4xi32> {mblm.numbers = array<i64: 0, 2, 2, 2>}) -> tensor<1x2x2xf32> {
  %0 = mblm.pool mean %x over %spans : tensor<1x3x2xf32>, tensor<1x4xi32> -> tensor<1x2x2xf32>
  return %0 : tensor<1x2x2xf32>
}
// CHECK: result 0 [1, 2, 2]: 2 3 0 0{{$}}

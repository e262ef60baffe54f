// With the key [0, 1, 2, 3], whose last word says to drop: half of the elements go, the others count twice.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x6xf32>, %key: tensor<4xi32>) -> tensor<1x2x6xf32> {
  %y = mblm.dropout %x key %key {rate = 0.5 : f64, site = 0 : i64} : tensor<1x2x6xf32>
  return %y : tensor<1x2x6xf32>
}
// CHECK: argument 0 [1, 2, 6]: 1 2 3 4 5 6 7 8 9 10 11 12{{$}}
// CHECK-NEXT: argument 1 [4]: 0 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 2, 6]: 2 4 6 8 0 12 0 0 0 0 0 24{{$}}

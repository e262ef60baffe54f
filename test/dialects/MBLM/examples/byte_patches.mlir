// Of each byte the two vectors of the last patch before the next byte's: the first two bytes read patch 0, the others patch 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%lengths: tensor<1x3xi32> {mblm.numbers = array<i64: 1, 2, 2>}, %ids: tensor<1x4xi32>) -> tensor<1x8xi32> {
  %0 = mblm.byte_patches %lengths, %ids {rows = 2, ahead} : tensor<1x3xi32>, tensor<1x4xi32> -> tensor<1x8xi32>
  return %0 : tensor<1x8xi32>
}
// CHECK: result 0 [1, 8]: 0 2 0 2 2 4 2 4{{$}}

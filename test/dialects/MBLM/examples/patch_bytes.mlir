// Each patch with the one before it; the next byte belongs to the third one, and the fourth is none.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%lengths: tensor<1x4xi32> {mblm.numbers = array<i64: 1, 2, 2, 0>}, %ids: tensor<1x4xi32>) -> tensor<1x8xi32> {
  %0 = mblm.patch_bytes %lengths, %ids {window = 2} : tensor<1x4xi32>, tensor<1x4xi32> -> tensor<1x8xi32>
  return %0 : tensor<1x8xi32>
}
// CHECK: result 0 [1, 8]: 0 1 0 3 1 4 3 4{{$}}

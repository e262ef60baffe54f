// Patches of 1, 3 and 2 positions.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%starts: tensor<1x6xi32> {mblm.numbers = array<i64: 1, 1, 0, 0, 1, 0>}) -> tensor<1x6xi32> {
  %0 = mblm.patch_lengths %starts : tensor<1x6xi32> -> tensor<1x6xi32>
  return %0 : tensor<1x6xi32>
}
// CHECK: result 0 [1, 6]: 1 3 2 0 0 0{{$}}

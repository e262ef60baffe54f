// Patches 0, 1 2 and 3 with the next byte; byte 2 ends a document, and with it patch 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x4xi32>, %lengths: tensor<1x3xi32> {mblm.numbers = array<i64: 1, 2, 2>}) -> tensor<1x6xi32> {
  %0 = mblm.visible_patches %ids, %lengths end 2 : tensor<1x4xi32>, tensor<1x3xi32> -> tensor<1x6xi32>
  return %0 : tensor<1x6xi32>
}
// CHECK: result 0 [1, 6]: 0 1 0 2 2 3{{$}}

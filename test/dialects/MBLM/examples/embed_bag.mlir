// Two rows for each position: 0 and 1, then 2 and 3.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x4xi32>, %table: tensor<4x2xf32>) -> tensor<1x2x2xf32> {
  %0 = mblm.embed_bag %ids, %table bag 2 : tensor<1x4xi32>, tensor<4x2xf32> -> tensor<1x2x2xf32>
  return %0 : tensor<1x2x2xf32>
}
// CHECK: result 0 [1, 2, 2]: 4 6 12 14{{$}}

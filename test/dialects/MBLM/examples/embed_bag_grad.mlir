// Rows 0 and 1 belong to the first and the last position, rows 2 and 3 to the second, row 4 to none.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x6xi32>, %grad: tensor<1x3x1xf32>) -> tensor<5x1xf32> {
  %0 = mblm.embed_bag_grad %ids, %grad bag 2 : tensor<1x6xi32>, tensor<1x3x1xf32> -> tensor<5x1xf32>
  return %0 : tensor<5x1xf32>
}
// CHECK: result 0 [5, 1]: 4 4 2 2 0{{$}}

// Gradients 1 and 2; two numbers share the second one, and the last number belongs to no range.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x1xf32>, %x: tensor<1x5x1xf32> {mblm.numbers = array<i64: 1, 2, 1, 2, 9>}, %y: tensor<1x2x1xf32>,
                   %spans: tensor<1x4xi32> {mblm.numbers = array<i64: 0, 1, 1, 4>}) -> tensor<1x5x1xf32> {
  %0 = mblm.pool_grad max %grad, %x, %y over %spans : tensor<1x2x1xf32>, tensor<1x5x1xf32>, tensor<1x4xi32>
  return %0 : tensor<1x5x1xf32>
}
// CHECK: result 0 [1, 5, 1]: 1 1 0 1 0{{$}}

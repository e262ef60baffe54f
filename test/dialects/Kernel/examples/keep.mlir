// Some of the columns are dropped, the others count twice: those of the example of `mblm.dropout`.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
func.func @example(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>, %key: tensor<4xi32>) -> tensor<1x2x6xf32> {
  %site = kernel.dropout_key %key rate 5.0e-1 site 0 : tensor<4xi32> -> tensor<6xi32>
  %y = kernel.rows <1 x 2> columns 6 in 1 x 6(%site) : (tensor<6xi32>) -> tensor<1x2x6xf32> {
  ^bb0(%in: tensor<6xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %m = kernel.keep %in[%t, %c] of 6 : tensor<6xi32>
    kernel.yield %m : f32
  }
  return %y : tensor<1x2x6xf32>
}
// CHECK: output: 2 2 2 2 0 2 0 0 0 0 0 2{{$}}

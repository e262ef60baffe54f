// The number of the draw, 2, and the factor of a rate of three quarters, 4.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
func.func @example(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>, %key: tensor<4xi32>) -> tensor<1x1x1xf32> {
  %site = kernel.dropout_key %key rate 7.5e-1 site 1 : tensor<4xi32> -> tensor<6xi32>
  %y = kernel.rows <1 x 1> columns 1 in 1 x 1(%site) : (tensor<6xi32>) -> tensor<1x1x1xf32> {
  ^bb0(%in: tensor<6xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %two = arith.constant 2 : index
    %five = arith.constant 5 : index
    %draw = kernel.load %in[%two] : tensor<6xi32> -> i32
    %bits = kernel.load %in[%five] : tensor<6xi32> -> i32
    %number = arith.sitofp %draw : i32 to f32
    %factor = arith.bitcast %bits : i32 to f32
    %ten = arith.constant 10.0 : f32
    %tens = arith.mulf %number, %ten : f32
    %both = arith.addf %tens, %factor : f32
    kernel.yield %both : f32
  }
  return %y : tensor<1x1x1xf32>
}
// CHECK: output: 24{{$}}

// The largest of the first two vectors, and of the third.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @x at 0 : tensor<3x2xf32>
  func.func @example(%spans: tensor<?x?xi32> {mblm.numbers = array<i64: 0, 2, 2, 3>}) -> tensor<1x2x2xf32> {
    %x = kernel.weight [@x] at 0 : tensor<1x3x2xf32>
    %y = kernel.pool <1 x 2> max %x over %spans of <1 x 3> : (tensor<1x3x2xf32>, tensor<?x?xi32>) -> tensor<1x2x2xf32>
    return %y : tensor<1x2x2xf32>
  }
}
// CHECK: output: 3 4 5 6{{$}}

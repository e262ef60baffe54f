// The gradients 4 and 5 of the least of 1 2 and of 3, one number between these and one behind belong to no range.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @x at 0 : tensor<5x1xf32>
  func.func @example(%spans: tensor<?x?xi32> {mblm.numbers = array<i64: 0, 2, 3, 4>}) -> tensor<1x5x1xf32> {
    %x = kernel.weight [@x] at 0 : tensor<1x5x1xf32>
    %g = kernel.weight [@x] at 3 : tensor<1x2x1xf32>
    %y = kernel.pool <1 x 2> min %x over %spans of <1 x 5> : (tensor<1x5x1xf32>, tensor<?x?xi32>) -> tensor<1x2x1xf32>
    %dx = kernel.pool_grad <1 x 2> %g, %x, %y over %spans of <1 x 5>
        : (tensor<1x2x1xf32>, tensor<1x5x1xf32>, tensor<1x2x1xf32>, tensor<?x?xi32>) -> tensor<1x5x1xf32>
    return %dx : tensor<1x5x1xf32>
  }
}
// CHECK: output: 4 0 0 5 0{{$}}

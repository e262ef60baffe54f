// Running sums.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<3x2xf32>
func.func @example() -> tensor<1x3x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x3x2xf32>
  %y = kernel.prefix <1 x 3> (%x) : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  ^bb0(%left: f32, %right: f32):
    %sum = arith.addf %left, %right : f32
    kernel.yield %sum : f32
  }
  return %y : tensor<1x3x2xf32>
}
// CHECK: output: 1 2 4 6 9 12{{$}}

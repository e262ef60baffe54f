// Running sums.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  %y = mblm.scan(%x) : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  ^bb0(%left: f32, %right: f32):
    %sum = arith.addf %left, %right : f32
    mblm.yield %sum : f32
  }
  return %y : tensor<1x3x2xf32>
}
// CHECK: argument 0 [1, 3, 2]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [1, 3, 2]: 1 2 4 6 9 12{{$}}

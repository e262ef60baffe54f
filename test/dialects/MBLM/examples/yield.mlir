// The recurrence h[t] = a[t] h[t-1] + b[t] as a scan over pairs (a, b); h is the second result.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%a: tensor<1x3x1xf32>, %b: tensor<1x3x1xf32>) -> (tensor<1x3x1xf32>, tensor<1x3x1xf32>) {
  %y:2 = mblm.scan(%a, %b) : (tensor<1x3x1xf32>, tensor<1x3x1xf32>) -> (tensor<1x3x1xf32>, tensor<1x3x1xf32>) {
  ^bb0(%a_left: f32, %b_left: f32, %a_right: f32, %b_right: f32):
    %decay = arith.mulf %a_left, %a_right : f32
    %kept = arith.mulf %a_right, %b_left : f32
    %state = arith.addf %kept, %b_right : f32
    mblm.yield %decay, %state : f32, f32
  }
  return %y#0, %y#1 : tensor<1x3x1xf32>, tensor<1x3x1xf32>
}
// CHECK: argument 0 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: argument 1 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 3, 1]: 1 2 6{{$}}
// CHECK-NEXT: result 1 [1, 3, 1]: 1 4 15{{$}}

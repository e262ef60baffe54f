// One head of two features, each with a state of one number; steps are at most 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x2xf32>, %dt: tensor<1x2x1xf32>, %bias: tensor<1xf32>, %a: tensor<1xf32>,
                   %b: tensor<1x2x1xf32>, %c: tensor<1x2x1xf32>, %skip: tensor<1xf32>) -> tensor<1x2x2xf32> {
  %y = mblm.ssd %x, %dt bias %bias a %a b %b c %c skip %skip {dt_max = 1.0 : f64}
    : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>, tensor<1xf32>
  return %y : tensor<1x2x2xf32>
}
// CHECK: argument 0 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1]: 1{{$}}
// CHECK-NEXT: argument 3 [1]: 1{{$}}
// CHECK-NEXT: argument 4 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 5 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 6 [1]: 1{{$}}
// CHECK-NEXT: result 0 [1, 2, 2]: 2 4 15.132 20.264{{$}}

// The steps are clamped, so what made them has no gradient.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x2xf32>, %x: tensor<1x2x2xf32>, %dt: tensor<1x2x1xf32>, %bias: tensor<1xf32>,
                   %a: tensor<1xf32>, %b: tensor<1x2x1xf32>, %c: tensor<1x2x1xf32>, %skip: tensor<1xf32>)
    -> (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>,
        tensor<1xf32>) {
  %dx, %ddt, %da, %db, %dc, %dskip, %dbias = mblm.ssd_grad %grad, %x, %dt bias %bias a %a b %b c %c skip %skip
    {dt_max = 1.0 : f64}
    : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>, tensor<1xf32>
  return %dx, %ddt, %da, %db, %dc, %dskip, %dbias : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1xf32>,
    tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1xf32>
}
// CHECK: argument 0 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 2 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 3 [1]: 1{{$}}
// CHECK-NEXT: argument 4 [1]: 1{{$}}
// CHECK-NEXT: argument 5 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 6 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 7 [1]: 1{{$}}
// CHECK-NEXT: result 0 [1, 2, 2]: 2.3959 4.5279 15 20{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: 0 0{{$}}
// CHECK-NEXT: result 2 [1]: -3.9462{{$}}
// CHECK-NEXT: result 3 [1, 2, 1]: 6.4517 50{{$}}
// CHECK-NEXT: result 4 [1, 2, 1]: 5 50.726{{$}}
// CHECK-NEXT: result 5 [1]: 30{{$}}
// CHECK-NEXT: result 6 [1]: 0{{$}}

// One feature with a state of one number: h = 1.3133 at first, softplus(1); it fades to 0.003 of it with the second.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x1xf32>, %delta: tensor<1x2x1xf32>, %a: tensor<1x1xf32>, %b: tensor<1x2x1xf32>,
                   %c: tensor<1x2x1xf32>, %skip: tensor<1xf32>, %gate: tensor<1x2x1xf32>)
    -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>) {
  %y = mblm.selective_scan %x, %delta a %a b %b c %c skip %skip
    : tensor<1x2x1xf32>, tensor<1x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>
  %z = mblm.selective_scan %x, %delta a %a b %b c %c skip %skip gate %gate
    : tensor<1x2x1xf32>, tensor<1x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>
  return %y, %z : tensor<1x2x1xf32>, tensor<1x2x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1, 1]: 1{{$}}
// CHECK-NEXT: argument 3 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 4 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 5 [1]: 1{{$}}
// CHECK-NEXT: argument 6 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 2.3133 19.024{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: 1.6911 33.512{{$}}

// The second position's gradient flows back through the state that it kept of the first.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x1xf32>, %x: tensor<1x2x1xf32>, %delta: tensor<1x2x1xf32>, %a: tensor<1x1xf32>,
                   %b: tensor<1x2x1xf32>, %c: tensor<1x2x1xf32>, %skip: tensor<1xf32>, %gate: tensor<1x2x1xf32>)
    -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>,
        tensor<1x2x1xf32>) {
  %dx, %ddelta, %da, %db, %dc, %dskip, %dgate = mblm.selective_scan_grad %grad, %x, %delta a %a b %b c %c skip %skip
    gate %gate : tensor<1x2x1xf32>, tensor<1x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>
    -> tensor<1x2x1xf32>
  return %dx, %ddelta, %da, %db, %dc, %dskip, %dgate : tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x1xf32>,
    tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1xf32>, tensor<1x2x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 3 [1, 1]: 1{{$}}
// CHECK-NEXT: argument 4 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 5 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 6 [1]: 1{{$}}
// CHECK-NEXT: argument 7 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 1.7197 33.497{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: 0.55033 24.757{{$}}
// CHECK-NEXT: result 2 [1, 1]: -0.16499{{$}}
// CHECK-NEXT: result 3 [1, 2, 1]: 0.98861 29.974{{$}}
// CHECK-NEXT: result 4 [1, 2, 1]: 0.96007 29.989{{$}}
// CHECK-NEXT: result 5 [1]: 7.7774{{$}}
// CHECK-NEXT: result 6 [1, 2, 1]: 2.1459 41.501{{$}}

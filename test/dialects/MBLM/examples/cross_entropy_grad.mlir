// The rows of the example of `mblm.cross_entropy`, with 1 and 2 as their losses' gradients.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2xf32>, %logits: tensor<1x2x2xf32>, %ids: tensor<1x2xi32>) -> tensor<1x2x2xf32> {
  %loss, %lse = mblm.cross_entropy %logits, %ids : tensor<1x2x2xf32>, tensor<1x2xi32> -> tensor<1x2xf32>
  %y = mblm.cross_entropy_grad %grad, %logits, %lse, %ids : tensor<1x2xf32>, tensor<1x2x2xf32>, tensor<1x2xi32>
  return %y : tensor<1x2x2xf32>
}
// CHECK: argument 0 [1, 2]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 2 [1, 2]: 0 1{{$}}
// CHECK-NEXT: result 0 [1, 2, 2]: -0.73106 0.73106 0.53788 -0.53788{{$}}

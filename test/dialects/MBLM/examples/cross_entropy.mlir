// Two rows of two logits, their targets 0 and 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%logits: tensor<1x2x2xf32>, %ids: tensor<1x2xi32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %loss, %lse = mblm.cross_entropy %logits, %ids : tensor<1x2x2xf32>, tensor<1x2xi32> -> tensor<1x2xf32>
  return %loss, %lse : tensor<1x2xf32>, tensor<1x2xf32>
}
// CHECK: argument 0 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [1, 2]: 0 1{{$}}
// CHECK-NEXT: result 0 [1, 2]: 1.3133 0.31326{{$}}
// CHECK-NEXT: result 1 [1, 2]: 2.3133 4.3133{{$}}

// The gradients of the example of `mblm.attention`, with 1 and 2 as its result's.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x1xf32>, %q: tensor<1x2x1xf32>, %k: tensor<1x2x1xf32>, %v: tensor<1x2x1xf32>)
    -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) {
  %y, %lse = mblm.attention %q, %k, %v mask(causal) {heads = 1 : i64, scale = 1.0 : f64}
    : tensor<1x2x1xf32>, tensor<1x2x1xf32>
  %dq, %dk, %dv = mblm.attention_grad %grad, %q, %k, %v, %y, %lse mask(causal) {heads = 1 : i64, scale = 1.0 : f64}
    : tensor<1x2x1xf32>, tensor<1x2x1xf32>
  return %dq, %dk, %dv : tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 3 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 0 0.20999{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: -0.41997 0.41997{{$}}
// CHECK-NEXT: result 2 [1, 2, 1]: 1.2384 1.7616{{$}}

// The first position sees itself alone; the second sees both and weighs its own key e^2 times as much.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%q: tensor<1x2x1xf32>, %k: tensor<1x2x1xf32>, %v: tensor<1x2x1xf32>)
    -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>) {
  %y, %lse = mblm.attention %q, %k, %v mask(causal) {heads = 1 : i64, scale = 1.0 : f64}
    : tensor<1x2x1xf32>, tensor<1x2x1xf32>
  return %y, %lse : tensor<1x2x1xf32>, tensor<1x2x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 1 1.8808{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: 1 4.1269{{$}}

// Two taps a feature: the last one is the current position's. Before the first position there are zeros.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x3x1xf32>, %taps: tensor<1x2xf32>, %bias: tensor<1xf32>) -> tensor<1x3x1xf32> {
  %y = mblm.causal_conv %x, %taps, %bias : tensor<1x3x1xf32>, tensor<1x2xf32>, tensor<1xf32>
  return %y : tensor<1x3x1xf32>
}
// CHECK: argument 0 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: argument 1 [1, 2]: 1 2{{$}}
// CHECK-NEXT: argument 2 [1]: 1{{$}}
// CHECK-NEXT: result 0 [1, 3, 1]: 3 6 9{{$}}

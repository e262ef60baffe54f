// Two features are as far below their mean as above it; the gain counts 1, 2 and so does the bias.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x1x2xf32>, %gain: tensor<2xf32>, %bias: tensor<2xf32>) -> tensor<1x1x2xf32> {
  %y = mblm.norm layer %x, %gain, %bias {eps = 0.0 : f64}
    : tensor<1x1x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// CHECK: argument 0 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: argument 1 [2]: 1 2{{$}}
// CHECK-NEXT: argument 2 [2]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 1, 2]: 0 4{{$}}

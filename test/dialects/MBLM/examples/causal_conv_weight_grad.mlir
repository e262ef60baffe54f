// Three positions see the current one, two of them one before.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x3x1xf32>, %x: tensor<1x3x1xf32>) -> tensor<1x2xf32> {
  %dtaps = mblm.causal_conv_weight_grad %grad, %x : tensor<1x3x1xf32>, tensor<1x3x1xf32> -> tensor<1x2xf32>
  return %dtaps : tensor<1x2xf32>
}
// CHECK: argument 0 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: argument 1 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 2]: 8 14{{$}}

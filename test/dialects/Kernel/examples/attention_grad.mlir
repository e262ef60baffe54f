// Gradients of query, key and value, side by side as the three are, for gradients 7 and 8 of the results.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x3xf32>
mblm.parameter @grad at 6 : tensor<2x1xf32>
func.func @example() -> tensor<1x2x3xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x3xf32>
  %y, %lse = kernel.attention <1 x 2> %x, %x, %x at [0, 1, 2] mask(causal)
      {head_dim = 1 : i64, heads = 1 : i64, scale = 1.0e-1 : f64}
      : (tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>)
  %grad = kernel.weight [@grad] at 6 : tensor<1x2x1xf32>
  %dx = kernel.attention_grad <1 x 2> %grad, %x, %x, %x, %y, %lse at [0, 1, 2] mask(causal)
      {head_dim = 1 : i64, heads = 1 : i64, scale = 1.0e-1 : f64}
      : (tensor<1x2x1xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x1xf32>,
         tensor<1x2x1xf32>)
      -> tensor<1x2x3xf32>
  return %dx : tensor<1x2x3xf32>
}
// CHECK: output: 0 -1.7078 8.8518 1.2808 1.7078 6.1482{{$}}

// Query, key and value side by side: the second position weighs its own value e^1.2 times as much as the first one's.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x3xf32>
func.func @example() -> tensor<1x2x1xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x3xf32>
  %y, %lse = kernel.attention <1 x 2> %x, %x, %x at [0, 1, 2] mask(causal)
      {head_dim = 1 : i64, heads = 1 : i64, scale = 1.0e-1 : f64}
      : (tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>)
  return %y : tensor<1x2x1xf32>
}
// CHECK: output: 3 5.3056{{$}}

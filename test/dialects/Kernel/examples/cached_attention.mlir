// Two heads of one feature; the query at P = 1 sees the keys of two positions, all with the score 0.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @q at 0 : tensor<1x2xf32>
mblm.state @key at [0, 0, 0, 0] : tensor<?x3x2xf32>
mblm.state @value at [0, 0, 16, 0] : tensor<?x3x2xf32>
func.func @example() -> tensor<1x1x2xf32> {
  %q = kernel.weight [@q] at 0 : tensor<1x1x2xf32>
  %k = kernel.state @key at [0, 0, 0, 0] <1 x 3> : tensor<1x3x2xf32>
  %v = kernel.state @value at [0, 0, 16, 0] <1 x 3> : tensor<1x3x2xf32>
  %y = kernel.cached_attention <1 x 1> %q, %k, %v mask(causal) {head_dim = 1, heads = 2, scale = 0.0 : f64}
      : (tensor<1x1x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// CHECK: output: 18 19{{$}}

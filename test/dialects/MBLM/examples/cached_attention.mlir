// The query at P = 1 sees the keys 1 and 2 with the scores 0, so that it takes the mean of the values 4 and 5.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @key at [0, 0, 0, 0] : tensor<?x3x1xf32>
mblm.state @value at [0, 0, 3, 0] : tensor<?x3x1xf32>
func.func @example(%q: tensor<1x1x1xf32>) -> tensor<1x1x1xf32> {
  %k = mblm.get_state @key : tensor<?x3x1xf32>
  %v = mblm.get_state @value : tensor<?x3x1xf32>
  %y = mblm.cached_attention %q, %k, %v mask(causal) {heads = 1, scale = 0.0 : f64} : tensor<1x1x1xf32>, tensor<?x3x1xf32>
  return %y : tensor<1x1x1xf32>
}
// CHECK: result 0 [1, 1, 1]: 4.5{{$}}

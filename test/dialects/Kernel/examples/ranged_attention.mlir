// Two heads share one group of keys: with the queries 1 and 2 the second value weighs e^0.5 and e times as much as the first. The
// second position sees nothing.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @q at 0 : tensor<2x2xf32>
  func.func @example(%ranges: tensor<?x?xi32> {mblm.numbers = array<i64: 0, 2, 2, 2>}) -> tensor<1x2x2xf32> {
    %q = kernel.weight [@q] at 0 : tensor<1x2x2xf32>
    %k = kernel.weight [@q] at 0 : tensor<1x2x1xf32>
    %y, %lse = kernel.ranged_attention <B x M> %q, %k, %k of <B x M> in %ranges
        {head_dim = 1, heads = 2, kv_heads = 1, scale = 0.5 : f64}
        : (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<?x?xi32>) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>)
    return %y : tensor<1x2x2xf32>
  }
}
// CHECK: output: 1.6225 1.7311 0 0{{$}}

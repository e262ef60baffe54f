// Gradient of the keys, that of both heads, for gradients 1 to 4 of the result.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @q at 0 : tensor<2x2xf32>
  func.func @example(%ranges: tensor<?x?xi32> {mblm.numbers = array<i64: 0, 1, 0, 2>}) -> tensor<1x2x1xf32> {
    %q = kernel.weight [@q] at 0 : tensor<1x2x2xf32>
    %k = kernel.weight [@q] at 0 : tensor<1x2x1xf32>
    %y, %lse = kernel.ranged_attention <B x M> %q, %k, %k of <B x M> in %ranges
        {head_dim = 1, heads = 2, kv_heads = 1, scale = 0.1 : f64}
        : (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<?x?xi32>) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>)
    %dq, %dk, %dv = kernel.ranged_attention_grad <B x M> %q, %q, %k, %k, %y, %lse of <B x M> in %ranges
        {head_dim = 1, heads = 2, kv_heads = 1, scale = 0.1 : f64}
        : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>,
           tensor<?x?xi32>)
        -> (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>)
    return %dk : tensor<1x2x1xf32>
  }
}
// CHECK: output: -0.60443 0.60443{{$}}

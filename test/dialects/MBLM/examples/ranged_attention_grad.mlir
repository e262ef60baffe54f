// Query, key and value as the attention's, for gradients 1 to 4 of its result: key and value have those of both heads.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%grad: tensor<1x2x2xf32>, %q: tensor<1x2x2xf32>, %k: tensor<1x2x1xf32>, %v: tensor<1x2x1xf32>,
                   %ranges: tensor<1x4xi32> {mblm.numbers = array<i64: 0, 1, 0, 2>})
    -> (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) {
  %y, %lse = mblm.ranged_attention %q, %k, %v in %ranges {heads = 2, kv_heads = 1, scale = 0.1 : f64}
    : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x4xi32> -> tensor<1x2x2xf32>
  %0:3 = mblm.ranged_attention_grad %grad, %q, %k, %v, %y, %lse in %ranges {heads = 2, kv_heads = 1, scale = 0.1 : f64}
    : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x4xi32>, tensor<1x2x2xf32>
  return %0#0, %0#1, %0#2 : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>
}
// CHECK: result 0 [1, 2, 2]: 0 0 0.073337 0.096104{{$}}
// CHECK-NEXT: result 1 [1, 2, 1]: -0.60443 0.60443{{$}}
// CHECK-NEXT: result 2 [1, 2, 1]: 5.8819 4.1181{{$}}

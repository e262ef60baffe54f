// Two heads share one group of keys: with the queries 1 and 2 the second value weighs e^0.5 and e times as much as the first. The
// second position sees nothing.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%q: tensor<1x2x2xf32>, %k: tensor<1x2x1xf32>, %v: tensor<1x2x1xf32>,
                   %ranges: tensor<1x4xi32> {mblm.numbers = array<i64: 0, 2, 2, 2>}) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>) {
  %0, %lse = mblm.ranged_attention %q, %k, %v in %ranges {heads = 2, kv_heads = 1, scale = 0.5 : f64}
    : tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x4xi32> -> tensor<1x2x2xf32>
  return %0, %lse : tensor<1x2x2xf32>, tensor<1x2x2xf32>
}
// CHECK: result 0 [1, 2, 2]: 1.6225 1.7311 0 0{{$}}
// CHECK-NEXT: result 1 [1, 2, 2]: 1.4741 2.3133 0 0{{$}}

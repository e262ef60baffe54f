// Each byte; the pair that ends there among ten hashed rows (0, 7 and 1 + 2 * 7, the prime's last digit, mod 10) behind the 5 of bytes;
// and the pairs (0, 1) and (1, 2) in a list, behind these.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x3xi32>) -> tensor<1x9xi32> {
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 2>, functions = 1, rows = 10, list_lengths = array<i64: 2>,
                                     list_ids = [array<i32: 1, 2, 0, 1>]}
    : tensor<1x3xi32> -> tensor<1x9xi32>
  return %0 : tensor<1x9xi32>
}
// CHECK: result 0 [1, 9]: 0 5 15 1 12 20 2 10 19{{$}}

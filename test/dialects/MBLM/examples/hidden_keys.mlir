// Patches of two bytes, of which the first has none that may be seen.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%visible: tensor<1x6xi32> {mblm.numbers = array<i64: 0, 0, 0, 1, 1, 1>}) -> (tensor<1x3xi32>, tensor<1x3xi32>) {
  %any = mblm.hidden_keys %visible {bytes = 2 : i64} : tensor<1x6xi32> -> tensor<1x3xi32>
  %all = mblm.hidden_keys %visible {all, bytes = 2 : i64} : tensor<1x6xi32> -> tensor<1x3xi32>
  return %any, %all : tensor<1x3xi32>, tensor<1x3xi32>
}
// CHECK: result 0 [1, 3]: 1 0 0{{$}}
// CHECK-NEXT: result 1 [1, 3]: 1 1 0{{$}}

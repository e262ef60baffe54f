// A mark, then "a b"; patches end with the blank, and the next id, which nobody knows, may belong to the last one.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x4xi32> {mblm.numbers = array<i64: 1, 101, 36, 102>}) -> tensor<1x5xi32> {
  %0 = mblm.patch_starts space %ids {next} : tensor<1x4xi32> -> tensor<1x5xi32>
  return %0 : tensor<1x5xi32>
}
// CHECK: result 0 [1, 5]: 1 1 0 1 0{{$}}

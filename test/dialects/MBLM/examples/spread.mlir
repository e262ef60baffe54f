// Two positions share the first vector, one has the second, one has none.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x1xf32>, %owners: tensor<1x8xi32> {mblm.numbers = array<i64: 0, 1, 0, 1, 1, 2, 2, 2>},
                   %spans: tensor<1x4xi32> {mblm.numbers = array<i64: 0, 2, 2, 3>}) -> tensor<1x4x1xf32> {
  %0 = mblm.spread %x by %owners of %spans {mean} : tensor<1x2x1xf32>, tensor<1x8xi32>, tensor<1x4xi32> -> tensor<1x4x1xf32>
  return %0 : tensor<1x4x1xf32>
}
// CHECK: result 0 [1, 4, 1]: 0.5 0.5 2 0{{$}}

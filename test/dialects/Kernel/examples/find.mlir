// Of the ids 0 1 2 3 the list has 1, in place 7, and 3, in place 0; what is not in it has number 0.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%ids: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 2*M> (%ids) into <B x 2*M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %id = kernel.get_id %in[%k, %t] : tensor<?x?xi32>
      %key = arith.index_cast %id : index to i64
      %place = kernel.find %key in [1, 3, -1] at [7, 0, 5]
      kernel.set_id %place, %out[%k, %t] : tensor<?x?xi32>
    }
    %y = kernel.rows <B x 2*M> columns 1 in 1 x 1(%r) : (tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    ^bb0(%in: tensor<?x?xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %id = kernel.load %in[%k, %t] : tensor<?x?xi32> -> i32
      %number = arith.sitofp %id : i32 to f32
      kernel.yield %number : f32
    }
    return %y : tensor<?x?x1xf32>
  }
}
// CHECK: output: 0 11 0 4{{$}}

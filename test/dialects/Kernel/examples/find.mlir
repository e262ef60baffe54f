// Of the ids 0 1 2 3 the list has 1, in place 7, and 3, in place 0; what is not in it has number 0. The numbers of the second list have
// two words each, the id and 5; it has 0 and 5 in place 3, 2 and 5 in place 8, but 1 with another second word.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%ids: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 2*M> (%ids) into <B x 2*M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %id = kernel.get_id %in[%k, %t] : tensor<?x?xi32>
      %key = arith.index_cast %id : index to i64
      %place = kernel.find %key in [1, 3, -1] at [7, 0, 5]
      %five = arith.constant 5 : i64
      %hundred = arith.constant 100 : index
      %long = kernel.find %key, %five in [0, 5, 1, 4, 1, 6, 2, 5] at [3, 1, 2, 8]
      %hundreds = arith.muli %long, %hundred : index
      %both = arith.addi %place, %hundreds : index
      kernel.set_id %both, %out[%k, %t] : tensor<?x?xi32>
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
// CHECK: output: 700 11 1200 4{{$}}

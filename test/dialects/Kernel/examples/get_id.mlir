// The ids 0 1 2 3 backwards.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%ids: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 2*M> (%ids) into <B x 2*M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %last = arith.constant 3 : index
      %place = arith.subi %last, %t : index
      %id = kernel.get_id %in[%k, %place] : tensor<?x?xi32>
      kernel.set_id %id, %out[%k, %t] : tensor<?x?xi32>
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
// CHECK: output: 3 2 1 0{{$}}

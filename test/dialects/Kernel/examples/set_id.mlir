// One row sets all the numbers of a sequence, in a loop that carries their sum: 0, 0 + 1, 0 + 1 + 2 and so on.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%ids: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 1> (%ids) into <B x 2*M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %four = arith.constant 4 : index
      %all = scf.for %i = %zero to %four step %one iter_args(%sum = %zero) -> (index) {
        %id = kernel.get_id %in[%k, %i] : tensor<?x?xi32>
        %next = arith.addi %sum, %id : index
        kernel.set_id %next, %out[%k, %i] : tensor<?x?xi32>
        scf.yield %next : index
      }
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
// CHECK: output: 0 1 3 6{{$}}

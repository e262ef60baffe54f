// Which of the numbers 1 2 3 4 are above 2.5.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%ids: tensor<?x?xi32>, %numbers: tensor<?x?xf32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 2*M> (%numbers) into <B x 2*M> : (tensor<?x?xf32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xf32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %limit = arith.constant 2.5 : f32
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %number = kernel.get_element %in[%k, %t] : tensor<?x?xf32>
      %above = arith.cmpf ogt, %number, %limit : f32
      %value = arith.select %above, %one, %zero : index
      kernel.set_id %value, %out[%k, %t] : tensor<?x?xi32>
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
// CHECK: output: 0 0 1 1{{$}}

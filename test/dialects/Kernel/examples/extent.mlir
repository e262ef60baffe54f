// How many ids the sequence has, and how many numbers the result.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 2 : i64} {
  func.func @example(%bytes: tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    %r = kernel.integers <B x 1> (%bytes) into <B x M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
    ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %ids = kernel.extent %in : tensor<?x?xi32>
      %numbers = kernel.extent %out : tensor<?x?xi32>
      kernel.set_id %ids, %out[%k, %zero] : tensor<?x?xi32>
      kernel.set_id %numbers, %out[%k, %one] : tensor<?x?xi32>
    }
    %y = kernel.rows <B x M> columns 1 in 1 x 1(%r) : (tensor<?x?xi32>) -> tensor<?x?x1xf32> {
    ^bb0(%in: tensor<?x?xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %id = kernel.load %in[%k, %t] : tensor<?x?xi32> -> i32
      %number = arith.sitofp %id : i32 to f32
      kernel.yield %number : f32
    }
    return %y : tensor<?x?x1xf32>
  }
}
// CHECK: output: 4 2{{$}}

// A function that runs by pieces: a loop over pieces of G slots, and the memory of one piece.
// RUN: mblm-opt %s --kernel-lower-cpu | FileCheck %s

// The caller's arena has room for G slots of @inner (16 floats each, one value kept until it is doubled); the launch counts
// once, with the number of its loop.
//
// CHECK: module attributes {
// CHECK-SAME: mblm.entries = {forward = {arena = array<i64: {{[0-9]+}}, 0, 0, 16, 16>, scratch = array<i64:
// CHECK-SAME: mblm.kernels = [{entry = "forward", from = "input_", name = "input_rows", op = 0 : i64},
// CHECK-SAME: {entry = "forward", from = "first_", name = "[[FIRST:first_rows]]", of = "inner", op = 0 : i64, pieces = 0 : i64},
// CHECK-SAME: {entry = "forward", from = "second_", name = "[[SECOND:second_rows]]", of = "inner", op = 1 : i64, pieces = 0 : i64}]
//
// The callee takes its tensors from a list; its context says how many slots there are.
//
// CHECK-LABEL: func.func private @mblm_pieces_inner(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
//       CHECK:   constant @[[FIRST]] :
//       CHECK:   constant @[[SECOND]] :
//       CHECK:   return
// CHECK-LABEL: func.func @mblm_entry_forward(
//       CHECK:   scf.for
//       CHECK:     arith.minsi
//       CHECK:     call @mblm_pieces_inner(
//       CHECK:   return
module attributes {mblm.inner = 8 : i64} {
  func.func private @inner(%x: tensor<?x2x8xf32> {mblm.per_slot = 1}) -> (tensor<?x2x8xf32> {mblm.per_slot = 1}) {
    %a = kernel.rows <B*M x 2> columns 8 in 1 x 8(%x) : (tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
    ^bb0(%p: tensor<?x2x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x2x8xf32> -> f32
      %s = arith.mulf %v, %v : f32
      kernel.yield %s : f32
    } loc("/first")
    %b = kernel.rows <B*M x 2> columns 8 in 1 x 8(%a) : (tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
    ^bb0(%p: tensor<?x2x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x2x8xf32> -> f32
      %s = arith.addf %v, %v : f32
      kernel.yield %s : f32
    } loc("/second")
    return %b : tensor<?x2x8xf32>
  }
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
    %in = kernel.rows <B*M x 2> columns 8 in 1 x 8() : () -> tensor<?x2x8xf32> {
    ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
      %one = arith.constant 1.0 : f32
      kernel.yield %one : f32
    } loc("/input")
    %y = mblm.pieces @inner(%in) : (tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
    %z = kernel.view <B x 2*M> %y : tensor<?x2x8xf32> -> tensor<?x?x8xf32>
    return %z : tensor<?x?x8xf32>
  }
}

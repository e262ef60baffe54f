// What steps read of a weight with its dimensions exchanged is a copy beside the parameters: one for all that want it alike, made by an
// entry of its own. Functions without states make theirs at every call.
// RUN: mblm-opt %s --mblm-schedule-cpu --kernel-lower-cpu | FileCheck %s

// 4 x 30 floats of each of two parameters, in whole cache lines of 16.
//
// CHECK: module attributes {
// CHECK-SAME: mblm.entries = {forward = {arena = {{[^}]*}}, scratch
// CHECK-SAME: prefill_0 = {arena = {{[^}]*}}, prepared = 1 : i64,
// CHECK-SAME: prepare = {arena = array<i64: 0, 0, 0, 0, 0>, scratch
// CHECK-SAME: step_0 = {arena = {{[^}]*}}, prepared = 1 : i64,
// CHECK-SAME: {entry = "forward", from = "v_", name = "[[TURN:v_transpose]]", op = 0 : i64}
// CHECK-SAME: {entry = "prepare", from = "v_", name = "[[TURN]]", op = 0 : i64}
// CHECK-SAME: {entry = "prepare", from = "w_", name = "[[TURN]]", op = 1 : i64}
// CHECK-SAME: mblm.prepared = {floats = 256 : i64, quantized = []}
//
// CHECK-LABEL: func.func @mblm_entry_step_0(
//   CHECK-NOT:   @[[TURN]] :
// CHECK-LABEL: func.func @mblm_entry_prefill_0(
//   CHECK-NOT:   @[[TURN]] :
// CHECK-LABEL: func.func @mblm_entry_forward(
//       CHECK:   constant @[[TURN]] :
// CHECK-LABEL: func.func @mblm_entry_prepare(
//       CHECK:   constant @[[TURN]] :
//       CHECK:   constant @[[TURN]] :
module {
  mblm.parameter @v at 0 : tensor<30x4xf32>
  mblm.parameter @w at 128 : tensor<30x4xf32>
  mblm.state @s at [0, 0, 0, 0] : tensor<?x1x30xf32>
  func.func @step_0() -> tensor<?x1x30xf32> {
    %s = kernel.state @s at [0, 0, 0, 0] <B x 1> : tensor<?x1x30xf32>
    %v = kernel.weight [@v] at 0 : tensor<30x4xf32>
    %t = kernel.transpose %v : tensor<30x4xf32> -> tensor<4x30xf32> loc("/v")
    %y = kernel.rows <B x 1> columns 30 in 1 x 30(%s, %t) : (tensor<?x1x30xf32>, tensor<4x30xf32>) -> tensor<?x1x30xf32> {
    ^bb0(%in: tensor<?x1x30xf32>, %turned: tensor<4x30xf32>, %k: index, %p: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %p, %c] : tensor<?x1x30xf32> -> f32
      %row = arith.constant 3 : index
      %b = kernel.load %turned[%row, %c] : tensor<4x30xf32> -> f32
      %sum = arith.addf %a, %b : f32
      kernel.yield %sum : f32
    }
    return %y : tensor<?x1x30xf32>
  }
  func.func @prefill_0() -> tensor<?x1x30xf32> {
    %s = kernel.state @s at [0, 0, 0, 0] <B x 1> : tensor<?x1x30xf32>
    %v = kernel.weight [@v] at 0 : tensor<30x4xf32>
    %w = kernel.weight [@w] at 128 : tensor<30x4xf32>
    %t = kernel.transpose %v : tensor<30x4xf32> -> tensor<4x30xf32> loc("/other")
    %u = kernel.transpose %w : tensor<30x4xf32> -> tensor<4x30xf32> loc("/w")
    %y = kernel.rows <B x 1> columns 30 in 1 x 30(%s, %t, %u)
        : (tensor<?x1x30xf32>, tensor<4x30xf32>, tensor<4x30xf32>) -> tensor<?x1x30xf32> {
    ^bb0(%in: tensor<?x1x30xf32>, %first: tensor<4x30xf32>, %second: tensor<4x30xf32>, %k: index, %p: index, %j: index, %d: index, %c: index):
      %row = arith.constant 3 : index
      %a = kernel.load %first[%row, %c] : tensor<4x30xf32> -> f32
      %b = kernel.load %second[%row, %c] : tensor<4x30xf32> -> f32
      %sum = arith.addf %a, %b : f32
      kernel.yield %sum : f32
    }
    return %y : tensor<?x1x30xf32>
  }
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x1x30xf32> {
    %v = kernel.weight [@v] at 0 : tensor<30x4xf32>
    %t = kernel.transpose %v : tensor<30x4xf32> -> tensor<4x30xf32> loc("/v")
    %y = kernel.rows <B x 1> columns 30 in 1 x 30(%t) : (tensor<4x30xf32>) -> tensor<?x1x30xf32> {
    ^bb0(%turned: tensor<4x30xf32>, %k: index, %p: index, %j: index, %d: index, %c: index):
      %row = arith.constant 3 : index
      %a = kernel.load %turned[%row, %c] : tensor<4x30xf32> -> f32
      kernel.yield %a : f32
    }
    return %y : tensor<?x1x30xf32>
  }
}

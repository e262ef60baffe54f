// Results take the place of operands that die: the arena holds one tensor of 32 columns a row where it may, two where it may
// not.
// RUN: mblm-opt %s --kernel-lower-cpu --split-input-file | FileCheck %s

// %y reads %x at its own row and column, for the last time.
// CHECK: mblm.entries = {forward = {arena = array<i64: 0, 0, 0, 32, 0>,
module {
  mblm.parameter @a at 0 : tensor<32xf32>
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x32xf32> {
    %a = kernel.weight [@a] at 0 : tensor<32xf32>
    %x = kernel.rows <B x M> columns 32 in 1 x 32(%a) : (tensor<32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%w: tensor<32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %w[%c] : tensor<32xf32> -> f32
      kernel.yield %v : f32
    } loc("/first")
    %y = kernel.rows <B x M> columns 32 in 1 x 32(%x) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/second")
    %z = kernel.rows <B x M> columns 32 in 1 x 32(%y) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/third")
    return %z : tensor<?x?x32xf32>
  }
}

// -----

// %y reads the first row of %x for each of its own.
// CHECK: mblm.entries = {forward = {arena = array<i64: 0, 0, 0, 64, 0>,
module {
  mblm.parameter @a at 0 : tensor<32xf32>
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x32xf32> {
    %a = kernel.weight [@a] at 0 : tensor<32xf32>
    %x = kernel.rows <B x M> columns 32 in 1 x 32(%a) : (tensor<32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%w: tensor<32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %w[%c] : tensor<32xf32> -> f32
      kernel.yield %v : f32
    } loc("/first")
    %y = kernel.rows <B x M> columns 32 in 1 x 32(%x) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %v = kernel.load %p[%k, %zero, %c] : tensor<?x?x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/second")
    %z = kernel.rows <B x M> columns 32 in 1 x 32(%y) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/third")
    return %z : tensor<?x?x32xf32>
  }
}

// -----

// %x is read again after %y is there.
// CHECK: mblm.entries = {forward = {arena = array<i64: 0, 0, 0, 64, 0>,
module {
  mblm.parameter @a at 0 : tensor<32xf32>
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x32xf32> {
    %a = kernel.weight [@a] at 0 : tensor<32xf32>
    %x = kernel.rows <B x M> columns 32 in 1 x 32(%a) : (tensor<32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%w: tensor<32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %w[%c] : tensor<32xf32> -> f32
      kernel.yield %v : f32
    } loc("/first")
    %y = kernel.rows <B x M> columns 32 in 1 x 32(%x) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/second")
    %z = kernel.rows <B x M> columns 32 in 1 x 32(%x, %y) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %q: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      %u = kernel.load %q[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      %s = arith.addf %v, %u : f32
      kernel.yield %s : f32
    } loc("/third")
    return %z : tensor<?x?x32xf32>
  }
}

// Every op on parameters, patches and positions, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// CHECK: mblm.parameter @first at 0 : tensor<2x3xf32>
mblm.parameter @first at 0 : tensor<2x3xf32>
// CHECK: mblm.parameter @second at 6 : tensor<1x3xf32>
mblm.parameter @second at 6 : tensor<1x3xf32>
// CHECK: mblm.parameter @start at 9 : tensor<3xf32>
mblm.parameter @start at 9 : tensor<3xf32>

// CHECK-LABEL: func @parameters
func.func @parameters() {
  // CHECK: %[[W:.*]] = mblm.load [@first, @second] : tensor<3x3xf32>
  %w = mblm.load [@first, @second] : tensor<3x3xf32>
  // CHECK: mblm.gradient [@first, @second], %[[W]] : tensor<3x3xf32>
  mblm.gradient [@first, @second], %w : tensor<3x3xf32>
  return
}

// CHECK-LABEL: func @patches
func.func @patches(%ids: tensor<?x?xi32>, %x: tensor<?x?x12xf32>) -> tensor<?x?x3xf32> {
  // CHECK: mblm.regroup %{{.*}} : tensor<?x?xi32> -> tensor<?x4xi32>
  %0 = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x4xi32>
  // CHECK: %[[P:.*]] = mblm.regroup %{{.*}} : tensor<?x?x12xf32> -> tensor<?x4x3xf32>
  %1 = mblm.regroup %x : tensor<?x?x12xf32> -> tensor<?x4x3xf32>
  // CHECK: %[[S:.*]] = mblm.load
  %s = mblm.load [@start] : tensor<3xf32>
  // CHECK: %[[B:.*]] = mblm.start_token %[[P]], %[[S]] : tensor<?x4x3xf32>, tensor<3xf32> -> tensor<?x5x3xf32>
  %2 = mblm.start_token %1, %s : tensor<?x4x3xf32>, tensor<3xf32> -> tensor<?x5x3xf32>
  // CHECK: mblm.start %[[S]] : tensor<3xf32> -> tensor<1x1x3xf32>
  %3 = mblm.start %s : tensor<3xf32> -> tensor<1x1x3xf32>
  // CHECK: %[[N:.*]] = mblm.next_byte %[[B]] : tensor<?x5x3xf32> -> tensor<?x?x3xf32>
  %4 = mblm.next_byte %2 : tensor<?x5x3xf32> -> tensor<?x?x3xf32>
  // CHECK: mblm.next_byte_grad %[[N]] : tensor<?x?x3xf32> -> tensor<?x5x3xf32>
  %5 = mblm.next_byte_grad %4 : tensor<?x?x3xf32> -> tensor<?x5x3xf32>
  return %4 : tensor<?x?x3xf32>
}

// CHECK-LABEL: func @positions
func.func @positions(%x: tensor<?x?x6xf32>) {
  // CHECK: mblm.slice %[[X:.*]] : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  %0 = mblm.slice %x : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  // CHECK: mblm.slice %[[X]] {after = 2 : i64, before = 1 : i64} :
  %1 = mblm.slice %x {before = 1, after = 2} : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  // CHECK: mblm.pad %[[X]] : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  %2 = mblm.pad %x : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  // CHECK: mblm.pad %[[X]] {after = 2 : i64, before = 1 : i64} :
  %3 = mblm.pad %x {before = 1, after = 2} : tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  // CHECK: %[[S:.*]]:2 = mblm.split %[[X]] : tensor<?x?x6xf32> -> tensor<?x?x2xf32>, tensor<?x?x4xf32>
  %4:2 = mblm.split %x : tensor<?x?x6xf32> -> tensor<?x?x2xf32>, tensor<?x?x4xf32>
  // CHECK: mblm.concat %[[S]]#1, %[[S]]#0 : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<?x?x6xf32>
  %5 = mblm.concat %4#1, %4#0 : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<?x?x6xf32>
  // CHECK: %[[P:.*]]:2 = mblm.split %[[X]] {positions} : tensor<?x?x6xf32> -> tensor<?x3x6xf32>, tensor<?x?x6xf32>
  %parts:2 = mblm.split %x {positions} : tensor<?x?x6xf32> -> tensor<?x3x6xf32>, tensor<?x?x6xf32>
  // CHECK: mblm.concat %[[P]]#0, %[[P]]#1 {positions} : tensor<?x3x6xf32>, tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  %whole = mblm.concat %parts#0, %parts#1 {positions} : tensor<?x3x6xf32>, tensor<?x?x6xf32> -> tensor<?x?x6xf32>
  return
}

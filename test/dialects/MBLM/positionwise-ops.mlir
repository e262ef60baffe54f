// Every op on single positions, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @embed
func.func @embed(%ids: tensor<?x?xi32>, %table: tensor<257x8xf32>, %positions: tensor<64x8xf32>) {
  // CHECK: %[[X:.*]] = mblm.embed %[[IDS:.*]], %[[T:.*]] : tensor<?x?xi32>, tensor<257x8xf32> -> tensor<?x?x8xf32>
  %0 = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x8xf32> -> tensor<?x?x8xf32>
  // CHECK: %[[P:.*]] = mblm.embed %[[IDS]], %[[T]] {bytes = 4 : i64, skip = 256 : i64} :
  %1 = mblm.embed %ids, %table {bytes = 4, skip = 256} : tensor<?x?xi32>, tensor<257x8xf32> -> tensor<?x?x32xf32>
  // CHECK: mblm.embed_grad %[[IDS]], %[[P]] {bytes = 4 : i64, skip = 256 : i64} :
  %2 = mblm.embed_grad %ids, %1 {bytes = 4, skip = 256} : tensor<?x?xi32>, tensor<?x?x32xf32> -> tensor<257x8xf32>
  // CHECK: mblm.position %[[X]], %{{.*}} : tensor<?x?x8xf32>, tensor<64x8xf32> -> tensor<?x?x8xf32>
  %3 = mblm.position %0, %positions : tensor<?x?x8xf32>, tensor<64x8xf32> -> tensor<?x?x8xf32>
  return
}

// CHECK-LABEL: func @linear
func.func @linear(%x: tensor<?x?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>) {
  // CHECK: %[[Y:.*]] = mblm.linear %[[X:.*]], %[[W:.*]] : tensor<?x?x8xf32>, tensor<4x8xf32> -> tensor<?x?x4xf32>
  %0 = mblm.linear %x, %w : tensor<?x?x8xf32>, tensor<4x8xf32> -> tensor<?x?x4xf32>
  // CHECK: mblm.linear %[[X]], %[[W]], %{{.*}} : tensor<?x?x8xf32>, tensor<4x8xf32>, tensor<4xf32> -> tensor<?x?x4xf32>
  %1 = mblm.linear %x, %w, %b : tensor<?x?x8xf32>, tensor<4x8xf32>, tensor<4xf32> -> tensor<?x?x4xf32>
  // CHECK: mblm.linear %[[Y]], %[[W]] {transposed} : tensor<?x?x4xf32>, tensor<4x8xf32> -> tensor<?x?x8xf32>
  %2 = mblm.linear %0, %w {transposed} : tensor<?x?x4xf32>, tensor<4x8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.weight_grad %[[Y]], %[[X]] : tensor<?x?x4xf32>, tensor<?x?x8xf32> -> tensor<4x8xf32>
  %3 = mblm.weight_grad %0, %x : tensor<?x?x4xf32>, tensor<?x?x8xf32> -> tensor<4x8xf32>
  return
}

// CHECK-LABEL: func @norm
func.func @norm(%x: tensor<?x?x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) {
  // CHECK: mblm.norm rms %[[X:.*]], %[[G:.*]] {eps = 1.000000e-05 : f64} :
  %0 = mblm.norm rms %x, %g {eps = 1.0e-5 : f64} : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.norm rms_clamp %[[X]], %[[G]] {eps = 1.000000e-08 : f64} :
  %1 = mblm.norm rms_clamp %x, %g {eps = 1.0e-8 : f64} : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.norm layer %[[X]], %[[G]], %{{.*}} {eps = 1.000000e-05 : f64} :
  %2 = mblm.norm layer %x, %g, %b {eps = 1.0e-5 : f64}
    : tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.norm_grad rms %[[X]], %[[X]], %[[G]] {{.*}} -> tensor<?x?x8xf32>, tensor<8xf32>{{$}}
  %3:2 = mblm.norm_grad rms %x, %x, %g {eps = 1.0e-5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>, tensor<8xf32>
  // CHECK: mblm.norm rms %[[X]], %[[G]] {eps = 1.000000e-05 : f64, groups = 2 : i64} :
  %5 = mblm.norm rms %x, %g {eps = 1.0e-5 : f64, groups = 2} : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.norm_grad layer %[[X]], %[[X]], %[[G]] {{.*}} -> tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>
  %4:3 = mblm.norm_grad layer %x, %x, %g {eps = 1.0e-5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>
  return
}

// CHECK-LABEL: func @elements
func.func @elements(%x: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // CHECK: mblm.activation gelu %[[X:.*]] : tensor<?x?x8xf32>
  %0 = mblm.activation gelu %x : tensor<?x?x8xf32>
  // CHECK: %[[Y:.*]] = mblm.activation gelu_tanh %[[X]] : tensor<?x?x8xf32>
  %1 = mblm.activation gelu_tanh %x : tensor<?x?x8xf32>
  // CHECK: mblm.activation_grad gelu_tanh %[[Y]], %[[X]] : tensor<?x?x8xf32>
  %2 = mblm.activation_grad gelu_tanh %1, %x : tensor<?x?x8xf32>
  // CHECK: mblm.activation silu %[[X]] : tensor<?x?x8xf32>
  %7 = mblm.activation silu %x : tensor<?x?x8xf32>
  // CHECK: mblm.multiply %[[Y]], %[[X]] : tensor<?x?x8xf32>
  %8 = mblm.multiply %1, %x : tensor<?x?x8xf32>
  // CHECK: mblm.add %[[Y]], %[[X]] : tensor<?x?x8xf32>
  %3 = mblm.add %1, %x : tensor<?x?x8xf32>
  // CHECK: mblm.dropout %[[X]] key %{{.*}} {rate = 1.000000e-01 : f64, site = 3 : i64} : tensor<?x?x8xf32>
  %9 = mblm.dropout %x key %key {rate = 0.1 : f64, site = 3} : tensor<?x?x8xf32>
  // CHECK: mblm.reduce rows %[[X]] : tensor<?x?x8xf32> -> tensor<8xf32>
  %4 = mblm.reduce rows %x : tensor<?x?x8xf32> -> tensor<8xf32>
  // CHECK: mblm.reduce batch %[[X]] : tensor<?x?x8xf32> -> tensor<64x8xf32>
  %5 = mblm.reduce batch %x : tensor<?x?x8xf32> -> tensor<64x8xf32>
  // CHECK: mblm.reduce starts %[[X]] : tensor<?x?x8xf32> -> tensor<8xf32>
  %6 = mblm.reduce starts %x : tensor<?x?x8xf32> -> tensor<8xf32>
  return
}

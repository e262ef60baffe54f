// Every op that mixes positions, loss and update, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @positions
func.func @positions(%x: tensor<?x?x8xf32>) {
  // CHECK: mblm.token_shift %[[X:.*]] : tensor<?x?x8xf32>
  %0 = mblm.token_shift %x : tensor<?x?x8xf32>
  // CHECK: mblm.token_shift %[[X]] {reverse} : tensor<?x?x8xf32>
  %1 = mblm.token_shift %x {reverse} : tensor<?x?x8xf32>
  // CHECK: mblm.rope half_split %[[X]] : tensor<?x?x8xf32>
  %2 = mblm.rope half_split %x : tensor<?x?x8xf32>
  // CHECK: mblm.rope interleaved %[[X]] {base = 5.000000e+05 : f64, heads = 2 : i64, inverse} : tensor<?x?x8xf32>
  %3 = mblm.rope interleaved %x {heads = 2, base = 500000.0 : f64, inverse} : tensor<?x?x8xf32>
  // CHECK: mblm.rope half_split %[[X]] from 5 {rotated = 4 : i64} : tensor<?x?x8xf32>
  %rotated = mblm.rope half_split %x from 5 {rotated = 4} : tensor<?x?x8xf32>
  return
}

// CHECK-LABEL: func @hidden
func.func @hidden(%q: tensor<?x?x8xf32>, %visible: tensor<?x?xi32>, %key: tensor<4xi32>) {
  // CHECK: %[[H:.*]] = mblm.hidden_keys %{{.*}} {all, bytes = 3 : i64} : tensor<?x?xi32> -> tensor<?x?xi32>
  %h = mblm.hidden_keys %visible {bytes = 3, all} : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.attention %[[Q:.*]], %[[Q]], %[[Q]] mask(full) hides %[[H]] {{.*}} : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
  %0, %lse = mblm.attention %q, %q, %q mask(full) hides %h {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
  // CHECK: mblm.attention_grad {{.*}} mask(full) hides %[[H]] {{.*}} : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
  %1:3 = mblm.attention_grad %0, %q, %q, %q, %0, %lse mask(full) hides %h {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
  // CHECK: mblm.attention {{.*}} mask(full) hides %[[H]] dropout %{{.*}} {heads = 2 : i64, rate
  %2, %lse2 = mblm.attention %q, %q, %q mask(full) hides %h dropout %key {heads = 2, scale = 0.5 : f64, rate = 0.1 : f64, site = 7}
      : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
  return
}

// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // CHECK: mblm.attention %[[Q:.*]], %[[K:.*]], %[[V:.*]] mask(causal) {heads = 2 : i64, scale = 5.000000e-01 : f64} :
  %0:2 = mblm.attention %q, %k, %v mask(causal) {heads = 2, scale = 0.5 : f64} : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  // CHECK: mblm.attention %[[Q]], %[[K]], %[[V]] mask(full) {{.*}} : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  %1:2 = mblm.attention %q, %k, %v mask(full) {heads = 2, scale = 0.5 : f64} : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  // CHECK: %[[A:.*]], %[[LSE:.*]] = mblm.attention %[[Q]], %[[K]], %[[V]] mask(block_causal, 4)
  %2, %lse = mblm.attention %q, %k, %v mask(block_causal, 4) {heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  // CHECK: mblm.attention_grad %[[A]], %[[Q]], %[[K]], %[[V]], %[[A]], %[[LSE]] mask(block_causal, 4)
  %3:3 = mblm.attention_grad %2, %q, %k, %v, %2, %lse mask(block_causal, 4) {heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  // CHECK: mblm.attention %[[Q]], %[[K]], %[[V]] mask(causal) dropout %[[KEY:.*]] {heads = 2 : i64, rate = 1.000000e-01 : f64, scale = 5.000000e-01 : f64, site = 7 : i64} :
  %4, %lse4 = mblm.attention %q, %k, %v mask(causal) dropout %key {heads = 2, scale = 0.5 : f64, rate = 0.1 : f64, site = 7}
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  // CHECK: mblm.attention_grad %{{.*}}, %[[Q]], %[[K]], %[[V]], %{{.*}}, %{{.*}} mask(causal) dropout %[[KEY]] {heads = 2 : i64,
  %5:3 = mblm.attention_grad %4, %q, %k, %v, %4, %lse4 mask(causal) dropout %key
    {heads = 2, scale = 0.5 : f64, rate = 0.1 : f64, site = 7} : tensor<?x?x8xf32>, tensor<?x?x2xf32>
  return
}

// CHECK-LABEL: func @loss
func.func @loss(%logits: tensor<?x?x257xf32>, %ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> tensor<?x?x257xf32> {
  // CHECK: %{{.*}}, %{{.*}} = mblm.cross_entropy %[[L:.*]], %[[IDS:.*]] : {{.*}} -> tensor<?x?xf32>
  %0, %1 = mblm.cross_entropy %logits, %ids : tensor<?x?x257xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
  // CHECK: %[[N:.*]], %[[LSE:.*]] = mblm.cross_entropy %[[L]], %[[IDS]] {ignore = 256 : i64, offset = 1 : i64} :
  %2, %lse = mblm.cross_entropy %logits, %ids {offset = 1, ignore = 256}
    : tensor<?x?x257xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
  // CHECK: mblm.mean_loss nonzero %[[N]], %[[M:.*]], %[[IDS]] : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
  %3:3 = mblm.mean_loss nonzero %2, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
  // CHECK: %[[LOSS:.*]], %{{.*}}, %[[COUNT:.*]] = mblm.mean_loss targets %[[N]], %[[M]], %[[IDS]] {ignore = 256 : i64
  %4, %sum, %count = mblm.mean_loss targets %2, %mask, %ids {offset = 1, ignore = 256}
    : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
  // CHECK: %[[D:.*]] = mblm.mean_loss_grad %[[LOSS]], %[[COUNT]], %[[M]] {offset = 1 : i64} :
  %5 = mblm.mean_loss_grad %4, %count, %mask {offset = 1} : tensor<?x?xf32> -> tensor<?x?xf32>
  // CHECK: mblm.cross_entropy_grad %[[D]], %[[L]], %[[LSE]], %[[IDS]] {ignore = 256 : i64, offset = 1 : i64} :
  %6 = mblm.cross_entropy_grad %5, %logits, %lse, %ids {offset = 1, ignore = 256}
    : tensor<?x?xf32>, tensor<?x?x257xf32>, tensor<?x?xi32>
  return %6 : tensor<?x?x257xf32>
}

// CHECK-LABEL: func @update
func.func @update(%hyper: tensor<8xf32>, %decay: tensor<0xf32>) -> tensor<f32> {
  // CHECK: mblm.update %{{.*}}, %{{.*}} : tensor<8xf32>, tensor<0xf32>
  %0 = mblm.update %hyper, %decay : tensor<8xf32>, tensor<0xf32>
  return %0 : tensor<f32>
}

// Graphs that see no byte before they predict it.
// RUN: mblm-opt %s --split-input-file --mblm-check-causality | FileCheck %s

// Two stages, patches of 4 bytes: output q of the outer stage has seen the patches before q and becomes the context of patch q.
// CHECK-LABEL: func @forward
module attributes {mblm.inner = 4 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>, %s: tensor<8xf32>, %t: tensor<2xf32>)
      -> tensor<?x?x2xf32> {
    %p = mblm.embed %ids, %table {bytes = 4} : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x8xf32>
    %p1 = mblm.start_token %p, %s : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
    %g:2 = mblm.attention %p1, %p1, %p1 mask(causal) {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x8xf32>, tensor<?x?x2xf32>
    %g1 = mblm.slice %g#0 {after = 1} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    %c = mblm.regroup %g1 : tensor<?x?x8xf32> -> tensor<?x4x2xf32>
    %b = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x4xi32>
    %x = mblm.embed %b, %table : tensor<?x4xi32>, tensor<257x2xf32> -> tensor<?x4x2xf32>
    %y = mblm.add %x, %c : tensor<?x4x2xf32>
    %y1 = mblm.start_token %y, %t : tensor<?x4x2xf32>, tensor<2xf32> -> tensor<?x5x2xf32>
    %l:2 = mblm.attention %y1, %y1, %y1 mask(causal) {heads = 1, scale = 0.5 : f64}
      : tensor<?x5x2xf32>, tensor<?x5x1xf32>
    %r = mblm.slice %l#0 {before = 1} : tensor<?x5x2xf32> -> tensor<?x4x2xf32>
    %z = mblm.regroup %r : tensor<?x4x2xf32> -> tensor<?x?x2xf32>
    return %z : tensor<?x?x2xf32>
  }
  func.func @loss(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>, %t: tensor<2xf32>) -> tensor<?x?xf32> {
    %b = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x4xi32>
    %y = mblm.embed %b, %table : tensor<?x4xi32>, tensor<257x2xf32> -> tensor<?x4x2xf32>
    %y1 = mblm.start_token %y, %t : tensor<?x4x2xf32>, tensor<2xf32> -> tensor<?x5x2xf32>
    %l:2 = mblm.attention %y1, %y1, %y1 mask(causal) {heads = 1, scale = 0.5 : f64}
      : tensor<?x5x2xf32>, tensor<?x5x1xf32>
    %n = mblm.next_byte %l#0 : tensor<?x5x2xf32> -> tensor<?x?x2xf32>
    %loss, %lse = mblm.cross_entropy %n, %ids : tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    return %loss : tensor<?x?xf32>
  }
}

// -----

// One stage without a start row: row t sees byte t, and its target is byte t + 1.
// CHECK-LABEL: func @forward
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %s = mblm.token_shift %x : tensor<?x?x2xf32>
  %y:2 = mblm.attention %s, %s, %s mask(block_causal, 8) {heads = 1, scale = 0.5 : f64}
    : tensor<?x?x2xf32>, tensor<?x?x1xf32>
  return %y#0 : tensor<?x?x2xf32>
}
func.func @loss(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %y = mblm.slice %x {after = 1} : tensor<?x?x2xf32> -> tensor<?x?x2xf32>
  %loss, %lse = mblm.cross_entropy %y, %ids {offset = 1} : tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
  return %loss : tensor<?x?xf32>
}

// -----

// A look ahead within a patch is fine where the row behind the patch predicts the next one.
// CHECK-LABEL: func @forward
func.func @forward(%ids: tensor<2x8xi32>, %table: tensor<257x2xf32>) -> tensor<2x8x2xf32> {
  %x = mblm.embed %ids, %table : tensor<2x8xi32>, tensor<257x2xf32> -> tensor<2x8x2xf32>
  %b = mblm.regroup %x : tensor<2x8x2xf32> -> tensor<4x4x2xf32>
  %y:2 = mblm.attention %b, %b, %b mask(full) {heads = 1, scale = 0.5 : f64} : tensor<4x4x2xf32>, tensor<4x4x1xf32>
  %c = mblm.regroup %y#0 : tensor<4x4x2xf32> -> tensor<2x8x2xf32>
  %p = mblm.pad %c {before = 3} : tensor<2x8x2xf32> -> tensor<2x11x2xf32>
  %z = mblm.slice %p {after = 3} : tensor<2x11x2xf32> -> tensor<2x8x2xf32>
  return %z : tensor<2x8x2xf32>
}

// -----

// Ranges are no rows: what makes them sees to it that they end where they must. Attention along them sees what its keys have seen.
// CHECK-LABEL: func @forward
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %seen = mblm.visible_bytes %ids window 8 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %x, %x, %x in %seen {heads = 1, kv_heads = 1, scale = 0.5 : f64}
    : tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  return %y : tensor<?x?x2xf32>
}

// -----

// Behind a prefix of 3 bytes row t stands at byte t + 3 and sees all up to it.
// CHECK-LABEL: func @forward
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %p:2 = mblm.split %x {positions} : tensor<?x?x2xf32> -> tensor<?x3x2xf32>, tensor<?x?x2xf32>
  %both = mblm.concat %p#0, %p#1 {positions} : tensor<?x3x2xf32>, tensor<?x?x2xf32> -> tensor<?x?x2xf32>
  %seen = mblm.visible_bytes %ids {skip = 3} : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %p#1, %both, %both in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  return %y : tensor<?x?x2xf32>
}
func.func @loss(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %p:2 = mblm.split %x {positions} : tensor<?x?x2xf32> -> tensor<?x3x2xf32>, tensor<?x?x2xf32>
  %y = mblm.slice %p#1 {after = 1} : tensor<?x?x2xf32> -> tensor<?x?x2xf32>
  %loss, %lse = mblm.cross_entropy %y, %ids {offset = 4} : tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
  return %loss : tensor<?x?xf32>
}

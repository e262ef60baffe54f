// What is computed again where memory is short: the inside of layers, and what runs by pieces.
// RUN: mblm-opt %s --mblm-differentiate="recompute-stages=0" --canonicalize --cse | FileCheck %s --check-prefix=LAYERS
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse | FileCheck %s --check-prefixes=KEPT,PIECES

module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @table at 0 : tensor<5x4xf32>
  mblm.parameter @a at 32 : tensor<4x4xf32>
  mblm.parameter @b at 48 : tensor<4x4xf32>

  // The piece's gradients: its forward pass, then the way back; the parameter's gradient is added, the context's returned.
  //
  // PIECES-LABEL: func private @inner_grad(
  //  PIECES-SAME:   %[[X:.*]]: tensor<?x2x4xf32> {mblm.per_slot = 1 : i64}, %[[DY:.*]]: tensor<?x2x4xf32> {mblm.per_slot = 1 : i64})
  //  PIECES-SAME:   -> (tensor<?x2x4xf32> {mblm.per_slot = 1 : i64})
  //       PIECES:   %[[B:.*]] = mblm.load [@b]
  //       PIECES:   %[[H:.*]] = mblm.linear %[[X]], %[[B]]
  //       PIECES:   %[[DH:.*]] = mblm.activation_grad gelu %[[DY]], %[[H]]
  //       PIECES:   %[[DX:.*]] = mblm.linear %[[DH]], %[[B]] {transposed}
  //       PIECES:   mblm.gradient [@b]
  //       PIECES:   return %[[DX]]
  func.func private @inner(%x: tensor<?x2x4xf32> {mblm.per_slot = 1}) -> (tensor<?x2x4xf32> {mblm.per_slot = 1}) {
    %b = mblm.load [@b] : tensor<4x4xf32>
    %h = mblm.linear %x, %b : tensor<?x2x4xf32>, tensor<4x4xf32> -> tensor<?x2x4xf32>
    %y = mblm.activation gelu %h : tensor<?x2x4xf32>
    return %y : tensor<?x2x4xf32>
  }

  // Two layers, x + a x each. Of the first, only the sum is kept; of the second, nothing but the sum is asked for.
  //
  // LAYERS-LABEL: func @gradients
  //       LAYERS:   %[[A:.*]] = mblm.load [@a]
  //       LAYERS:   mblm.linear %{{.*}}, %[[A]]
  //       LAYERS:   %[[ONE:.*]] = mblm.add {{.*}} {mblm.layer_end = 0 : i64}
  //       LAYERS:   %[[TWO:.*]] = mblm.add %[[ONE]], {{.*}} {mblm.layer_end = 0 : i64}
  //       LAYERS:   mblm.mean_loss_grad
  //       LAYERS:   %[[WIDE2:.*]] = mblm.linear %[[ONE]], %[[A]] {mblm.recompute}
  //   LAYERS-NOT:   mblm.recompute
  //       LAYERS:   mblm.weight_grad %{{.*}}, %[[WIDE2]]
  //   LAYERS-NOT:   mblm.linear %{{[^ ]*}}, %[[A]] {mblm.recompute}
  //       LAYERS:   %[[X2:.*]] = mblm.embed {{.*}}mblm.recompute
  //       LAYERS:   %[[WIDE1:.*]] = mblm.linear %[[X2]], %[[A]] {mblm.recompute}
  //       LAYERS:   mblm.weight_grad %{{.*}}, %[[WIDE1]]

  // Otherwise the products are kept.
  //
  //   KEPT-LABEL: func @gradients
  //         KEPT:   mblm.linear
  //         KEPT:   mblm.pieces @inner(
  //         KEPT:   mblm.mean_loss_grad
  //     KEPT-NOT:   mblm.linear %{{[^ ]*}}, %{{[^ ]*}} {mblm.recompute}
  //         KEPT:   mblm.pieces @inner_grad(
  //     KEPT-NOT:   mblm.linear %{{[^ ]*}}, %{{[^ ]*}} {mblm.recompute}
  //         KEPT:   return
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %a = mblm.load [@a] : tensor<4x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %p1 = mblm.linear %x, %a : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
    %q1 = mblm.linear %p1, %a : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
    %one = mblm.add %x, %q1 {mblm.layer_end = 0 : i64} : tensor<?x?x4xf32>
    %p2 = mblm.linear %one, %a : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
    %q2 = mblm.linear %p2, %a : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
    %two = mblm.add %one, %q2 {mblm.layer_end = 0 : i64} : tensor<?x?x4xf32>
    %slots = mblm.regroup %two : tensor<?x?x4xf32> -> tensor<?x2x4xf32>
    %states = mblm.pieces @inner(%slots) : (tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %rows = mblm.regroup %states : tensor<?x2x4xf32> -> tensor<?x?x4xf32>
    %logits = mblm.linear %rows, %table : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss nonzero %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

// A loss of a model whose patches the data decides: ranges are made once, and gradients go back along them.
// RUN: mblm-opt %s --mblm-differentiate | FileCheck %s
// RUN: mblm-opt %s --mblm-differentiate --verify-roundtrip -o /dev/null

// CHECK-LABEL: func @gradients
//  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x?xi32>, %[[MASK:[a-z0-9]+]]: tensor<?x?xf32>, %[[LENGTHS:[a-z0-9]+]]: tensor<?x?xi32> {mblm.per_patch},
//  CHECK-SAME:    %[[TARGETS:[a-z0-9]+]]: tensor<?x?xi32> {mblm.targets}, %[[SCALE:[a-z0-9]+]]: tensor<f32>) ->
//       CHECK:   %[[ROWS:.*]] = mblm.ngram_rows %[[IDS]]
//       CHECK:   %[[X:.*]] = mblm.embed_bag %[[ROWS]]
//       CHECK:   %[[SPANS:.*]] = mblm.patch_bytes %[[LENGTHS]], %[[IDS]]
//       CHECK:   mblm.byte_patches
//       CHECK:   %[[AHEAD:.*]] = mblm.byte_patches %[[LENGTHS]], %[[IDS]] {ahead}
//       CHECK:   %[[P:.*]] = mblm.pool max %[[X]] over %[[SPANS]]
//       CHECK:   %[[Y:.*]], %[[LSE:.*]] = mblm.ranged_attention %[[X]], %[[P]], %[[P]] in %[[AHEAD]]
//       CHECK:   %{{.*}}, %{{.*}}, %[[COUNT:.*]] = mblm.mean_loss weighted %{{.*}}, %[[MASK]], %[[TARGETS]]
//       CHECK:   mblm.mean_loss_grad %[[SCALE]], %[[COUNT]], %[[MASK]]
//       CHECK:   mblm.cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}}, %[[TARGETS]]
//       CHECK:   %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = mblm.ranged_attention_grad %{{.*}}, %[[X]], %[[P]], %[[P]], %[[Y]], %[[LSE]] in %[[AHEAD]]
//  CHECK-NEXT:   %[[DP:.*]] = mblm.add %[[DK]], %[[DV]]
//  CHECK-NEXT:   %[[DPOOL:.*]] = mblm.pool_grad max %[[DP]], %[[X]], %[[P]] over %[[SPANS]]
//  CHECK-NEXT:   %[[DX:.*]] = mblm.add %[[DQ]], %[[DPOOL]]
//  CHECK-NEXT:   %[[DTABLES:.*]] = mblm.embed_bag_grad %[[ROWS]], %[[DX]] bag 2
//  CHECK-NEXT:   mblm.gradient [@tables], %[[DTABLES]]

// CHECK-LABEL: func @train_step
//  CHECK-SAME:   {mblm.per_patch}, %{{.*}}: tensor<?x?xi32> {mblm.targets}, %{{.*}}: tensor<f32>, %{{.*}}: tensor<8xf32>, %{{.*}}: tensor<2xf32>)
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @tables at 0 : tensor<15x4xf32>
  mblm.parameter @head at 64 : tensor<5x4xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>, %lengths: tensor<?x?xi32> {mblm.per_patch}, %targets: tensor<?x?xi32> {mblm.targets})
      -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %tables = mblm.load [@tables] : tensor<15x4xf32>
    %head = mblm.load [@head] : tensor<5x4xf32>
    %rows = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 2>, functions = 1, rows = 10} : tensor<?x?xi32> -> tensor<?x?xi32>
    %x = mblm.embed_bag %rows, %tables bag 2 : tensor<?x?xi32>, tensor<15x4xf32> -> tensor<?x?x4xf32>
    %spans = mblm.patch_bytes %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %owners = mblm.byte_patches %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %ahead = mblm.byte_patches %lengths, %ids {ahead} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %p = mblm.pool max %x over %spans of %owners : tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
    %y, %lse = mblm.ranged_attention %x, %p, %p in %ahead {heads = 2, kv_heads = 2, scale = 1.0 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
    %logits = mblm.linear %y, %head : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    %tokens, %z = mblm.cross_entropy %logits, %targets : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %l, %s, %c = mblm.mean_loss weighted %tokens, %mask, %targets : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %l, %s, %c : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

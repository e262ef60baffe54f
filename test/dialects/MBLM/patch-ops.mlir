// Every op on patches that the data decides, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rows
func.func @rows(%ids: tensor<?x?xi32>, %table: tensor<300x8xf32>) {
  // CHECK: mblm.lead %[[IDS:.*]] count 3 : tensor<?x?xi32> -> tensor<?x?xi32>
  %0 = mblm.lead %ids count 3 : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.ngram_rows %[[IDS]] vocab 260 : tensor<?x?xi32> -> tensor<?x?xi32>
  %1 = mblm.ngram_rows %ids vocab 260 : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: %[[ROWS:.*]] = mblm.ngram_rows %[[IDS]] vocab 260
  // CHECK-SAME: {functions = 2 : i64, list_keys = [array<i64: 5, 7>, array<i64>], list_lengths = array<i64: 2, 3>,
  // CHECK-SAME: list_places = [array<i64: 1, 0>, array<i64>], rows = 10 : i64, sizes = array<i64: 3, 4>} : tensor<?x?xi32> -> tensor<?x?xi32>
  %2 = mblm.ngram_rows %ids vocab 260 {sizes = array<i64: 3, 4>, functions = 2, rows = 10, list_lengths = array<i64: 2, 3>,
                                       list_keys = [array<i64: 5, 7>, array<i64>], list_places = [array<i64: 1, 0>, array<i64>]}
    : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: %[[SUM:.*]] = mblm.embed_bag %[[ROWS]], %{{.*}} bag 7 : tensor<?x?xi32>, tensor<300x8xf32> -> tensor<?x?x8xf32>
  %3 = mblm.embed_bag %2, %table bag 7 : tensor<?x?xi32>, tensor<300x8xf32> -> tensor<?x?x8xf32>
  // CHECK: mblm.embed_bag_grad %[[ROWS]], %[[SUM]] bag 7 : tensor<?x?xi32>, tensor<?x?x8xf32> -> tensor<300x8xf32>
  %4 = mblm.embed_bag_grad %2, %3 bag 7 : tensor<?x?xi32>, tensor<?x?x8xf32> -> tensor<300x8xf32>
  return
}

// CHECK-LABEL: func @ranges
func.func @ranges(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) {
  // CHECK: mblm.visible_bytes %[[IDS:.*]] : tensor<?x?xi32> -> tensor<?x?xi32>
  %0 = mblm.visible_bytes %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.visible_bytes %[[IDS]] window 512 : tensor<?x?xi32> -> tensor<?x?xi32>
  %1 = mblm.visible_bytes %ids window 512 : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.visible_bytes %[[IDS]] window 512 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>
  %2 = mblm.visible_bytes %ids window 512 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.visible_bytes %[[IDS]] {skip = 7 : i64} : tensor<?x?xi32> -> tensor<?x?xi32>
  %skipping = mblm.visible_bytes %ids {skip = 7} : tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.visible_patches %[[IDS]], %[[LENGTHS:.*]] : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %3 = mblm.visible_patches %ids, %lengths : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.visible_patches %[[IDS]], %[[LENGTHS]] end 2 {lead = 7 : i64} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %4 = mblm.visible_patches %ids, %lengths end 2 {lead = 7} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.patch_bytes %[[LENGTHS]], %[[IDS]] : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %5 = mblm.patch_bytes %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.patch_bytes %[[LENGTHS]], %[[IDS]] {lead = 7 : i64, rows = 2 : i64, window = 3 : i64} :
  %6 = mblm.patch_bytes %lengths, %ids {rows = 2, window = 3, lead = 7} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.byte_patches %[[LENGTHS]], %[[IDS]] : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %7 = mblm.byte_patches %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // CHECK: mblm.byte_patches %[[LENGTHS]], %[[IDS]] {ahead, rows = 2 : i64, window = 3 : i64} :
  %8 = mblm.byte_patches %lengths, %ids {rows = 2, window = 3, ahead} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  return
}

// CHECK-LABEL: func @along_ranges
func.func @along_ranges(%x: tensor<?x?x8xf32>, %spans: tensor<?x?xi32>, %owners: tensor<?x?xi32>, %k: tensor<?x?x4xf32>) {
  // CHECK: %[[MAX:.*]] = mblm.pool max %[[X:.*]] over %[[SPANS:.*]] : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %0 = mblm.pool max %x over %spans : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: mblm.pool min %[[X]] over %[[SPANS]] of %[[OWNERS:.*]] : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %1 = mblm.pool min %x over %spans of %owners : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: mblm.pool mean %[[X]] over
  %2 = mblm.pool mean %x over %spans : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: mblm.pool sum %[[X]] over
  %3 = mblm.pool sum %x over %spans : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: mblm.pool_grad max %[[MAX]], %[[X]], %[[MAX]] over %[[SPANS]] : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>
  %4 = mblm.pool_grad max %0, %x, %0 over %spans : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>
  // CHECK: mblm.spread %[[MAX]] by %[[OWNERS]] : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %5 = mblm.spread %0 by %owners : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: mblm.spread %[[MAX]] by %[[OWNERS]] of %[[SPANS]] {mean} : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %6 = mblm.spread %0 by %owners of %spans {mean} : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: %[[Y:.*]], %[[LSE:.*]] = mblm.ranged_attention %[[X]], %[[K:.*]], %[[K]] in %[[OWNERS]]
  // CHECK-SAME: {heads = 4 : i64, kv_heads = 2 : i64, scale = 5.000000e-01 : f64} :
  // CHECK-SAME: tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  %7, %lse = mblm.ranged_attention %x, %k, %k in %owners {heads = 4, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  // CHECK: mblm.ranged_attention_grad %[[X]], %[[X]], %[[K]], %[[K]], %[[Y]], %[[LSE]] in %[[OWNERS]] {heads = 4 : i64, kv_heads = 2 : i64,
  // CHECK-SAME: tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?x4xf32>
  %8:3 = mblm.ranged_attention_grad %x, %x, %k, %k, %7, %lse in %owners {heads = 4, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?x4xf32>
  // CHECK: mblm.ranged_attention %[[X]], %[[X]], %[[X]] in %[[OWNERS]] {heads = 4 : i64, kv_heads = 2 : i64, per_row = 2 : i64, scale =
  %9:2 = mblm.ranged_attention %x, %x, %x in %owners {heads = 4, kv_heads = 2, scale = 0.5 : f64, per_row = 2}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func @weighted
func.func @weighted(%l: tensor<?x?x8xf32>, %n: tensor<?x?xf32>, %mask: tensor<?x?xf32>, %ids: tensor<?x?xi32>) {
  // CHECK: mblm.entropy %{{.*}} : tensor<?x?x8xf32> -> tensor<?x?xf32>
  %0 = mblm.entropy %l : tensor<?x?x8xf32> -> tensor<?x?xf32>
  // CHECK: mblm.mean_loss weighted %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
  %1:3 = mblm.mean_loss weighted %n, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
  return
}

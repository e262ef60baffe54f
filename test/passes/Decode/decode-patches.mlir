// A model whose patches the data decides: bytes, the patches that they make, and bytes that read patches.
// RUN: mblm-opt %s --mblm-decode | FileCheck %s
// RUN: mblm-opt %s --mblm-decode --canonicalize --cse --mblm-print-shapes -o /dev/null
// RUN: mblm-opt %s --mblm-decode --verify-roundtrip -o /dev/null

module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @tables at 0 : tensor<19x4xf32>
  mblm.parameter @up at 80 : tensor<8x4xf32>
  mblm.parameter @head at 112 : tensor<5x4xf32>

  // What later steps read of earlier ones, position q in row q: the layer's output for the patches and for the way back, inputs and
  // outputs of the attention among patches, and values and keys among bytes. Two vectors of a patch stand side by side in its row.
  // There may be a patch more than bytes, and one byte stands before the first.
  //
  // CHECK:      mblm.state @[[MIXED:.*]] at [0, 0, 0, 0] : tensor<?x?x4xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @[[JOINED:.*]] at [0, 0, 16, 16] : tensor<?x?x8xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @[[VECTORS:.*]] at [0, 0, 32, 32] : tensor<?x?x8xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @[[VALUES:.*]] at [0, 0, 48, 48] : tensor<?x?x4xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @[[KEYS:.*]] at [0, 0, 64, 64] : tensor<?x?x4xf32> {more = 1 : i64}

  // CHECK-LABEL: func @forward
  // CHECK-NOT: state
  func.func @forward(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) -> tensor<?x?x5xf32> {
    %tables = mblm.load [@tables] : tensor<19x4xf32>
    %up = mblm.load [@up] : tensor<8x4xf32>
    %head = mblm.load [@head] : tensor<5x4xf32>
    %led = mblm.lead %ids count 1 : tensor<?x?xi32> -> tensor<?x?xi32>
    %rows = mblm.ngram_rows %led vocab 5 {sizes = array<i64: 3>, functions = 1, rows = 14} : tensor<?x?xi32> -> tensor<?x?xi32>
    %bytes = mblm.embed_bag %rows, %tables bag 2 : tensor<?x?xi32>, tensor<19x4xf32> -> tensor<?x?x4xf32>
    %turned = mblm.rope interleaved %bytes : tensor<?x?x4xf32>
    %window = mblm.visible_bytes %led window 6 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>
    %mixed, %lse0 = mblm.ranged_attention %turned, %turned, %bytes in %window {heads = 2, kv_heads = 2, scale = 1.0 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
    %spans = mblm.patch_bytes %lengths, %led {lead = 1} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %owners = mblm.byte_patches %lengths, %led {lead = 1} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %pooled = mblm.pool max %mixed over %spans of %owners : tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
    %wide = mblm.linear %pooled, %up : tensor<?x?x4xf32>, tensor<8x4xf32> -> tensor<?x?x8xf32>
    %two = mblm.regroup %wide : tensor<?x?x8xf32> -> tensor<?x?x4xf32>
    %each = mblm.patch_bytes %lengths, %led {rows = 2, lead = 1} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %read, %lse1 = mblm.ranged_attention %two, %mixed, %mixed in %each {heads = 1, kv_heads = 1, scale = 1.0 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
    %joined = mblm.regroup %read : tensor<?x?x4xf32> -> tensor<?x?x8xf32>
    %documents = mblm.visible_patches %led, %lengths end 2 {lead = 1} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %global, %lse2 = mblm.ranged_attention %joined, %joined, %joined in %documents {heads = 2, kv_heads = 2, scale = 1.0 : f64}
      : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
    %vectors = mblm.regroup %global : tensor<?x?x8xf32> -> tensor<?x?x4xf32>
    %own = mblm.slice %mixed {before = 1 : i64} : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
    %ahead = mblm.byte_patches %lengths, %ids {rows = 2, ahead} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %back, %lse3 = mblm.ranged_attention %own, %vectors, %vectors in %ahead {heads = 1, kv_heads = 1, scale = 1.0 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
    %sum = mblm.add %back, %own : tensor<?x?x4xf32>
    %logits = mblm.linear %sum, %head : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    return %logits : tensor<?x?x5xf32>
  }

  // A patch: its bytes are read where they stand, by ranges that the caller gives.
  //
  // CHECK-LABEL: func @step_0
  //  CHECK-SAME:   (%[[SPAN:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges = {ahead = 0 : i64, end = -1 : i64, kind = "patch_bytes", rows = 1 : i64, window = 1 : i64}},
  //  CHECK-SAME:    %[[EACH:[a-z0-9]+]]: tensor<?x4xi32> {mblm.ranges = {ahead = 0 : i64, end = -1 : i64, kind = "patch_bytes", rows = 2 : i64, window = 1 : i64}},
  //  CHECK-SAME:    %[[DOCUMENT:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges = {ahead = 0 : i64, end = 2 : i64, kind = "visible_patches", rows = 1 : i64, window = 0 : i64}})
  //  CHECK-SAME:   attributes {mblm.ranges} {
  //       CHECK:   %[[BYTES:.*]] = mblm.get_state @[[MIXED]]
  //  CHECK-NEXT:   mblm.pool max %[[BYTES]] over %[[SPAN]] : tensor<?x?x4xf32>, tensor<?x2xi32> -> tensor<?x1x4xf32>
  //       CHECK:   %[[TWO:.*]] = mblm.regroup %{{.*}} : tensor<?x1x8xf32> -> tensor<?x2x4xf32>
  //       CHECK:   %[[READ:.*]], %{{.*}} = mblm.ranged_attention %[[TWO]], %{{.*}}, %{{.*}} in %[[EACH]] {{.*}} : tensor<?x2x4xf32>, tensor<?x?x4xf32>, tensor<?x4xi32> -> tensor<?x2x1xf32>
  //       CHECK:   %[[ROW:.*]] = mblm.regroup %[[READ]] : tensor<?x2x4xf32> -> tensor<?x1x8xf32>
  //       CHECK:   mblm.write %{{.*}}, %[[ROW]] from 0 : tensor<?x?x8xf32>, tensor<?x1x8xf32>
  //       CHECK:   mblm.get_state @[[JOINED]]
  //       CHECK:   mblm.ranged_attention %[[ROW]], %{{.*}}, %{{.*}} in %[[DOCUMENT]] {heads = 2 : i64, kv_heads = 2 : i64, scale = 1.000000e+00 : f64} : tensor<?x1x8xf32>, tensor<?x?x8xf32>, tensor<?x2xi32>
  //       CHECK:   mblm.get_state @[[VECTORS]]
  //       CHECK:   mblm.write %{{.*}} from 0 : tensor<?x?x8xf32>, tensor<?x1x8xf32>
  //  CHECK-NEXT:   return

  // Many patches: ranges of each, and each one's vectors side by side in a row.
  //
  // CHECK-LABEL: func @prefill_0
  //  CHECK-SAME:   tensor<?x128xi32> {mblm.ranges = {{.*}}}, %{{[a-z0-9]+}}: tensor<?x256xi32> {mblm.ranges = {{.*}}}, %{{[a-z0-9]+}}: tensor<?x128xi32>
  //       CHECK:   mblm.pool max %{{.*}} : tensor<?x?x4xf32>, tensor<?x128xi32> -> tensor<?x64x4xf32>
  //       CHECK:   mblm.write %{{.*}} from 0 : tensor<?x?x8xf32>, tensor<?x64x8xf32>
  //       CHECK:   return{{$}}

  // A byte: as many ids as its n-grams reach back, of whose bags only the last one is asked for.
  //
  // CHECK-LABEL: func @step_1
  //  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x3xi32>, %[[WINDOW:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges = {ahead = 0 : i64, end = 2 : i64, kind = "visible_bytes", rows = 1 : i64, window = 6 : i64}})
  //       CHECK:   mblm.ngram_rows %[[IDS]] vocab 5 {{.*}} : tensor<?x3xi32> -> tensor<?x6xi32>
  //       CHECK:   %[[BAGS:.*]] = mblm.embed_bag %{{.*}}, %{{.*}} bag 2 : tensor<?x6xi32>, tensor<19x4xf32> -> tensor<?x3x4xf32>
  //  CHECK-NEXT:   %[[X:.*]] = mblm.slice %[[BAGS]] {before = 2 : i64} : tensor<?x3x4xf32> -> tensor<?x1x4xf32>
  //  CHECK-NEXT:   %[[V:.*]] = mblm.get_state @[[VALUES]]
  //  CHECK-NEXT:   mblm.write %[[V]], %[[X]] from 0
  //  CHECK-NEXT:   %[[TURNED:.*]] = mblm.rope interleaved %[[X]] from 0
  //  CHECK-NEXT:   %[[K:.*]] = mblm.get_state @[[KEYS]]
  //  CHECK-NEXT:   mblm.write %[[K]], %[[TURNED]] from 0
  //       CHECK:   %[[Y:.*]], %{{.*}} = mblm.ranged_attention %[[TURNED]], %{{.*}}, %{{.*}} in %[[WINDOW]]
  //       CHECK:   mblm.write %{{.*}}, %[[Y]] from 0
  //  CHECK-NEXT:   return

  // CHECK-LABEL: func @prefill_1
  //  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x66xi32>, %{{[a-z0-9]+}}: tensor<?x128xi32>
  //       CHECK:   mblm.slice %{{.*}} {before = 2 : i64} : tensor<?x66x4xf32> -> tensor<?x64x4xf32>

  // The byte's way back, where the next one is foretold: its row stands behind the one before the first byte, and the vectors of a patch
  // are two of a row.
  //
  // CHECK-LABEL: func @step_2
  //  CHECK-SAME:   (%[[AHEAD:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges = {ahead = 1 : i64, end = -1 : i64, kind = "byte_patches", rows = 2 : i64, window = 1 : i64}}) -> tensor<?x1x5xf32>
  //       CHECK:   %[[BYTE:.*]] = mblm.get_state @[[MIXED]]
  //  CHECK-NEXT:   %[[OWN:.*]] = mblm.read %[[BYTE]] from 1 : tensor<?x?x4xf32> -> tensor<?x1x4xf32>
  //       CHECK:   mblm.get_state @[[VECTORS]]
  //       CHECK:   %[[BACK:.*]], %{{.*}} = mblm.ranged_attention %[[OWN]], %{{.*}}, %{{.*}} in %[[AHEAD]] {heads = 1 : i64, kv_heads = 1 : i64, per_row = 2 : i64,
  //  CHECK-SAME:     tensor<?x1x4xf32>, tensor<?x?x8xf32>, tensor<?x2xi32> -> tensor<?x1x1xf32>
  //  CHECK-NEXT:   mblm.add %[[BACK]], %[[OWN]]
  //  CHECK-NEXT:   %[[LOGITS:.*]] = mblm.linear
  //  CHECK-NEXT:   return %[[LOGITS]]

  // CHECK-LABEL: func @prefill_2
  //       CHECK:   mblm.read %{{.*}} from 1 : tensor<?x?x4xf32> -> tensor<?x64x4xf32>
  //       CHECK:   return %{{.*}} : tensor<?x64x5xf32>
}

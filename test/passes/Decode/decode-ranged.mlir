// One stage whose attention goes by ranges: one step, for a byte and the range that it sees, and its prefill.
// RUN: mblm-opt %s --mblm-decode | FileCheck %s
// RUN: mblm-opt %s --mblm-decode --canonicalize --cse --mblm-print-shapes -o /dev/null
// RUN: mblm-opt %s --mblm-decode --verify-roundtrip -o /dev/null

module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<5x4xf32>
  mblm.parameter @key at 32 : tensor<2x4xf32>

  // CHECK:     mblm.state @[[KEYS:.*]] at [0, 0, 0, 0] : tensor<?x?x2xf32>{{$}}
  // CHECK-NOT: mblm.state
  // CHECK-LABEL: func @forward
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x5xf32> {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %key = mblm.load [@key] : tensor<2x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %k = mblm.linear %x, %key : tensor<?x?x4xf32>, tensor<2x4xf32> -> tensor<?x?x2xf32>
    %seen = mblm.visible_bytes %ids window 512 : tensor<?x?xi32> -> tensor<?x?xi32>
    %y, %lse = mblm.ranged_attention %x, %k, %k in %seen {heads = 2, kv_heads = 1, scale = 1.0 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
    %sum = mblm.add %y, %x : tensor<?x?x4xf32>
    %logits = mblm.linear %sum, %table : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    return %logits : tensor<?x?x5xf32>
  }

  // CHECK-NOT:   func @begin
  // CHECK-LABEL: func @step_0
  //  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x1xi32>, %[[SEEN:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges = {ahead = 0 : i64, end = -1 : i64, kind = "visible_bytes", rows = 1 : i64, window = 512 : i64}})
  //  CHECK-SAME:   -> tensor<?x1x5xf32> attributes {mblm.ranges} {
  //       CHECK:   %[[X:.*]] = mblm.embed %[[IDS]], %{{.*}} : tensor<?x1xi32>, tensor<5x4xf32> -> tensor<?x1x4xf32>
  //  CHECK-NEXT:   %[[K:.*]] = mblm.linear %[[X]], %{{.*}} -> tensor<?x1x2xf32>
  //  CHECK-NEXT:   %[[STATE:.*]] = mblm.get_state @[[KEYS]]
  //  CHECK-NEXT:   mblm.write %[[STATE]], %[[K]] from 0
  //       CHECK:   %[[Y:.*]], %{{.*}} = mblm.ranged_attention %[[X]], %{{.*}}, %{{.*}} in %[[SEEN]] {heads = 2 : i64, kv_heads = 1 : i64, scale = 1.000000e+00 : f64} :
  //  CHECK-SAME:     tensor<?x1x4xf32>, tensor<?x?x2xf32>, tensor<?x2xi32> -> tensor<?x1x2xf32>
  //  CHECK-NEXT:   mblm.add %[[Y]], %[[X]]
  //  CHECK-NEXT:   %[[LOGITS:.*]] = mblm.linear
  //  CHECK-NEXT:   return %[[LOGITS]]

  // The keys of all rows stand in the state before any is read.
  //
  // CHECK-LABEL: func @prefill_0
  //  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x64xi32>, %[[SEEN:[a-z0-9]+]]: tensor<?x128xi32> {mblm.ranges = {{.*}}}) -> tensor<?x64x5xf32>
  //       CHECK:   mblm.write %{{.*}}, %{{.*}} from 0 : tensor<?x?x2xf32>, tensor<?x64x2xf32>
  //       CHECK:   mblm.ranged_attention %{{.*}}, %{{.*}}, %{{.*}} in %[[SEEN]]
  //       CHECK:   return %{{.*}} : tensor<?x64x5xf32>

  // CHECK-LABEL: func @short_prefill_0
  //  CHECK-SAME:   (%{{[a-z0-9]+}}: tensor<?x8xi32>, %{{[a-z0-9]+}}: tensor<?x16xi32> {mblm.ranges = {{.*}}}) -> tensor<?x8x5xf32>
  //   CHECK-NOT:   func
}

// Two stages: patches of two bytes above, bytes below.
// RUN: mblm-opt %s --mblm-decode | FileCheck %s
// RUN: mblm-opt %s --mblm-decode --canonicalize --cse --mblm-print-shapes -o /dev/null
// RUN: mblm-opt %s --mblm-decode="prefill-rows=0" | FileCheck %s --check-prefix=BARE
// RUN: mblm-opt %s --mblm-decode --verify-roundtrip -o /dev/null

module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @outer at 0 : tensor<5x4xf32>
  mblm.parameter @start0 at 32 : tensor<8xf32>
  mblm.parameter @next at 48 : tensor<8x8xf32>
  mblm.parameter @inner at 112 : tensor<5x4xf32>
  mblm.parameter @start1 at 144 : tensor<4xf32>
  mblm.parameter @table at 160 : tensor<2x4xf32>
  mblm.parameter @head at 176 : tensor<5x4xf32>

  // What must outlive a call: keys and values of all positions above (one more than there are slots), the last input of the
  // shift, the slots of the open patch, keys and values of its three positions.
  //
  // CHECK:      mblm.state @{{.*}} at [0, 0, 0, 0] : tensor<?x?x8xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @{{.*}} at [0, 0, 16, 16] : tensor<?x?x8xf32> {more = 1 : i64}
  // CHECK-NEXT: mblm.state @{{.*}} at [0, 0, 32, 32] : tensor<?x2x4xf32>
  // CHECK-NEXT: mblm.state @{{.*}} at [0, 0, 48, 32] : tensor<?x1x4xf32>

  // CHECK-LABEL: func @forward
  // CHECK-NOT: state
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x5xf32> {
    %outer = mblm.load [@outer] : tensor<5x4xf32>
    %start0 = mblm.load [@start0] : tensor<8xf32>
    %next = mblm.load [@next] : tensor<8x8xf32>
    %inner = mblm.load [@inner] : tensor<5x4xf32>
    %start1 = mblm.load [@start1] : tensor<4xf32>
    %table = mblm.load [@table] : tensor<2x4xf32>
    %head = mblm.load [@head] : tensor<5x4xf32>
    %0 = mblm.embed %ids, %outer {bytes = 2 : i64} : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x8xf32>
    %1 = mblm.start_token %0, %start0 : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
    %2 = mblm.rope half_split %1 : tensor<?x?x8xf32>
    %3, %lse = mblm.attention %2, %2, %1 mask(causal) {heads = 1, scale = 1.0 : f64} : tensor<?x?x8xf32>, tensor<?x?x1xf32>
    %4 = mblm.slice %3 {after = 1 : i64} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    %5 = mblm.linear %4, %next : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
    %6 = mblm.regroup %5 : tensor<?x?x8xf32> -> tensor<?x2x4xf32>
    %7 = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x2xi32>
    %8 = mblm.embed %7, %inner : tensor<?x2xi32>, tensor<5x4xf32> -> tensor<?x2x4xf32>
    %9 = mblm.position %8, %table : tensor<?x2x4xf32>, tensor<2x4xf32> -> tensor<?x2x4xf32>
    %10 = mblm.add %9, %6 : tensor<?x2x4xf32>
    %11 = mblm.start_token %10, %start1 : tensor<?x2x4xf32>, tensor<4xf32> -> tensor<?x3x4xf32>
    %12 = mblm.token_shift %11 : tensor<?x3x4xf32>
    %13 = mblm.activation gelu %12 : tensor<?x3x4xf32>
    %14 = mblm.slice %13 {before = 1 : i64} : tensor<?x3x4xf32> -> tensor<?x2x4xf32>
    %15 = mblm.regroup %14 : tensor<?x2x4xf32> -> tensor<?x?x4xf32>
    %16 = mblm.linear %15, %head : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    return %16 : tensor<?x?x5xf32>
  }

  // The start vector alone, at position 0; its output is the context of the first patch.
  //
  // CHECK-LABEL: func @begin_0()
  //       CHECK:   %[[START:.*]] = mblm.load [@start0]
  //       CHECK:   %[[X:.*]] = mblm.start %[[START]] : tensor<8xf32> -> tensor<?x1x8xf32>
  //  CHECK-NEXT:   %[[ROTATED:.*]] = mblm.rope half_split %[[X]] from 0 : tensor<?x1x8xf32>
  //  CHECK-NEXT:   %[[K:.*]] = mblm.get_state @[[KEY:.*]] : tensor<?x?x8xf32>
  //  CHECK-NEXT:   %[[V:.*]] = mblm.get_state @[[VALUE:.*]] : tensor<?x?x8xf32>
  //  CHECK-NEXT:   mblm.write %[[K]], %[[ROTATED]] from 0
  //  CHECK-NEXT:   mblm.write %[[V]], %[[X]] from 0
  //  CHECK-NEXT:   %[[Y:.*]] = mblm.cached_attention %[[ROTATED]], %[[K]], %[[V]] mask(causal) {heads = 1 : i64, scale = 1.000000e+00 : f64}
  //  CHECK-NEXT:   %[[P:.*]] = mblm.linear %[[Y]], %{{.*}} : tensor<?x1x8xf32>, tensor<8x8xf32> -> tensor<?x1x8xf32>
  //  CHECK-NEXT:   %[[OPENED:.*]] = mblm.regroup %[[P]] : tensor<?x1x8xf32> -> tensor<?x2x4xf32>
  //  CHECK-NEXT:   %[[SLOTS:.*]] = mblm.get_state @[[CONTEXT:.*]] : tensor<?x2x4xf32>
  //  CHECK-NEXT:   mblm.write %[[SLOTS]], %[[OPENED]] : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  //  CHECK-NEXT:   return

  // The same for a slot of two bytes.
  //
  // CHECK-LABEL: func @step_0
  //  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x2xi32>)
  //       CHECK:   mblm.embed %[[IDS]], %{{.*}} {bytes = 2 : i64} : tensor<?x2xi32>, tensor<5x4xf32> -> tensor<?x1x8xf32>
  //   CHECK-NOT:   mblm.start
  //       CHECK:   mblm.write %{{.*}} from 0
  //       CHECK:   mblm.write %{{.*}} : tensor<?x2x4xf32>, tensor<?x2x4xf32>

  // 64 slots at once: what nothing remembers is not computed.
  //
  // CHECK-LABEL: func @prefill_0
  //  CHECK-SAME:   (%{{.*}}: tensor<?x128xi32>)
  //       CHECK:   mblm.write %{{.*}} from 0 : tensor<?x?x8xf32>, tensor<?x64x8xf32>
  //       CHECK:   mblm.write %{{.*}} from 0 : tensor<?x?x8xf32>, tensor<?x64x8xf32>
  //   CHECK-NOT:   mblm.cached_attention
  //       CHECK:   return

  // An eighth of it.
  // CHECK-LABEL: func @short_prefill_0
  //  CHECK-SAME:   (%{{.*}}: tensor<?x16xi32>)
  //       CHECK:   mblm.write %{{.*}} from 0 : tensor<?x?x8xf32>, tensor<?x8x8xf32>
  // BARE-NOT: func @prefill_0

  // CHECK-LABEL: func @begin_1()
  //       CHECK:   mblm.start
  //   CHECK-NOT:   mblm.linear

  // Slot s is position s + 1, so its row of the table and of the context is the one before the call's position. What the shift
  // will need is written last.
  //
  // CHECK-LABEL: func @step_1
  //  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x1xi32>) -> tensor<?x1x5xf32>
  //       CHECK:   %[[SLOTS:.*]] = mblm.get_state @[[CONTEXT]] : tensor<?x2x4xf32>
  //  CHECK-NEXT:   %[[FROM:.*]] = mblm.read %[[SLOTS]] from -1 : tensor<?x2x4xf32> -> tensor<?x1x4xf32>
  //       CHECK:   %[[E:.*]] = mblm.embed %[[IDS]]
  //  CHECK-NEXT:   %[[AT:.*]] = mblm.position %[[E]], %{{.*}} from -1 : tensor<?x1x4xf32>, tensor<2x4xf32> -> tensor<?x1x4xf32>
  //  CHECK-NEXT:   %[[SUM:.*]] = mblm.add %[[AT]], %[[FROM]]
  //  CHECK-NEXT:   %[[TAIL:.*]] = mblm.get_state @{{.*}} : tensor<?x1x4xf32>
  //  CHECK-NEXT:   %[[MORE:.*]] = mblm.recall %[[TAIL]], %[[SUM]] : tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x2x4xf32>
  //  CHECK-NEXT:   %[[SHIFTED:.*]] = mblm.token_shift %[[MORE]]
  //  CHECK-NEXT:   %[[NEW:.*]] = mblm.slice %[[SHIFTED]] {before = 1 : i64}
  //  CHECK-NEXT:   mblm.activation gelu %[[NEW]]
  //  CHECK-NEXT:   %[[LOGITS:.*]] = mblm.linear
  //  CHECK-NEXT:   mblm.write %[[TAIL]], %[[SUM]] from 0
  //  CHECK-NEXT:   return %[[LOGITS]]
}

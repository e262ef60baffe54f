// Scans survive printing, parsing and bytecode; their gradient is the scalar code's, differentiated.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s
// RUN: mblm-opt %s --mblm-convert-to-kernel | FileCheck %s --check-prefix=KERNEL

// CHECK-LABEL: func @scan
//       CHECK:   %[[Y:.*]]:2 = mblm.scan(%[[A:.*]], %[[B:.*]]) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
//  CHECK-NEXT:   ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
//       CHECK:     mblm.yield %{{.*}}, %{{.*}} : f32, f32
//       CHECK:   mblm.scan_grad(%[[A]]) states(%[[B]]) inputs(%[[Y]]#1)
//
// KERNEL-LABEL: func @scan
//       KERNEL:   %[[Y:.*]]:2 = kernel.prefix <B x M>(%[[A:.*]], %[[B:.*]]) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
//       KERNEL:     kernel.yield %{{.*}}, %{{.*}} : f32, f32
//       KERNEL:   kernel.prefix_grad <B x M>(%[[A]]) states(%[[B]]) inputs(%[[Y]]#1)
module attributes {mblm.inner = 1 : i64} {
  func.func @scan(%a: tensor<?x?x8xf32>, %b: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
    %y:2 = mblm.scan(%a, %b) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
    ^bb0(%a_left: f32, %b_left: f32, %a_right: f32, %b_right: f32):
      %decay = arith.mulf %a_left, %a_right : f32
      %kept = arith.mulf %a_right, %b_left : f32
      %state = arith.addf %kept, %b_right : f32
      mblm.yield %decay, %state : f32, f32
    }
    %d = mblm.scan_grad(%a) states(%b) inputs(%y#1)
        : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
    ^bb0(%left: f32, %right: f32, %grad: f32):
      mblm.yield %grad, %grad : f32, f32
    }
    return %y#1, %d : tensor<?x?x8xf32>, tensor<?x?x8xf32>
  }
}

// With @train_loss, gradients are those of the loss with dropout. The key goes along; what was dropped forward is dropped
// backward at the same site.
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse | FileCheck %s
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse --mblm-to-kernel | FileCheck %s --check-prefix=KERNEL

// CHECK-NOT: func @train_loss

// CHECK-LABEL: func @loss
//   CHECK-NOT:   dropout

// CHECK-LABEL: func @gradients(
//  CHECK-SAME:   %{{.*}}: tensor<?x?xi32>, %{{.*}}: tensor<?x?xf32>, %[[KEY:.*]]: tensor<4xi32>, %{{.*}}: tensor<f32>)
//       CHECK:   mblm.attention {{.*}} mask(causal) dropout %[[KEY]] {{{.*}}site = 0 : i64}
//       CHECK:   mblm.activation gelu
//       CHECK:   mblm.dropout %{{.*}} key %[[KEY]] {rate = 2.000000e-01 : f64, site = 1 : i64}
//       CHECK:   mblm.mean_loss_grad
//       CHECK:   %[[AGAIN:.*]] = mblm.dropout %{{.*}} key %[[KEY]] {mblm.recompute, rate = 2.000000e-01 : f64, site = 1 : i64}
//       CHECK:   mblm.weight_grad %{{.*}}, %[[AGAIN]]
//       CHECK:   %[[BACK:.*]] = mblm.dropout %{{.*}} key %[[KEY]] {rate = 2.000000e-01 : f64, site = 1 : i64}
//       CHECK:   mblm.activation_grad gelu %[[BACK]],
//       CHECK:   mblm.attention_grad {{.*}} mask(causal) dropout %[[KEY]] {{{.*}}site = 0 : i64}

// CHECK-LABEL: func @train_step(
//  CHECK-SAME:   %{{.*}}: tensor<?x?xi32>, %{{.*}}: tensor<?x?xf32>, %{{.*}}: tensor<4xi32>, %{{.*}}: tensor<f32>, %{{.*}}: tensor<8xf32>, %{{.*}}: tensor<4xf32>)

// One key a site; the factors stand beside the activation in the gemm's epilogue, and beside its slope in that of the
// gradient.
// KERNEL-LABEL: func @gradients(
//       KERNEL:   %[[ATTENTION:.*]] = kernel.dropout_key %{{.*}} rate 1.000000e-01 site 0
//       KERNEL:   kernel.attention {{.*}} dropout %[[ATTENTION]]
//       KERNEL:   %[[FF:.*]] = kernel.dropout_key %{{.*}} rate 2.000000e-01 site 1
//   KERNEL-NOT:   kernel.dropout_key
//       KERNEL:   kernel.gemm {{.*}} epilogue(%[[FF]])
//       KERNEL:     math.erf
//       KERNEL:     kernel.keep
//       KERNEL:   kernel.attention_grad {{.*}} dropout %[[ATTENTION]]
module {
  mblm.parameter @table at 0 : tensor<5x4xf32>
  mblm.parameter @ff1 at 32 : tensor<8x4xf32>
  mblm.parameter @ff2 at 64 : tensor<4x8xf32>
  mblm.parameter @head at 96 : tensor<5x4xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %head = mblm.load [@head] : tensor<5x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %logits = mblm.linear %x, %head : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss targets %tokens, %mask, %ids
      : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
  func.func @train_loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>, %key: tensor<4xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %ff1 = mblm.load [@ff1] : tensor<8x4xf32>
    %ff2 = mblm.load [@ff2] : tensor<4x8xf32>
    %head = mblm.load [@head] : tensor<5x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %y, %lse1 = mblm.attention %x, %x, %x mask(causal) dropout %key
      {heads = 2 : i64, scale = 0.5 : f64, rate = 0.1 : f64, site = 0 : i64} : tensor<?x?x4xf32>, tensor<?x?x2xf32>
    %h = mblm.linear %y, %ff1 : tensor<?x?x4xf32>, tensor<8x4xf32> -> tensor<?x?x8xf32>
    %a = mblm.activation gelu %h : tensor<?x?x8xf32>
    %d = mblm.dropout %a key %key {rate = 0.2 : f64, site = 1 : i64} : tensor<?x?x8xf32>
    %z = mblm.linear %d, %ff2 : tensor<?x?x8xf32>, tensor<4x8xf32> -> tensor<?x?x4xf32>
    %logits = mblm.linear %z, %head : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss targets %tokens, %mask, %ids
      : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

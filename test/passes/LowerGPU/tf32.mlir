// RUN: mblm-opt %s --mblm-to-kernel | mblm-ptx - --precision tf32 --emit ptx | FileCheck %s
// RUN: mblm-opt %s --mblm-to-kernel | mblm-ptx - --precision tf32 --arch sm_90a --emit ptx | FileCheck %s

// Products in tf32: numbers come as matrices of 16-byte lines, or one by one where the depth is outside, and are rounded.
// CHECK-LABEL: .visible .entry gemm(
//       CHECK:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
//       CHECK:   cvt.rna.tf32.f32
//       CHECK:   mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// CHECK-LABEL: .visible .entry weight_gemm(
//   CHECK-NOT:   ldmatrix
//       CHECK:   cvt.rna.tf32.f32
//       CHECK:   mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// CHECK-LABEL: .visible .entry attention(
//       CHECK:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
//       CHECK:   cvt.rna.tf32.f32
//       CHECK:   mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
module {
  mblm.parameter @w at 0 : tensor<96x96xf32>
  func.func @gradients(%x: tensor<?x?x96xf32>) -> tensor<?x?x96xf32> {
    %w = mblm.load [@w] : tensor<96x96xf32>
    %y = mblm.linear %x, %w : tensor<?x?x96xf32>, tensor<96x96xf32> -> tensor<?x?x96xf32>
    %g = mblm.weight_grad %y, %x : tensor<?x?x96xf32>, tensor<?x?x96xf32> -> tensor<96x96xf32>
    mblm.gradient [@w], %g : tensor<96x96xf32>
    return %y : tensor<?x?x96xf32>
  }
  func.func @forward(%x: tensor<?x?x96xf32>) -> tensor<?x?x96xf32> {
    %y:2 = mblm.attention %x, %x, %x mask(causal) {heads = 6, scale = 0.25 : f64} : tensor<?x?x96xf32>, tensor<?x?x6xf32>
    return %y#0 : tensor<?x?x96xf32>
  }
}

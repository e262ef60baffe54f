// Weights of linear maps in int8, in steps alone, and not where something else reads them too.
// RUN: mblm-opt %s --mblm-decode | FileCheck %s --check-prefix=STEPS
// RUN: mblm-opt %s --mblm-decode --mblm-to-kernel | FileCheck %s
// RUN: not mblm-opt %s --mblm-decode --mblm-to-kernel --mblm-schedule-gpu --kernel-lower-gpu -o /dev/null 2>&1 | FileCheck %s --check-prefix=GPU

// The mark goes from the module to the functions that are derived.
//
// STEPS: func.func @forward(%{{.*}}: tensor<?x?xi32>) -> tensor<?x?x5xf32> {
// STEPS: func.func @step_0(%{{.*}}: tensor<?x1xi32>) -> tensor<?x1x5xf32> attributes {mblm.step_weights = "int8"} {
// STEPS: func.func @prefill_0(%{{.*}}: tensor<?x64xi32>) attributes {mblm.step_weights = "int8"} {

// GPU: 'kernel.quantize' op has no CUDA kernel

// CHECK-LABEL: func @forward
//   CHECK-NOT:   kernel.quantize
//
// The head is the table that embeds bytes.
//
// CHECK-LABEL: func @step_0
//       CHECK:   %[[TABLE:.*]] = kernel.weight [@table] at 0 : tensor<5x4xf32>
//       CHECK:   %[[WEIGHT:.*]] = kernel.weight [@q, @k] at 32 : tensor<6x4xf32>
//       CHECK:   %[[BIAS:.*]] = kernel.weight [@bias] at 64 : tensor<6xf32>
//       CHECK:   %[[NUMBERS:.*]], %[[SCALES:.*]] = kernel.quantize %[[WEIGHT]] : tensor<6x4xf32> -> tensor<6x4xi8>, tensor<6xf32>
//       CHECK:   kernel.gemm <B x 1> depth 4 in 1 x 4 columns 6 in 1 x 6(%{{.*}}) packed %[[NUMBERS]] epilogue(%[[SCALES]], %[[BIAS]])
//       CHECK:   ^bb0(%[[P:.*]]: tensor<?x1x6xf32>, %[[FACTORS:.*]]: tensor<6xf32>, %[[MORE:.*]]: tensor<6xf32>,
//       CHECK:     %[[PRODUCT:.*]] = kernel.load %[[P]]
//       CHECK:     %[[SCALE:.*]] = kernel.load %[[FACTORS]]
//       CHECK:     %[[SCALED:.*]] = arith.mulf %[[PRODUCT]], %[[SCALE]] : f32
//       CHECK:     %[[ADDED:.*]] = kernel.load %[[MORE]]
//       CHECK:     arith.addf %[[SCALED]], %[[ADDED]] : f32
//       CHECK:   kernel.quantize
//       CHECK:   kernel.gemm <B x 1> {{.*}} packed %[[TABLE]]
//   CHECK-NOT:   kernel.quantize
//
// CHECK-LABEL: func @prefill_0
//       CHECK:   kernel.quantize
//       CHECK:   kernel.gemm <B x 64> depth 4 in 1 x 4 columns 6 in 1 x 6(
module attributes {mblm.inner = 1 : i64, mblm.step_weights = "int8"} {
  mblm.parameter @table at 0 : tensor<5x4xf32>
  mblm.parameter @q at 32 : tensor<3x4xf32>
  mblm.parameter @k at 44 : tensor<3x4xf32>
  mblm.parameter @bias at 64 : tensor<6xf32>
  mblm.parameter @down at 80 : tensor<4x6xf32>
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x5xf32> {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %w = mblm.load [@q, @k] : tensor<6x4xf32>
    %b = mblm.load [@bias] : tensor<6xf32>
    %down = mblm.load [@down] : tensor<4x6xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %y = mblm.linear %x, %w, %b : tensor<?x?x4xf32>, tensor<6x4xf32>, tensor<6xf32> -> tensor<?x?x6xf32>
    %a, %lse = mblm.attention %y, %y, %y mask(causal) {heads = 1, scale = 1.0 : f64} : tensor<?x?x6xf32>, tensor<?x?x1xf32>
    %z = mblm.linear %a, %down : tensor<?x?x6xf32>, tensor<4x6xf32> -> tensor<?x?x4xf32>
    %logits = mblm.linear %z, %table : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    return %logits : tensor<?x?x5xf32>
  }
}

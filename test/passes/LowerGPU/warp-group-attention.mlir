// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu="arch=sm_90a precision=bf16" --kernel-lower-gpu="arch=sm_90a precision=bf16" | FileCheck %s
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu="arch=sm_90a precision=bf16" --kernel-lower-gpu="arch=sm_90a precision=bf16" --gpu-to-nvvm -o /dev/null
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu=precision=bf16 --kernel-lower-gpu="arch=sm_80 precision=bf16" | FileCheck %s --check-prefix=WARPS

// Which forward attention goes to warpgroups: long sequences of heads of whole products. Others stay on mma.sync, as all do on sm_80.
// WARPS-NOT: wgmma
module attributes {mblm.inner = 64 : i64} {
  mblm.parameter @wide at 0 : tensor<256x128xf32>
  mblm.parameter @odd at 32768 : tensor<256x24xf32>

  // CHECK-LABEL: gpu.func @attention(
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK-COUNT-8: nvvm.wgmma.mma_async {{.*}}n = 128
  // CHECK-COUNT-8: wgmma.mma_async.sync.aligned.m64n128k16
  // CHECK: nvvm.setmaxregister decrease 24
  // CHECK-COUNT-6: nvvm.cp.async.bulk.tensor
  func.func @long(%ids: tensor<?x?xi32>) -> tensor<?x?x128xf32> {
    %table = mblm.load [@wide] : tensor<256x128xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<256x128xf32> -> tensor<?x?x128xf32>
    %y, %lse = mblm.attention %x, %x, %x mask(causal) {heads = 1 : i64, scale = 1.0e-1 : f64} : tensor<?x?x128xf32>, tensor<?x?x1xf32>
    return %y : tensor<?x?x128xf32>
  }
  // CHECK-LABEL: gpu.func @attention_v2(
  // CHECK-NOT: wgmma
  func.func @few_positions(%ids: tensor<?x?xi32>) -> tensor<?x64x128xf32> {
    %table = mblm.load [@wide] : tensor<256x128xf32>
    %flat = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<256x128xf32> -> tensor<?x?x128xf32>
    %x = mblm.regroup %flat : tensor<?x?x128xf32> -> tensor<?x64x128xf32>
    %y, %lse = mblm.attention %x, %x, %x mask(full) {heads = 1 : i64, scale = 1.0e-1 : f64} : tensor<?x64x128xf32>, tensor<?x64x1xf32>
    return %y : tensor<?x64x128xf32>
  }
  func.func @other_width(%ids: tensor<?x?xi32>) -> tensor<?x?x24xf32> {
    %table = mblm.load [@odd] : tensor<256x24xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<256x24xf32> -> tensor<?x?x24xf32>
    %y, %lse = mblm.attention %x, %x, %x mask(causal) {heads = 1 : i64, scale = 1.0e-1 : f64} : tensor<?x?x24xf32>, tensor<?x?x1xf32>
    return %y : tensor<?x?x24xf32>
  }
  func.func @negative_scale(%ids: tensor<?x?xi32>) -> tensor<?x?x128xf32> {
    %table = mblm.load [@wide] : tensor<256x128xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<256x128xf32> -> tensor<?x?x128xf32>
    %y, %lse = mblm.attention %x, %x, %x mask(causal) {heads = 1 : i64, scale = -1.0e-1 : f64} : tensor<?x?x128xf32>, tensor<?x?x1xf32>
    return %y : tensor<?x?x128xf32>
  }
}

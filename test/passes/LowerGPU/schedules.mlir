// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu | FileCheck %s --check-prefixes=ALL,F32
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu=precision=tf32 | FileCheck %s --check-prefixes=ALL,TF32
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage --mblm-schedule-gpu=precision=bf16 | FileCheck %s --check-prefixes=ALL,BF16
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage --mblm-schedule-gpu="arch=sm_90a precision=bf16" | FileCheck %s --check-prefixes=ALL,HOPPER
// RUN: mblm-opt %S/../../dialects/Kernel/examples/cross_entropy_grad.mlir --mblm-schedule-gpu | FileCheck %s --check-prefix=LOSS

// The schedules that the cost model chooses.
module {
  mblm.parameter @w at 0 : tensor<512x512xf32>
  mblm.parameter @g at 262144 : tensor<512xf32>

  // Tensor cores want taller tiles.
  // ALL-LABEL: @plain
  // F32: kernel.schedule = #kernel.schedule<rows = 48, columns = 128>
  // TF32: kernel.schedule = #kernel.schedule<rows = 96, columns = 128>
  // BF16: kernel.schedule = #kernel.schedule<rows = 96, columns = 128>
  // HOPPER: kernel.schedule = #kernel.schedule<rows = 96, columns = 128>
  func.func @plain(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %y = mblm.linear %x, %w : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }

  // Rows behind a norm are made on chip, where as many as fit stand.
  // ALL-LABEL: @norm
  // F32: kernel.schedule = #kernel.schedule<rows = 48, columns = 128, on_chip = true>
  // TF32: kernel.schedule = #kernel.schedule<rows = 48, columns = 128, on_chip = true>
  // BF16: kernel.schedule = #kernel.schedule<rows = 96, columns = 128, on_chip = true>
  // HOPPER: kernel.schedule = #kernel.schedule<rows = 96, columns = 128, on_chip = true>
  func.func @norm(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %g = mblm.load [@g] : tensor<512xf32>
    %n = mblm.norm rms %x, %g {eps = 1.0e-2 : f64} : tensor<?x?x512xf32>, tensor<512xf32> -> tensor<?x?x512xf32>
    %y = mblm.linear %n, %w : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }

  // The parts do not depend on the device.
  // ALL-LABEL: @weight
  // F32: kernel.schedule = #kernel.schedule<rows = 64, columns = 128, parts = 8>
  // TF32: kernel.schedule = #kernel.schedule<rows = 64, columns = 128, parts = 8>
  // BF16: kernel.schedule = #kernel.schedule<rows = 64, columns = 128, parts = 8>
  // HOPPER: kernel.schedule = #kernel.schedule<rows = 128, columns = 128, parts = 8>
  func.func @weight(%ids: tensor<?x?xi32>) {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %x = mblm.embed %ids, %w : tensor<?x?xi32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    %d = mblm.weight_grad %x, %x : tensor<?x?x512xf32>, tensor<?x?x512xf32> -> tensor<512x512xf32>
    mblm.gradient [@w], %d : tensor<512x512xf32>
    return
  }

  // ALL-LABEL: @attention
  // F32: kernel.schedule = #kernel.schedule<rows = 64, columns = 64>
  // TF32: kernel.schedule = #kernel.schedule<rows = 128, columns = 64>
  // BF16: kernel.schedule = #kernel.schedule<rows = 128, columns = 64>
  // HOPPER: kernel.schedule = #kernel.schedule<rows = 128, columns = 128>
  // F32: kernel.schedule = #kernel.schedule<rows = 64, columns = 32>
  // TF32: kernel.schedule = #kernel.schedule<rows = 128, columns = 32>
  // BF16: kernel.schedule = #kernel.schedule<rows = 128, columns = 32>
  // HOPPER: kernel.schedule = #kernel.schedule<rows = 128, columns = 32>
  func.func @attention(%ids: tensor<?x?xi32>) -> tensor<?x?x1536xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %x = mblm.embed %ids, %w : tensor<?x?xi32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    %y, %lse = mblm.attention %x, %x, %x mask(causal) {heads = 8 : i64, scale = 1.0e-1 : f64} : tensor<?x?x512xf32>, tensor<?x?x8xf32>
    %dq, %dk, %dv = mblm.attention_grad %y, %x, %x, %x, %y, %lse mask(causal) {heads = 8 : i64, scale = 1.0e-1 : f64}
        : tensor<?x?x512xf32>, tensor<?x?x8xf32>
    %all = mblm.concat %dq, %dk, %dv : tensor<?x?x512xf32>, tensor<?x?x512xf32>, tensor<?x?x512xf32> -> tensor<?x?x1536xf32>
    return %all : tensor<?x?x1536xf32>
  }

  // Nothing for short sequences, nor for products of few rows.
  // ALL-LABEL: @none
  // ALL-NOT: kernel.schedule
  func.func @none(%ids: tensor<?x1xi32>) -> tensor<?x1x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %x = mblm.embed %ids, %w : tensor<?x1xi32>, tensor<512x512xf32> -> tensor<?x1x512xf32>
    %y = mblm.linear %x, %w : tensor<?x1x512xf32>, tensor<512x512xf32> -> tensor<?x1x512xf32>
    %a, %lse = mblm.attention %y, %y, %y mask(full) {heads = 8 : i64, scale = 1.0e-1 : f64} : tensor<?x1x512xf32>, tensor<?x1x8xf32>
    return %a : tensor<?x1x512xf32>
  }
}

// LOSS: kernel.cross_entropy <
// LOSS-SAME: kernel.schedule = #kernel.schedule<rows = 48, columns = 16>
// LOSS: kernel.cross_entropy_grad
// LOSS-SAME: kernel.schedule = #kernel.schedule<rows = 48, columns = 128>

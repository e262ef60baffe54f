// Which kernels the cost model has go together, and how they are launched.
// RUN: mblm-opt %s --mblm-schedule-cpu=level=avx2 --split-input-file | FileCheck %s --check-prefix=PAYS
// RUN: mblm-opt %s --mblm-schedule-cpu="level=avx2 local-layers=never" --split-input-file | FileCheck %s --check-prefix=NEVER
// RUN: mblm-opt %s --mblm-schedule-cpu="level=avx2 local-layers=fits" --kernel-lower-cpu=level=avx2 --split-input-file | FileCheck %s --check-prefix=FITS
// NEVER-NOT: kernel.run

// Small weights stay in the second cache: what passes between the two products need not leave it. The pack between them goes before.
// PAYS: kernel.gemm {{.*}} kernel.run = 0 : i64
// PAYS: kernel.gemm {{.*}} kernel.run = 0 : i64
// One launch, of a function that calls those of both for blocks of rows; the hidden rows are in scratch, not in the arena.
// FITS: mblm.entries = {forward = {arena = array<i64: {{[0-9]+}}, 0, 0, 0, 0>, scratch =
// FITS: mblm.kernels = [{{.*}}from = "stage0_ff_", name = "stage0_ff_run", op = 3 : i64, ops = array<i64: 1, 3>}]
// FITS-LABEL: func.func @mblm_entry_forward(
// FITS: constant @stage0_ff_run :
// FITS-LABEL: func.func private @stage0_ff_run(
// FITS: scf.for
// FITS: call @stage0_ff_up_gemm(
// FITS: call @stage0_ff_down_gemm(
module {
  mblm.parameter @u at 0 : tensor<256x64xf32>
  mblm.parameter @w at 0 : tensor<64x256xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<256x64xf32>
    %up = kernel.pack %u : tensor<256x64xf32> -> tensor<8x64x32xf32>
    %hidden = kernel.gemm <B x M> depth 64 in 1 x 64 columns 256 in 1 x 256(%x) packed %up epilogue()
        : (tensor<?x?x64xf32>, tensor<8x64x32xf32>) -> tensor<?x?x256xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x256xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x256xf32> -> f32
      kernel.yield %p : f32
    } loc("/stages/0/layers/0/ff/up")
    %w = kernel.weight [@w] at 0 : tensor<64x256xf32>
    %down = kernel.pack %w : tensor<64x256xf32> -> tensor<2x256x32xf32>
    %y = kernel.gemm <B x M> depth 256 in 1 x 256 columns 64 in 1 x 64(%hidden) packed %down epilogue()
        : (tensor<?x?x256xf32>, tensor<2x256x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x256xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x256xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    } loc("/stages/0/layers/0/ff/down")
    return %y : tensor<?x?x64xf32>
  }
}

// -----

// Weights of 4 MiB each come from behind the second cache for every item; too few rows of 2,048 numbers would have room there.
// PAYS-NOT: kernel.run
// PAYS: return
module {
  mblm.parameter @u at 0 : tensor<2048x512xf32>
  mblm.parameter @w at 0 : tensor<512x2048xf32>
  func.func @forward(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %u = kernel.weight [@u] at 0 : tensor<2048x512xf32>
    %up = kernel.pack %u : tensor<2048x512xf32> -> tensor<64x512x32xf32>
    %hidden = kernel.gemm <B x M> depth 512 in 1 x 512 columns 2048 in 1 x 2048(%x) packed %up epilogue()
        : (tensor<?x?x512xf32>, tensor<64x512x32xf32>) -> tensor<?x?x2048xf32> {
    ^bb0(%in: tensor<?x?x512xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x512xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x2048xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x2048xf32> -> f32
      kernel.yield %p : f32
    }
    %w = kernel.weight [@w] at 0 : tensor<512x2048xf32>
    %down = kernel.pack %w : tensor<512x2048xf32> -> tensor<16x2048x32xf32>
    %y = kernel.gemm <B x M> depth 2048 in 1 x 2048 columns 512 in 1 x 512(%hidden) packed %down epilogue()
        : (tensor<?x?x2048xf32>, tensor<16x2048x32xf32>) -> tensor<?x?x512xf32> {
    ^bb0(%in: tensor<?x?x2048xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x2048xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x512xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x512xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x512xf32>
  }
}

// -----

// The second product reads the first position of its sequence, which may be another item's: not together.
// PAYS-NOT: kernel.run
// PAYS: return
// FITS-NOT: _run
module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %hidden = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue()
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%hidden) packed %packed epilogue()
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %a = kernel.load %in[%k, %zero, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x64xf32>
  }
}

// -----

// Items hold whole sequences where these have few positions.
// PAYS: kernel.gemm {{.*}}kernel.cpu_schedule = #kernel.cpu_schedule<rows = [[ROWS:[0-9]*[05]]]>, kernel.run = 0 : i64
// PAYS: kernel.gemm {{.*}}kernel.cpu_schedule = #kernel.cpu_schedule<rows = [[ROWS]]>, kernel.run = 0 : i64
// FITS: name = "run"
module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x5x64xf32>) -> tensor<?x5x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %hidden = kernel.gemm <B*M x 5> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue()
        : (tensor<?x5x64xf32>, tensor<2x64x32xf32>) -> tensor<?x5x64xf32> {
    ^bb0(%in: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %p : f32
    }
    %y = kernel.gemm <B*M x 5> depth 64 in 1 x 64 columns 64 in 1 x 64(%hidden) packed %packed epilogue()
        : (tensor<?x5x64xf32>, tensor<2x64x32xf32>) -> tensor<?x5x64xf32> {
    ^bb0(%in: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %a = kernel.load %in[%k, %zero, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x5x64xf32>
  }
}

// Schedules that are right in themselves, but not for the lowering: none, one for what is no layer, one for which there is no room,
// and one for attention without tiles: of short sequences, and of steps.
// RUN: mblm-opt %s --split-input-file --kernel-lower-gpu --verify-diagnostics

module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    // expected-error@+1 {{'kernel.gemm' op expects a schedule, as mblm-schedule-gpu writes it, but got none}}
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue()
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
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

module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    // expected-error@+1 {{'kernel.gemm' op expects to be the last of a Transformer layer on at most 32 positions, for its schedule makes a layer one kernel, but is not}}
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 64, layer = true>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
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

module {
  mblm.parameter @w at 0 : tensor<64x512xf32>
  func.func @forward(%x: tensor<?x?x512xf32>) -> tensor<?x?x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x512xf32>
    %packed = kernel.pack %w : tensor<64x512xf32> -> tensor<2x512x32xf32>
    // expected-error@+1 {{'kernel.gemm' op expects at most 166912 bytes of shared memory, all that a block has on sm_80, but needs}}
    %y = kernel.gemm <B x M> depth 512 in 1 x 512 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 128, columns = 64, on_chip = true>}
        : (tensor<?x?x512xf32>, tensor<2x512x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x512xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x512xf32> -> f32
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

module {
  mblm.parameter @w at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x8x64xf32>) -> tensor<?x8x64xf32> {
    %w = kernel.weight [@w] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %w : tensor<64x64xf32> -> tensor<2x64x32xf32>
    // expected-error@+1 {{'kernel.attention' op expects no schedule, for sequences of at most 32 positions are not cut into tiles, but got #kernel.schedule<rows = 64, columns = 64>}}
    %y, %lse = kernel.attention <B*M x 8> %x, %x, %x at [0, 0, 0] mask(full)
        {heads = 1 : i64, head_dim = 64 : i64, scale = 1.0 : f64, kernel.schedule = #kernel.schedule<rows = 64, columns = 64>}
        : (tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) -> (tensor<?x8x64xf32>, tensor<?x8x1xf32>)
    return %y : tensor<?x8x64xf32>
  }
}

// -----

module {
  func.func @step_0(%q: tensor<?x1x64xf32>, %k: tensor<?x?x64xf32>, %seen: tensor<?x2xi32>) -> tensor<?x1x64xf32> {
    // expected-error@+1 {{'kernel.ranged_attention' op expects no schedule, for the queries of steps are not cut into tiles, but got #kernel.schedule<rows = 64, columns = 64>}}
    %y, %lse = kernel.ranged_attention <B x 1> %q, %k, %k of <B x M> in %seen
        {heads = 1 : i64, kv_heads = 1 : i64, head_dim = 64 : i64, scale = 1.0 : f64, kernel.schedule = #kernel.schedule<rows = 64, columns = 64>}
        : (tensor<?x1x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x2xi32>) -> (tensor<?x1x64xf32>, tensor<?x1x1xf32>)
    return %y : tensor<?x1x64xf32>
  }
}

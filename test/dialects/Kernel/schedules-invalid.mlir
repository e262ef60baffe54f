// What schedules may not say, and ops that may not have one.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @rows(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the schedule's rows to be a multiple of 16, up to 128, but got 24}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 24, columns = 64>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @rows_beyond(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the schedule's rows to be a multiple of 16, up to 128, but got 144}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 144, columns = 64>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @columns(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the schedule's columns to be a multiple of 16, up to 256, but got 0}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 0>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @parts(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the schedule's parts to be in [1, 64], but got 65}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 64, parts = 65>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @parts_of_a_gemm(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects a schedule without parts, which only kernel.weight_gemm has, but got #kernel.schedule<rows = 48, columns = 64, parts = 2>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 64, parts = 2>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @on_chip_and_layer(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects a schedule with on_chip or layer, but got both}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 64, on_chip = true, layer = true>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @block_sums(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects the schedule's rows to be those of a block sum (48), but got 96}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2 block_sums [0](%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 96, columns = 64>}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @streamed(%x: tensor<1x2x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects no schedule, for streamed it has no tiles, but got #kernel.schedule<rows = 48, columns = 64>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = #kernel.schedule<rows = 48, columns = 64>}
      : (tensor<1x2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @no_schedule(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects of the kernel dialect's attributes kernel.schedule = #kernel.schedule<...>, kernel.cpu_schedule = #kernel.cpu_schedule<...> and kernel.run = N, but got kernel.schedule = 48 : i64}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.schedule = 48 : i64}
      : (tensor<1x2x2xf32>, tensor<1x2x32xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %a = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %a : f32
  }, {
  ^bb0(%product: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.load %product[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @no_tiles(%w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.transpose' op expects no schedule, for it has no tiles, but got #kernel.schedule<rows = 48, columns = 64>}}
  %t = kernel.transpose %w {kernel.schedule = #kernel.schedule<rows = 48, columns = 64>} : tensor<40x8xf32> -> tensor<8x40xf32>
  return
}

// -----

func.func @on_chip_of_a_weight_gemm(%grad: tensor<?x?x6xf32>, %rows: tensor<?x1x256x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects a schedule without on_chip and layer, which only kernel.gemm has, but got #kernel.schedule<rows = 64, columns = 128, on_chip = true>}}
  kernel.weight_gemm <B x M> %grad, %rows columns 6 depth 8 into [@w] at 0 {kernel.schedule = #kernel.schedule<rows = 64, columns = 128, on_chip = true>} : tensor<?x?x6xf32>, tensor<?x1x256x32xf32>
  return
}

// -----

func.func @columns_of_an_attention_grad(%x: tensor<?x?x8xf32>, %lse: tensor<?x?x1xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects the schedule's columns to be at most twice its rows (32), but got 48}}
  %g = kernel.attention_grad <B x M> %x, %x, %x, %x, %x, %lse at [0, 0, 0] mask(causal) {heads = 1 : i64, head_dim = 8 : i64, scale = 1.0 : f64, kernel.schedule = #kernel.schedule<rows = 16, columns = 48>}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x24xf32>
  return
}

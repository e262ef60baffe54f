// What schedules of a CPU may not say, and ops that may not have one.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @rows(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects the CPU schedule's rows to be a multiple of 48, but got #kernel.cpu_schedule<rows = 50>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 50>}
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
  // expected-error@+1 {{expects the CPU schedule's rows to be in [0, 384], but got 432}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 432>}
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

func.func @columns_beyond(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the CPU schedule's columns to be a multiple of 4, up to 2048, but got 2052}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 2052>}
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

func.func @columns_of_no_panels(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects the CPU schedule's columns to be a multiple of 32, but got #kernel.cpu_schedule<rows = 48, columns = 36>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 36>}
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

func.func @depth(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the CPU schedule's depth to be a multiple of 32, up to 1048576, but got 40}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, depth = 40>}
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

func.func @negative(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{expects the CPU schedule's depth to be a multiple of 32, up to 1048576, but got -32}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, depth = -32>}
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

func.func @no_rows(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects the CPU schedule to have rows, but got #kernel.cpu_schedule<depth = 32>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<depth = 32>}
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

func.func @columns_behind_block_sums(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects a CPU schedule without columns, for it looks across them, but got #kernel.cpu_schedule<rows = 48, columns = 32>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2 block_sums [0](%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 32>}
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

func.func @rows_streamed(%x: tensor<1x2x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects a CPU schedule without rows, for streamed it takes all at once, but got #kernel.cpu_schedule<rows = 48, columns = 4>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 4>}
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

func.func @no_columns_streamed(%x: tensor<1x2x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects the CPU schedule to have columns, but got #kernel.cpu_schedule<>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<>}
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

func.func @depth_streamed(%x: tensor<1x2x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects a CPU schedule without depth, for it makes one pass, but got #kernel.cpu_schedule<columns = 4, depth = 32>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<columns = 4, depth = 32>}
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

func.func @another_attribute(%x: tensor<1x2x2xf32>, %w: tensor<1x2x32xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects of the kernel dialect's attributes kernel.schedule = #kernel.schedule<...>, kernel.cpu_schedule = #kernel.cpu_schedule<...> and kernel.run = N, but got kernel.cpu_schedule = #kernel.schedule<rows = 48, columns = 64>}}
  %y = kernel.gemm <1 x 2> depth 2 in 1 x 2 columns 2 in 1 x 2(%x) packed %w epilogue() attributes {kernel.cpu_schedule = #kernel.schedule<rows = 48, columns = 64>}
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

func.func @no_columns_of_a_weight_gemm(%grad: tensor<?x?x6xf32>, %rows: tensor<?x1x256x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects the CPU schedule to have columns, but got #kernel.cpu_schedule<rows = 48>}}
  kernel.weight_gemm <B x M> %grad, %rows columns 6 depth 8 into [@w] at 0 {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>} : tensor<?x?x6xf32>, tensor<?x1x256x32xf32>
  return
}

// -----

func.func @depth_of_a_weight_gemm(%grad: tensor<?x?x6xf32>, %rows: tensor<?x1x256x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects a CPU schedule without depth, for it makes one pass, but got #kernel.cpu_schedule<rows = 48, columns = 32, depth = 32>}}
  kernel.weight_gemm <B x M> %grad, %rows columns 6 depth 8 into [@w] at 0 {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48, columns = 32, depth = 32>} : tensor<?x?x6xf32>, tensor<?x1x256x32xf32>
  return
}

// -----

func.func @no_product(%w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.transpose' op expects no CPU schedule, for it has no product that one cuts, but got #kernel.cpu_schedule<rows = 48>}}
  %t = kernel.transpose %w {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>} : tensor<40x8xf32> -> tensor<8x40xf32>
  return
}

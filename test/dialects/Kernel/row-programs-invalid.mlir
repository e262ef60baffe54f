// Each function breaks the constraint of an op inside row programs, or of a row program, that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @load_c1(%x: tensor<?x?x8xf32>) {
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // expected-error@+1 {{'kernel.load' op expects one index per dimension of 'tensor' (3), but got 2}}
    %v = kernel.load %in[%k, %t] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @load_c2(%x: tensor<?x?x8xf32>) {
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // expected-error@+1 {{'kernel.load' op expects the result to have the element type of 'tensor', f32 for bf16 ('f32'), but got 'i32'}}
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> i32
    %one = arith.constant 1.0 : f32
    kernel.yield %one : f32
  }
  return
}

// -----

func.func @load_c3(%x: tensor<8xf32>, %c: index) {
  // expected-error@+1 {{'kernel.load' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %v = kernel.load %x[%c] : tensor<8xf32> -> f32
  return
}

// -----

func.func @load_c4(%x: tensor<8xf32>) {
  %y = kernel.rows <1 x 1> columns 8 in 1 x 8(%x) : (tensor<8xf32>) -> tensor<1x1x8xf32> {
  ^bb0(%in: tensor<8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // expected-error@+1 {{'kernel.load' op expects 'tensor' to have a dimension 1 for 'or_zero', but got 'tensor<8xf32>'}}
    %v = kernel.load %in[%c] or_zero : tensor<8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @row_sum_c1(%v: f32) {
  // expected-error@+1 {{'kernel.row_sum' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %s = kernel.row_sum %v
  return
}

// -----

func.func @row_max_c1(%v: f32) {
  // expected-error@+1 {{'kernel.row_max' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %s = kernel.row_max %v
  return
}

// -----

func.func @swap_pairs_c1(%v: f32) {
  // expected-error@+1 {{'kernel.swap_pairs' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %s = kernel.swap_pairs %v
  return
}

// -----

func.func @swap_pairs_c2(%x: tensor<?x?x8xf32>) {
  %y = kernel.rows <B x M> columns 8 in 3 x 3(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    // expected-error@+1 {{'kernel.swap_pairs' op expects segments of an even width, but got 3}}
    %s = kernel.swap_pairs %v
    kernel.yield %s : f32
  }
  return
}

// -----

func.func @slots_c1() {
  // expected-error@+1 {{'kernel.slots' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %m = kernel.slots
  return
}

// -----

func.func @yield_c1() {
  // expected-error@+1 {{'kernel.yield' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad, kernel.prefix, kernel.prefix_grad'}}
  kernel.yield
}

// -----

func.func @gemm_c1(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'prologue' to have 6 arguments, but got 5}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c1_yield(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'prologue' to yield 1 values, but got 2}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v, %v : f32, f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c2(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'epilogue' to have 7 arguments, but got 6}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c2_product(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects dimension 2 of 'the product' to be 'columns' (40), but got 41}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x41xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c2_index(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects argument 0 of 'epilogue' to be the product, but got 'index'}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c2_yield(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'epilogue' to yield 1 values, but got 0}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    kernel.yield
  }
  return
}

// -----

func.func @gemm_c3(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'packed' to have shape [2, 8, 32], but got 'tensor<1x8x32xf32>'}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c3_int8(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xi8>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'packed' to hold f32 or bf16, but got 'i8'}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<2x8x32xi8>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c4(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'segments' x 'width' to just cover 'columns' (8), but got 2 x 8}}
  %y = kernel.gemm <B x M> depth 8 in 2 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c4_columns(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'segments' x 'width' to just cover 'columns' (40), but got 2 x 19}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 2 x 19(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x40xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c5(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %b: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects dimension 2 of 'result 0' to be 'columns' (40), but got 8}}
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue(%b)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x40xf32>, %bias: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

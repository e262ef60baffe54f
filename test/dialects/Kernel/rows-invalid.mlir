// Each function breaks the constraint of a `kernel.rows` or `kernel.pack_rows` that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @rows_c1(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'body' to have 6 arguments, but got 5}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c1_type(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects argument 0 of 'body' to be 'tensor<?x?x8xf32>', but got 'tensor<?x?x4xf32>'}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x4xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c1_index(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects the last five arguments of 'body' to be indices, but got 'i64'}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: i64):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c2(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'body' to yield 1 values, but got 0}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    kernel.yield
  }
  return
}

// -----

func.func @rows_c3(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'segments' x 'width' to just cover 'columns' (8), but got 3 x 4}}
  %y = kernel.rows <B x M> columns 8 in 3 x 4(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c3_short(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'segments' x 'width' to just cover 'columns' (8), but got 1 x 7}}
  %y = kernel.rows <B x M> columns 8 in 1 x 7(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c1(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects 'body' to have 6 arguments, but got 5}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c1_type(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects argument 0 of 'body' to be 'tensor<?x?x8xf32>', but got 'tensor<?x?x4xf32>'}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x4xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c1_index(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects the last five arguments of 'body' to be indices, but got 'i64'}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: i64):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c2(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects 'body' to yield 1 values, but got 0}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    kernel.yield
  }
  return
}

// -----

func.func @pack_rows_c3(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects 'segments' x 'width' to just cover 'columns' (8), but got 3 x 4}}
  %y = kernel.pack_rows <B x M> columns 8 in 3 x 4(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c3_short(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects 'segments' x 'width' to just cover 'columns' (8), but got 1 x 7}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 7(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects dimension 2 of 'result 0' to be 'columns' (8), but got 4}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4_positions(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects dimension 1 of 'result 0' to be the positions of its space (5), but got 9}}
  %y = kernel.rows <B x 5> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x9x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4_per_row(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects dimension 0 of 'result 0' to be the sequences of its space (5), but got 4}}
  %y = kernel.rows <5 x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<4x?xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4_rank(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'result 0' to have rank 3, but got 'tensor<?xf32>'}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4_sums(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'result 0' to have rank 2, but got 'tensor<?x?x8xf32>'}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8 block_sums [0](%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @rows_c4_number(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.rows' op expects 'block_sums' to list results (0 to 0), but got 1}}
  %y = kernel.rows <B x M> columns 8 in 1 x 8 block_sums [1](%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c4(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects dimension 1 of 'result' to be the panels of its columns (1), but got 2}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x2x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @pack_rows_c4_rank(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.pack_rows' op expects 'result' to have rank 4, but got 'tensor<?x?x8xf32>'}}
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// Each function breaks the constraint on dropout that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @keep_c1(%key: tensor<6xi32>, %c: index) {
  // expected-error@+1 {{'kernel.keep' op expects parent op to be one of 'kernel.rows, kernel.pack_rows, kernel.remember, kernel.gemm, kernel.cross_entropy, kernel.cross_entropy_grad'}}
  %m = kernel.keep %key[%c, %c] of 8 : tensor<6xi32>
  return
}

// -----

func.func @keep_c2(%key: tensor<4xi32>) {
  %y = kernel.rows <1 x 1> columns 8 in 1 x 8(%key) : (tensor<4xi32>) -> tensor<1x1x8xf32> {
  ^bb0(%in: tensor<4xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // expected-error@+1 {{'kernel.keep' op expects 'key' to be 'tensor<6xi32>', but got 'tensor<4xi32>'}}
    %m = kernel.keep %in[%t, %c] of 8 : tensor<4xi32>
    kernel.yield %m : f32
  }
  return
}

// -----

func.func @keep_c3(%key: tensor<6xi32>) {
  %y = kernel.rows <1 x 1> columns 8 in 1 x 8(%key) : (tensor<6xi32>) -> tensor<1x1x8xf32> {
  ^bb0(%in: tensor<6xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // expected-error@+1 {{'kernel.keep' op expects 'columns' to be at least 1, but got 0}}
    %m = kernel.keep %in[%t, %c] of 0 : tensor<6xi32>
    kernel.yield %m : f32
  }
  return
}

// -----

func.func @dropout_key_c1(%key: tensor<3xi32>) {
  // expected-error@+1 {{'kernel.dropout_key' op expects 'key' to be 'tensor<4xi32>', but got 'tensor<3xi32>'}}
  %0 = kernel.dropout_key %key rate 1.0e-1 site 0 : tensor<3xi32> -> tensor<6xi32>
  return
}

// -----

func.func @dropout_key_c1_result(%key: tensor<4xi32>) {
  // expected-error@+1 {{'kernel.dropout_key' op expects 'result' to be 'tensor<6xi32>', but got 'tensor<4xi32>'}}
  %0 = kernel.dropout_key %key rate 1.0e-1 site 0 : tensor<4xi32> -> tensor<4xi32>
  return
}

// -----

func.func @dropout_key_c2(%key: tensor<4xi32>) {
  // expected-error@+1 {{'kernel.dropout_key' op expects 'rate' to be in [0, 1), but got 1}}
  %0 = kernel.dropout_key %key rate 1.0 site 0 : tensor<4xi32> -> tensor<6xi32>
  return
}

// -----

func.func @dropout_key_c3(%key: tensor<4xi32>) {
  // expected-error@+1 {{'kernel.dropout_key' op expects 'site' to be in [0, 16777216), but got 16777216}}
  %0 = kernel.dropout_key %key rate 1.0e-1 site 16777216 : tensor<4xi32> -> tensor<6xi32>
  return
}

// -----

func.func @attention_c6(%x: tensor<?x6x48xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'dropout_key' to be 'tensor<6xi32>', but got 'tensor<4xi32>'}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal) dropout %key
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<4xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_grad_c6(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>, %key: tensor<6xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'dropout_key' to be 'tensor<6xi32>', but got 'tensor<6xf32>'}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %g, %lse at [0, 16, 32] mask(causal) dropout %key
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>,
         tensor<?x6x2xf32>, tensor<6xf32>) -> tensor<?x6x48xf32>
  return
}

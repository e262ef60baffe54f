// Each function breaks the constraint of `kernel.ssd` that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @ssd_c1(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects four offsets, but got 3}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c1_features(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 4 features of 'c' at its offset, but got 8 features and offset 5}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 5] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c1_negative(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 6 features of 'input' at its offset, but got 6 features and offset -1}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [-1, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c1_positions(%x: tensor<?x8x6xf32>, %dt: tensor<?x7x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects dimension 1 of 'dt' to be the positions of its space (8), but got 7}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x7x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'groups' to divide 'heads' (3), but got 2 (remainder 1)}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 2 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2_heads(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'heads' to be at least 1, but got 0}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 0 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2_width(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'head_dim' to be at least 1, but got 0}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 0 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2_groups(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'groups' to be at least 1, but got 0}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 0 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2_states(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'states' to be at least 1, but got 0}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 0 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c2_chunk(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'chunk' to be at least 1, but got 0}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 0 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c3(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<4xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'dt_bias' to have shape [3], but got 'tensor<4xf32>'}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<4xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c3_a(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<2xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'a_log' to have shape [3], but got 'tensor<2xf32>'}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<2xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c3_skip(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<5xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 'skip' to have a number for each head (3) or feature (6), but got 5}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<5xf32>)
    -> tensor<?x8x6xf32>
  return
}

// -----

func.func @ssd_c4(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects dimension 2 of 'result' to be heads * head_dim (6), but got 7}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x7xf32>
  return
}

// -----

func.func @ssd_c5(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd' op expects 0 <= 'dt_min' <= 'dt_max', but got 2.000000e+00 and 1.000000e+00}}
  %y = kernel.ssd <B x 8> %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 2.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> tensor<?x8x6xf32>
  return
}

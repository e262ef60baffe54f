// Each function breaks the constraint of `kernel.ssd_grad` that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @ssd_grad_c1(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects four offsets, but got 5}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4, 0] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c1_features(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects 3 features of 'dt' at its offset, but got 4 features and offset 2}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 2, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c2(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects 'groups' to divide 'heads' (3), but got 2 (remainder 1)}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 2 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c3(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<2xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects 'a_log' to have shape [3], but got 'tensor<2xf32>'}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<2xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c4(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'input_grad' to be heads * head_dim (6), but got 7}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x7xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c4_grad(%g: tensor<?x8x5xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'grad' to be heads * head_dim (6), but got 5}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x5xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c5(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects 0 <= 'dt_min' <= 'dt_max', but got -1.000000e+00 and 1.000000e+00}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = -1.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c6(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'dt_grad' to be 'heads' (3), but got 4}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c6_b(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'b_grad' to be groups * parts * states (4), but got 8}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x8xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c6_parts(%g: tensor<?x8x10xf32>, %x: tensor<?x8x10xf32>, %dt: tensor<?x8x6xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<5xf32>,
                  %a: tensor<5xf32>, %skip: tensor<5xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'c_grad' to be groups * parts * states (8), but got 4}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 5 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x10xf32>, tensor<?x8x10xf32>, tensor<?x8x6xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<5xf32>, tensor<5xf32>,
       tensor<5xf32>)
    -> (tensor<?x8x10xf32>, tensor<?x8x5xf32>, tensor<?x8x8xf32>, tensor<?x8x4xf32>, tensor<?x1x5xf32>, tensor<?x1x5xf32>, tensor<?x1x5xf32>)
  return
}

// -----

func.func @ssd_grad_c7(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 1 of 'a_log_sums' to be the positions of its space (1), but got 8}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c7_bias(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'dt_bias_sums' to be 'heads' (3), but got 6}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x6xf32>, tensor<?x1x3xf32>)
  return
}

// -----

func.func @ssd_grad_c7_skip(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x4xf32>, %bc: tensor<?x8x8xf32>, %bias: tensor<3xf32>,
                  %a: tensor<3xf32>, %skip: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.ssd_grad' op expects dimension 2 of 'skip_sums' to be the size of 'skip' (3), but got 6}}
  %y:7 = kernel.ssd_grad <B x 8> %g, %x, %dt, %bc, %bc at [0, 1, 0, 4] bias %bias a %a skip %skip
    {heads = 3 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 4 : i64, chunk = 8 : i64, dt_min = 0.0e+00 : f64, dt_max = 1.0e+00 : f64}
    : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x8x4xf32>, tensor<?x8x8xf32>, tensor<?x8x8xf32>, tensor<3xf32>, tensor<3xf32>,
       tensor<3xf32>)
    -> (tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x6xf32>)
  return
}

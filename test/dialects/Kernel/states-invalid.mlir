// Each function breaks the constraint of a state, or of a kernel on one, that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @state_c1() {
  // expected-error@+1 {{'kernel.state' op expects 'offset' to be four coefficients, none of them negative, but got array<i64: 0, 0>}}
  %s = kernel.state @s at [0, 0] <B x 4> : tensor<?x4x8xf32>
  return
}

// -----

func.func @state_c2() {
  // expected-error@+1 {{'kernel.state' op expects dimension 1 of 'result' to be the positions of its space (4), but got 3}}
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x3x8xf32>
  return
}

// -----

func.func @call_position_c1() -> index {
  // expected-error@+1 {{'kernel.call_position' op expects parent op to be one of}}
  %p = kernel.call_position
  return %p : index
}

// -----

func.func @remember_c1(%x: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.remember' op expects argument 0 of 'body' to be 'tensor<?x1x8xf32>', but got 'tensor<?x2x8xf32>'}}
  kernel.remember <B x 1> columns 8 in 1 x 8(%x) into %s from 0 : (tensor<?x1x8xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x2x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x2x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @remember_c2(%x: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.remember' op expects 'body' to yield 1 values, but got 2}}
  kernel.remember <B x 1> columns 8 in 1 x 8(%x) into %s from 0 : (tensor<?x1x8xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x1x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x8xf32> -> f32
    kernel.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @remember_c3(%x: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.remember' op expects 'segments' x 'width' to just cover 'columns' (8), but got 2 x 8}}
  kernel.remember <B x 1> columns 8 in 2 x 8(%x) into %s from 0 : (tensor<?x1x8xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x1x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @remember_c4(%x: tensor<?x1x7xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.remember' op expects dimension 2 of 'state' to be 'columns' (7), but got 8}}
  kernel.remember <B x 1> columns 7 in 1 x 7(%x) into %s from 0 : (tensor<?x1x7xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x1x7xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x7xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @remember_c4_get(%x: tensor<?x1x8xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'kernel.remember' op expects 'state' to be a kernel.state with the sequences of its space, but got}}
  kernel.remember <B x 1> columns 8 in 1 x 8(%x) into %s from 0 : (tensor<?x1x8xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x1x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @remember_c5(%x: tensor<?x?x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.remember' op expects the positions of its space to be a constant, but got}}
  kernel.remember <B x M> columns 8 in 1 x 8(%x) into %s from 0 : (tensor<?x?x8xf32>, tensor<?x4x8xf32>) -> () {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cached_attention_c1(%q: tensor<?x1x6xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.cached_attention' op expects dimension 2 of 'query' to be heads * head_dim (8), but got 6}}
  %y = kernel.cached_attention <B x 1> %q, %s, %s mask(causal) {head_dim = 4, heads = 2, scale = 1.0 : f64}
      : (tensor<?x1x6xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x1x6xf32>
  return
}

// -----

func.func @cached_attention_c1_space(%q: tensor<?x?x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.cached_attention' op expects the positions of its space to be a constant, but got}}
  %y = kernel.cached_attention <B x M> %q, %s, %s mask(causal) {head_dim = 4, heads = 2, scale = 1.0 : f64}
      : (tensor<?x?x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @cached_attention_c2(%q: tensor<?x1x8xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'kernel.cached_attention' op expects 'key' to be a kernel.state with the sequences of its space, but got}}
  %y = kernel.cached_attention <B x 1> %q, %s, %s mask(causal) {head_dim = 4, heads = 2, scale = 1.0 : f64}
      : (tensor<?x1x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @cached_attention_c3(%q: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.cached_attention' op expects 'heads' to be at least 1, but got 0}}
  %y = kernel.cached_attention <B x 1> %q, %s, %s mask(causal) {head_dim = 4, heads = 0, scale = 1.0 : f64}
      : (tensor<?x1x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @cached_attention_c4(%q: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.cached_attention' op expects mask 'causal', or 'block_causal' with 'block', but got mask 'full' without it}}
  %y = kernel.cached_attention <B x 1> %q, %s, %s mask(full) {head_dim = 4, heads = 2, scale = 1.0 : f64}
      : (tensor<?x1x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @cached_attention_c4_block(%q: tensor<?x1x8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.cached_attention' op expects 'block' to be at least 1, but got 0}}
  %y = kernel.cached_attention <B x 1> %q, %s, %s mask(block_causal, 0) {head_dim = 4, heads = 2, scale = 1.0 : f64}
      : (tensor<?x1x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @scan_step_c1(%x: tensor<?x1x7xf32>, %y: tensor<?x1x8xf32>, %b: tensor<?x1x4xf32>, %a: tensor<4x8xf32>, %skip: tensor<8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.scan_step' op expects dimension 2 of 'input' to be dim(result, 2) (8), but got 7}}
  %0 = kernel.scan_step <B x 1> %s, %x, %y, %b, %b a %a skip %skip
      : (tensor<?x4x8xf32>, tensor<?x1x7xf32>, tensor<?x1x8xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @scan_step_c2(%x: tensor<?x1x8xf32>, %y: tensor<?x1x8xf32>, %b: tensor<?x1x4xf32>, %a: tensor<4x7xf32>, %skip: tensor<8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.scan_step' op expects 'a_log' to have shape [4, 8], but got 'tensor<4x7xf32>'}}
  %0 = kernel.scan_step <B x 1> %s, %x, %y, %b, %b a %a skip %skip
      : (tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<4x7xf32>, tensor<8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @scan_step_c2_skip(%x: tensor<?x1x8xf32>, %y: tensor<?x1x8xf32>, %b: tensor<?x1x4xf32>, %a: tensor<4x8xf32>, %skip: tensor<7xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.scan_step' op expects 'skip' to have shape [8], but got 'tensor<7xf32>'}}
  %0 = kernel.scan_step <B x 1> %s, %x, %y, %b, %b a %a skip %skip
      : (tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<4x8xf32>, tensor<7xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @scan_step_c3(%x: tensor<?x1x8xf32>, %y: tensor<?x1x8xf32>, %b: tensor<?x1x4xf32>, %a: tensor<4x8xf32>, %skip: tensor<8xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 3> : tensor<?x3x8xf32>
  // expected-error@+1 {{'kernel.scan_step' op expects dimension 1 of 'state' to be dim(a_log, 0) (4), but got 3}}
  %0 = kernel.scan_step <B x 1> %s, %x, %y, %b, %b a %a skip %skip
      : (tensor<?x3x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @ssd_step_c1(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %b: tensor<?x1x4xf32>, %a: tensor<2xf32>, %skip: tensor<2xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.ssd_step' op expects 'heads' to divide dim(result, 2) (8) and 'groups' to divide 'heads' and dim(b, 2) (4), but got 3 and 1}}
  %0 = kernel.ssd_step <B x 1> %s, %x, %dt, %b, %b a %a skip %skip bias %a heads 3 groups 1 {dt_max = 1.0 : f64, dt_min = 0.0 : f64}
      : (tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @ssd_step_c2(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %b: tensor<?x1x4xf32>, %a: tensor<3xf32>, %skip: tensor<2xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.ssd_step' op expects 'a_log' to have shape [2], but got 'tensor<3xf32>'}}
  %0 = kernel.ssd_step <B x 1> %s, %x, %dt, %b, %b a %a skip %skip bias %a heads 2 groups 1 {dt_max = 1.0 : f64, dt_min = 0.0 : f64}
      : (tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<3xf32>, tensor<2xf32>, tensor<3xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @ssd_step_c2_skip(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %b: tensor<?x1x4xf32>, %a: tensor<2xf32>, %skip: tensor<3xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 4> : tensor<?x4x8xf32>
  // expected-error@+1 {{'kernel.ssd_step' op expects 'skip' to have shape [2], but got 'tensor<3xf32>'}}
  %0 = kernel.ssd_step <B x 1> %s, %x, %dt, %b, %b a %a skip %skip bias %a heads 2 groups 1 {dt_max = 1.0 : f64, dt_min = 0.0 : f64}
      : (tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<2xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @ssd_step_c3(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %b: tensor<?x1x4xf32>, %a: tensor<2xf32>, %skip: tensor<2xf32>) {
  %s = kernel.state @s at [0, 0, 0, 0] <B x 3> : tensor<?x3x8xf32>
  // expected-error@+1 {{'kernel.ssd_step' op expects dimension 1 of 'state' to be dim(b, 2) / groups (4), but got 3}}
  %0 = kernel.ssd_step <B x 1> %s, %x, %dt, %b, %b a %a skip %skip bias %a heads 2 groups 1 {dt_max = 1.0 : f64, dt_min = 0.0 : f64}
      : (tensor<?x3x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x1x8xf32>
  return
}

// -----

func.func @gemm_c3_streamed(%x: tensor<?x1x8xf32>, %w: tensor<40x8xbf16>) {
  // expected-error@+1 {{'kernel.gemm' op expects 'packed' to hold f32 or i8, but got 'bf16'}}
  %y = kernel.gemm <B x 1> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue()
      : (tensor<?x1x8xf32>, tensor<40x8xbf16>) -> tensor<?x1x40xf32> {
  ^bb0(%in: tensor<?x1x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x1x40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x1x40xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @gemm_c6(%x: tensor<?x1x8xf32>, %w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.gemm' op expects an epilogue on single columns behind a weight that is not packed, but got one that looks across columns or rows}}
  %y = kernel.gemm <B x 1> depth 8 in 1 x 8 columns 40 in 1 x 40(%x) packed %w epilogue()
      : (tensor<?x1x8xf32>, tensor<40x8xf32>) -> tensor<?x1x40xf32> {
  ^bb0(%in: tensor<?x1x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x1x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x1x40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x1x40xf32> -> f32
    %sum = kernel.row_sum %v
    kernel.yield %sum : f32
  }
  return
}

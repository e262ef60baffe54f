// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @prefix_c1(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects as many results as inputs (1), but got 2}}
  %y:2 = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    kernel.yield %l : f32
  }
  return
}

// -----

func.func @prefix_c1_width(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects dimension 2 of 'operand 1' to be the width of operand 0 (4), but got 5}}
  %y:2 = kernel.prefix <B x 8> (%x, %w) : (tensor<?x8x4xf32>, tensor<?x8x5xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    kernel.yield %a, %b : f32, f32
  }
  return
}

// -----

func.func @prefix_c1_positions(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects dimension 1 of 'result 0' to be the positions of its space (8), but got 7}}
  %y = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x7x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    kernel.yield %l : f32
  }
  return
}

// -----

func.func @prefix_c2(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects 'combine' to have 2 arguments, but got 3}}
  %y = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    kernel.yield %l : f32
  }
  return
}

// -----

func.func @prefix_c2_types(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects argument 1 of 'combine' to be f32, but got 'f64'}}
  %y = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f64):
    kernel.yield %l : f32
  }
  return
}

// -----

func.func @prefix_c2_yields(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects 'combine' to yield 1 values, but got 2}}
  %y = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    kernel.yield %l, %r : f32, f32
  }
  return
}

// -----

func.func @prefix_c3(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix' op expects 'combine' to hold scalar arithmetic that has a derivative, but got math.floor}}
  %y = kernel.prefix <B x 8> (%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    %f = math.floor %l : f32
    kernel.yield %f : f32
  }
  return
}

// -----

func.func @prefix_grad_c1(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix_grad' op expects as many results as inputs (1), but got 2}}
  %y:2 = kernel.prefix_grad <B x 8> (%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    kernel.yield %g, %g : f32, f32
  }
  return
}

// -----

func.func @prefix_grad_c1_width(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix_grad' op expects dimension 2 of 'operand 1' to be the width of operand 0 (4), but got 5}}
  %y = kernel.prefix_grad <B x 8> (%x) states(%w) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x5xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    kernel.yield %g, %g : f32, f32
  }
  return
}

// -----

func.func @prefix_grad_c2(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix_grad' op expects 'vjp' to have 3 arguments, but got 2}}
  %y = kernel.prefix_grad <B x 8> (%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    kernel.yield %l, %l : f32, f32
  }
  return
}

// -----

func.func @prefix_grad_c2_yields(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix_grad' op expects 'vjp' to yield 2 values, but got 1}}
  %y = kernel.prefix_grad <B x 8> (%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    kernel.yield %g : f32
  }
  return
}

// -----

func.func @prefix_grad_c3(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'kernel.prefix_grad' op expects 'vjp' to hold scalar arithmetic that has a derivative, but got math.floor}}
  %y = kernel.prefix_grad <B x 8> (%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    %f = math.floor %g : f32
    kernel.yield %f, %f : f32, f32
  }
  return
}

// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @scan_c1(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects as many results as inputs (1), but got 2}}
  %y:2 = mblm.scan(%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    mblm.yield %l : f32
  }
  return
}

// -----

func.func @scan_c1_types(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects operands and results of one type ('tensor<?x8x4xf32>'), but got 'tensor<?x8x5xf32>'}}
  %y:2 = mblm.scan(%x, %w) : (tensor<?x8x4xf32>, tensor<?x8x5xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    mblm.yield %a, %b : f32, f32
  }
  return
}

// -----

func.func @scan_c2(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects 'combine' to have 2 arguments, but got 3}}
  %y = mblm.scan(%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    mblm.yield %l : f32
  }
  return
}

// -----

func.func @scan_c2_types(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects argument 1 of 'combine' to be f32, but got 'f64'}}
  %y = mblm.scan(%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f64):
    mblm.yield %l : f32
  }
  return
}

// -----

func.func @scan_c3(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects 'combine' to yield 1 values, but got 2}}
  %y = mblm.scan(%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    mblm.yield %l, %r : f32, f32
  }
  return
}

// -----

func.func @scan_c4(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan' op expects 'combine' to hold scalar arithmetic that has a derivative, but got math.floor}}
  %y = mblm.scan(%x) : (tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    %f = math.floor %l : f32
    mblm.yield %f : f32
  }
  return
}

// -----

func.func @scan_grad_c1(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan_grad' op expects as many results as inputs (1), but got 2}}
  %y:2 = mblm.scan_grad(%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>, tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    mblm.yield %g, %g : f32, f32
  }
  return
}

// -----

func.func @scan_grad_c1_types(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan_grad' op expects operands and results of one type ('tensor<?x8x4xf32>'), but got 'tensor<?x8x5xf32>'}}
  %y = mblm.scan_grad(%x) states(%w) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x5xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    mblm.yield %g, %g : f32, f32
  }
  return
}

// -----

func.func @scan_grad_c2(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan_grad' op expects 'vjp' to have 3 arguments, but got 2}}
  %y = mblm.scan_grad(%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32):
    mblm.yield %l, %l : f32, f32
  }
  return
}

// -----

func.func @scan_grad_c3(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan_grad' op expects 'vjp' to yield 2 values, but got 1}}
  %y = mblm.scan_grad(%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    mblm.yield %g : f32
  }
  return
}

// -----

func.func @scan_grad_c4(%x: tensor<?x8x4xf32>, %w: tensor<?x8x5xf32>, %p: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.scan_grad' op expects 'vjp' to hold scalar arithmetic that has a derivative, but got math.floor}}
  %y = mblm.scan_grad(%x) states(%x) inputs(%x) : (tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>) -> (tensor<?x8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %g: f32):
    %f = math.floor %g : f32
    mblm.yield %f, %f : f32, f32
  }
  return
}

// -----

func.func @yield_c1(%x: f32) {
  // expected-error@+1 {{'mblm.yield' op expects parent op to be one of 'mblm.scan, mblm.scan_grad'}}
  mblm.yield %x : f32
}

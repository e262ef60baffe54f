// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @causal_conv_c1(%x: tensor<?x8x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error@+1 {{'mblm.causal_conv' op expects dimension 0 of 'weight' to be dim(input, 2) (4), but got 3}}
  %0 = mblm.causal_conv %x, %w : tensor<?x8x4xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @causal_conv_c1_none(%x: tensor<?x8x4xf32>, %w: tensor<4x0xf32>) {
  // expected-error@+1 {{'mblm.causal_conv' op expects 'taps' to be at least 1, but got 0}}
  %0 = mblm.causal_conv %x, %w : tensor<?x8x4xf32>, tensor<4x0xf32>
  return
}

// -----

func.func @causal_conv_c1_dynamic(%x: tensor<?x8x4xf32>, %w: tensor<4x?xf32>) {
  // expected-error@+1 {{'mblm.causal_conv' op expects dimension 1 of 'weight' to be static, but got a dynamic size}}
  %0 = mblm.causal_conv %x, %w : tensor<?x8x4xf32>, tensor<4x?xf32>
  return
}

// -----

func.func @causal_conv_c2(%x: tensor<?x8x4xf32>, %w: tensor<4x2xf32>, %b: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.causal_conv' op expects dimension 0 of 'bias' to be dim(input, 2) (4), but got 2}}
  %0 = mblm.causal_conv %x, %w, %b : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @causal_conv_c3(%x: tensor<?x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error@+1 {{'mblm.causal_conv' op failed to verify that all of {input, result} have same type}}
  %0 = "mblm.causal_conv"(%x, %w) : (tensor<?x8x4xf32>, tensor<4x2xf32>) -> tensor<?x7x4xf32>
  return
}

// -----

func.func @causal_conv_weight_grad_c1(%g: tensor<?x8x4xf32>, %x: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.causal_conv_weight_grad' op expects dimension 1 of 'input' to be dim(grad, 1) (8), but got 7}}
  %0 = mblm.causal_conv_weight_grad %g, %x : tensor<?x8x4xf32>, tensor<?x7x4xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @causal_conv_weight_grad_c2(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.causal_conv_weight_grad' op expects dimension 0 of 'result' to be dim(grad, 2) (4), but got 5}}
  %0 = mblm.causal_conv_weight_grad %g, %x : tensor<?x8x4xf32>, tensor<?x8x4xf32> -> tensor<5x2xf32>
  return
}

// -----

func.func @causal_conv_weight_grad_c2_none(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.causal_conv_weight_grad' op expects 'taps' to be at least 1, but got 0}}
  %0 = mblm.causal_conv_weight_grad %g, %x : tensor<?x8x4xf32>, tensor<?x8x4xf32> -> tensor<4x0xf32>
  return
}

// -----

func.func @selective_scan_c1(%x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>, %b: tensor<?x8x2xf32>, %s: tensor<4xf32>,
                             %z: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects 'gate' to have the type of 'input' ('tensor<?x8x4xf32>'), but got 'tensor<?x7x4xf32>'}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s gate %z
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>, tensor<?x7x4xf32>
  return
}

// -----

func.func @selective_scan_c2(%x: tensor<?x8x4xf32>, %a: tensor<3x2xf32>, %b: tensor<?x8x2xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects dimension 0 of 'a_log' to be dim(input, 2) (4), but got 3}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<3x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_c2_dynamic(%x: tensor<?x8x4xf32>, %a: tensor<4x?xf32>, %b: tensor<?x8x2xf32>,
                                     %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects dimension 1 of 'a_log' to be static, but got a dynamic size}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x?xf32>, tensor<?x8x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_c3(%x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>, %b: tensor<?x8x3xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects dimension 2 of 'b' to be dim(a_log, 1) (2), but got 3}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x3xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_c3_positions(%x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>, %b: tensor<?x7x2xf32>,
                                       %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects dimension 1 of 'b' to be dim(input, 1) (8), but got 7}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x7x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_c4(%x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>, %b: tensor<?x8x2xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.selective_scan' op expects dimension 0 of 'skip' to be dim(input, 2) (4), but got 2}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @selective_scan_grad_c1(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                  %b: tensor<?x8x2xf32>, %s: tensor<4xf32>, %z: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects 'gate' to have the type of 'input' ('tensor<?x8x4xf32>'), but got 'tensor<?x7x4xf32>'}}
  %0:7 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s gate %z
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>, tensor<?x7x4xf32> -> tensor<?x7x4xf32>
  return
}

// -----

func.func @selective_scan_grad_c2(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<3x2xf32>,
                                  %b: tensor<?x8x2xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects dimension 0 of 'a_log' to be dim(input, 2) (4), but got 3}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<3x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_grad_c2_dynamic(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x?xf32>,
                                          %b: tensor<?x8x2xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects dimension 1 of 'a_log' to be static, but got a dynamic size}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x?xf32>, tensor<?x8x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_grad_c3(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                  %b: tensor<?x8x3xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects dimension 2 of 'b' to be dim(a_log, 1) (2), but got 3}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x3xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_grad_c3_positions(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                            %b: tensor<?x7x2xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects dimension 1 of 'b' to be dim(input, 1) (8), but got 7}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x7x2xf32>, tensor<4xf32>
  return
}

// -----

func.func @selective_scan_grad_c4(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                  %b: tensor<?x8x2xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects dimension 0 of 'skip' to be dim(input, 2) (4), but got 2}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @selective_scan_grad_c5(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                  %b: tensor<?x8x2xf32>, %s: tensor<4xf32>, %z: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects 'gateGrad' where 'gate' is and only there, but got a gate without it}}
  %0:6 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s gate %z
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>, tensor<?x8x4xf32>
  return
}

// -----

func.func @selective_scan_grad_c5_alone(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                        %b: tensor<?x8x2xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects 'gateGrad' where 'gate' is and only there, but got it without a gate}}
  %0:7 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<4xf32> -> tensor<?x8x4xf32>
  return
}

// -----

func.func @selective_scan_grad_c5_type(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %a: tensor<4x2xf32>,
                                       %b: tensor<?x8x2xf32>, %s: tensor<4xf32>, %z: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_grad' op expects 'gateGrad' to have the type of 'gate' ('tensor<?x8x4xf32>'), but got 'tensor<?x7x4xf32>'}}
  %0:7 = mblm.selective_scan_grad %g, %x, %x a %a b %b c %b skip %s gate %z
    : tensor<?x8x4xf32>, tensor<4x2xf32>, tensor<?x8x2xf32>, tensor<4xf32>, tensor<?x8x4xf32> -> tensor<?x7x4xf32>
  return
}

// -----

func.func @norm_c5(%x: tensor<?x8x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects 'groups' to divide dim(input, 2) (4), but got 3 (remainder 1)}}
  %0 = mblm.norm rms %x, %w {eps = 0.0 : f64, groups = 3}
    : tensor<?x8x4xf32>, tensor<4xf32> -> tensor<?x8x4xf32>
  return
}

// -----

func.func @norm_c5_none(%x: tensor<?x8x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects 'groups' to be at least 1, but got 0}}
  %0 = mblm.norm rms %x, %w {eps = 0.0 : f64, groups = 0}
    : tensor<?x8x4xf32>, tensor<4xf32> -> tensor<?x8x4xf32>
  return
}

// -----

func.func @norm_grad_c4(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects 'groups' to divide dim(input, 2) (4), but got 3 (remainder 1)}}
  %0:2 = mblm.norm_grad rms %g, %x, %w {eps = 0.0 : f64, groups = 3}
    : tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<4xf32> -> tensor<?x8x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @norm_grad_c4_none(%g: tensor<?x8x4xf32>, %x: tensor<?x8x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects 'groups' to be at least 1, but got 0}}
  %0:2 = mblm.norm_grad rms %g, %x, %w {eps = 0.0 : f64, groups = 0}
    : tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<4xf32> -> tensor<?x8x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @multiply_c1(%x: tensor<?x8x4xf32>, %y: tensor<?x7x4xf32>) {
  // expected-error@+1 {{'mblm.multiply' op requires the same type for all operands and results}}
  %0 = "mblm.multiply"(%x, %y) : (tensor<?x8x4xf32>, tensor<?x7x4xf32>) -> tensor<?x8x4xf32>
  return
}

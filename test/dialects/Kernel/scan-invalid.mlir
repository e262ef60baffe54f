// Each function breaks the constraint of a scan kernel that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @scan_c1(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 4 offsets, but got 3}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c1_gate(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 5 offsets, but got 4}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c2(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<15x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects dimension 0 of 'a_log' to be 'channels' (16), but got 15}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<15x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c2_rank(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 'a_log' to have rank 2, but got 'tensor<16xf32>'}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c2_channels(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 'channels' to be at least 1, but got 0}}
  %y = kernel.scan <B x 6> channels 0 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c2_states(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x0xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 'states' to be at least 1, but got 0}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x0xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c3(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 16 features of 'input' at its offset, but got 32 features and offset 17}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [17, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c3_negative(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 16 features of 'delta' at its offset, but got 16 features and offset -1}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, -1, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c3_states(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 4 features of 'c' at its offset, but got 8 features and offset 5}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 5]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c3_gate(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 16 features of 'gate' at its offset, but got 16 features and offset 1}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 1]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c3_positions(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects dimension 1 of 'input' to be the positions of its space (7), but got 6}}
  %y = kernel.scan <B x 7> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c4(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<17xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects 'skip' to have shape [16], but got 'tensor<17xf32>'}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<17xf32>) -> tensor<?x6x16xf32>
  return
}

// -----

func.func @scan_c5(%x: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan' op expects dimension 2 of 'result' to be 'channels' (16), but got 17}}
  %y = kernel.scan <B x 6> channels 16 %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>) -> tensor<?x6x17xf32>
  return
}

// -----

func.func @scan_grad_c1(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 5 offsets, but got 4}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c2(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<15x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 0 of 'a_log' to be 'channels' (16), but got 15}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<15x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c3(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 16 features of 'input' at its offset, but got 32 features and offset 17}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [17, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c4(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<17xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 'skip' to have shape [16], but got 'tensor<17xf32>'}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<17xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5(%x: tensor<?x6x32xf32>, %g: tensor<?x6x32xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'grad' to be 'channels' (16), but got 32}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x32xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5_input(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'input_grad' to be 'channels' (16), but got 32}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5_delta(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'delta_grad' to be 'channels' (16), but got 32}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5_b(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'b_grad' to be dim(a_log, 1) (4), but got 8}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5_c(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'c_grad' to be dim(a_log, 1) (4), but got 8}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x8xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c5_gate(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'gate_grad' to be 'channels' (16), but got 8}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>)
  return
}

// -----

func.func @scan_grad_c6(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 'a_log_sums' to have shape [16, 1, 64], but got 'tensor<8x1x64xf32>'}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<8x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c6_skip(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 'skip_sums' to have shape [16, 1, 16], but got 'tensor<16x1x64xf32>'}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x64xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c7(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects dimension 2 of 'parts' to be P * 2 * dim(a_log, 1) (8), but got 4}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x4xf32>, tensor<?x6x16xf32>)
  return
}

// -----

func.func @scan_grad_c8(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>, %z: tensor<?x6x16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 'gate_grad' where 'gate' is and only there, but got a gate without it}}
  %r:7 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s gate %z at [0, 0, 0, 4, 0]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>, tensor<?x6x16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>)
  return
}

// -----

func.func @scan_grad_c8_no_gate(%x: tensor<?x6x32xf32>, %g: tensor<?x6x16xf32>, %d: tensor<?x6x16xf32>, %bc: tensor<?x6x8xf32>, %a: tensor<16x4xf32>, %s: tensor<16xf32>) {
  // expected-error@+1 {{'kernel.scan_grad' op expects 'gate_grad' where 'gate' is and only there, but got it without a gate}}
  %r:8 = kernel.scan_grad <B x 6> channels 16 %g, %x, %d, %bc, %bc a %a skip %s at [0, 0, 0, 4]
      : (tensor<?x6x16xf32>, tensor<?x6x32xf32>, tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<16x4xf32>, tensor<16xf32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x6x4xf32>, tensor<16x1x64xf32>, tensor<16x1x16xf32>, tensor<?x6x8xf32>, tensor<?x6x16xf32>)
  return
}

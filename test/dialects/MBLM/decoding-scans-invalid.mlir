// Each function or state breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @selective_scan_step_c1(%x: tensor<?x1x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<8xf32>, %z: tensor<?x1x7xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.selective_scan_step' op expects 'gate' to have the type of 'input' ('tensor<?x1x8xf32>'), but got 'tensor<?x1x7xf32>'}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<8x4xf32>, tensor<?x1x4xf32>, tensor<8xf32>, tensor<?x1x7xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @selective_scan_step_c2(%x: tensor<?x1x8xf32>, %a: tensor<7x4xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<8xf32>, %z: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.selective_scan_step' op expects dimension 0 of 'a_log' to be dim(input, 2) (8), but got 7}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<7x4xf32>, tensor<?x1x4xf32>, tensor<8xf32>, tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @selective_scan_step_c3(%x: tensor<?x1x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x1x5xf32>, %skip: tensor<8xf32>, %z: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.selective_scan_step' op expects dimension 2 of 'b' to be dim(a_log, 1) (4), but got 5}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<8x4xf32>, tensor<?x1x5xf32>, tensor<8xf32>, tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @selective_scan_step_c4(%x: tensor<?x1x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<7xf32>, %z: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.selective_scan_step' op expects dimension 0 of 'skip' to be dim(input, 2) (8), but got 7}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<8x4xf32>, tensor<?x1x4xf32>, tensor<7xf32>, tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x3x8xf32>

func.func @selective_scan_step_c5(%x: tensor<?x1x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<8xf32>, %z: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x3x8xf32>
  // expected-error@+1 {{'mblm.selective_scan_step' op expects dimension 1 of 'state' to be dim(a_log, 1) (4), but got 3}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x3x8xf32>, tensor<?x1x8xf32>, tensor<8x4xf32>, tensor<?x1x4xf32>, tensor<8xf32>, tensor<?x1x8xf32>
  return
}

// -----

func.func @selective_scan_step_c5_get(%x: tensor<?x1x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<8xf32>, %z: tensor<?x1x8xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'mblm.selective_scan_step' op expects 'state' to be an mblm.get_state, but got}}
  %0 = mblm.selective_scan_step %s, %x, %x a %a b %b c %b skip %skip gate %z : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<8x4xf32>, tensor<?x1x4xf32>, tensor<8xf32>, tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @ssd_step_c1(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x3xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects 'dim(dt, 2)' to divide dim(input, 2) (8), but got 3 (remainder 2)}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x3xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @ssd_step_c2(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects 'groups' to divide dim(dt, 2) (2), but got 3 (remainder 2)}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip {groups = 3} : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @ssd_step_c3(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<3xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects dimension 0 of 'a_log' to be dim(dt, 2) (2), but got 3}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<3xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @ssd_step_c4(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<3xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects dimension 0 of 'skip' to be dim(dt, 2) (2) or dim(input, 2) (8), but got 3}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<3xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x3x8xf32>

func.func @ssd_step_c5(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>) {
  %s = mblm.get_state @s : tensor<?x3x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects dimension 1 of 'state' to be dim(b, 2) / groups (4), but got 3}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip : tensor<?x3x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @ssd_step_c5_get(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'mblm.ssd_step' op expects 'state' to be an mblm.get_state, but got}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @ssd_step_c6(%x: tensor<?x1x8xf32>, %dt: tensor<?x1x2xf32>, %a: tensor<2xf32>, %b: tensor<?x1x4xf32>, %skip: tensor<2xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.ssd_step' op expects 0 <= 'dt_min' <= 'dt_max', but got -1}}
  %0 = mblm.ssd_step %s, %x, %dt bias %a a %a b %b c %b skip %skip {dt_min = -1.0 : f64} : tensor<?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x2xf32>, tensor<2xf32>, tensor<?x1x4xf32>, tensor<2xf32>
  return
}

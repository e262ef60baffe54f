// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @ssd_c1(%x: tensor<?x8x5xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 'dim(dt, 2)' to divide dim(input, 2) (5), but got 3 (remainder 2)}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x5xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c1_positions(%x: tensor<?x8x6xf32>, %dt: tensor<?x7x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                            %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects dimension 1 of 'dt' to be dim(input, 1) (8), but got 7}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x7x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c2(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 'groups' to divide dim(dt, 2) (3), but got 2 (remainder 1)}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {groups = 2}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c2_none(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                       %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 'groups' to be at least 1, but got 0}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {groups = 0}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c2_width(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                        %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 'groups' to divide dim(b, 2) (4), but got 3 (remainder 1)}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {groups = 3}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c3(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<6xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects dimension 0 of 'a_log' to be dim(dt, 2) (3), but got 6}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<6xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c4(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects dimension 0 of 'skip' to be dim(dt, 2) (3) or dim(input, 2) (6), but got 2}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @ssd_c5(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 'chunk' to be at least 1, but got 0}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {chunk = 0}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c6(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                  %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 0 <= 'dt_min' <= 'dt_max', but got 1.000000e+00 and 5.000000e-01}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {dt_min = 1.0 : f64, dt_max = 0.5 : f64}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_c6_negative(%x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>, %b: tensor<?x8x4xf32>,
                           %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd' op expects 0 <= 'dt_min' <= 'dt_max', but got -1.000000e+00 and 5.000000e-01}}
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %s {dt_min = -1.0 : f64, dt_max = 0.5 : f64}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c1(%g: tensor<?x8x5xf32>, %x: tensor<?x8x5xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 'dim(dt, 2)' to divide dim(input, 2) (5), but got 3 (remainder 2)}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x5xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c1_positions(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x7x3xf32>,
                                 %h: tensor<3xf32>, %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects dimension 1 of 'dt' to be dim(input, 1) (8), but got 7}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x7x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c2(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 'groups' to divide dim(dt, 2) (3), but got 2 (remainder 1)}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {groups = 2}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c2_none(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                            %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 'groups' to be at least 1, but got 0}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {groups = 0}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c2_width(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                             %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 'groups' to divide dim(b, 2) (4), but got 3 (remainder 1)}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {groups = 3}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c3(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<6xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects dimension 0 of 'a_log' to be dim(dt, 2) (3), but got 6}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<6xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c4(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects dimension 0 of 'skip' to be dim(dt, 2) (3) or dim(input, 2) (6), but got 2}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<2xf32>
  return
}

// -----

func.func @ssd_grad_c5(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 'chunk' to be at least 1, but got 0}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {chunk = 0}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c6(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>, %h: tensor<3xf32>,
                       %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 0 <= 'dt_min' <= 'dt_max', but got 1.000000e+00 and 5.000000e-01}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {dt_min = 1.0 : f64, dt_max = 0.5 : f64}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @ssd_grad_c6_negative(%g: tensor<?x8x6xf32>, %x: tensor<?x8x6xf32>, %dt: tensor<?x8x3xf32>,
                                %h: tensor<3xf32>, %b: tensor<?x8x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.ssd_grad' op expects 0 <= 'dt_min' <= 'dt_max', but got -1.000000e+00 and 5.000000e-01}}
  %0:7 = mblm.ssd_grad %g, %x, %dt bias %h a %h b %b c %b skip %s {dt_min = -1.0 : f64, dt_max = 0.5 : f64}
    : tensor<?x8x6xf32>, tensor<?x8x3xf32>, tensor<3xf32>, tensor<?x8x4xf32>, tensor<3xf32>
  return
}

// Each function breaks the constraint of a loss kernel that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @cross_entropy_c1(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'prologue' to have 6 arguments, but got 5}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c1_segments(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'segments' x 'width' to just cover 'columns' (8), but got 2 x 8}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 2 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c2(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'packed' to have shape [2, 8, 32], but got 'tensor<1x8x32xf32>'}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c2_bias(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'bias' to have shape [40], but got 'tensor<8xf32>'}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w bias %b
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<8xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c3(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'ids' to be i32 of rank 2, but got 'tensor<?x?xf32>'}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c1(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'prologue' to have 6 arguments, but got 5}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %v = arith.constant 1.0 : f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c1_segments(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'segments' x 'width' to just cover 'columns' (8), but got 2 x 8}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 2 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c2(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'packed' to have shape [2, 8, 32], but got 'tensor<1x8x32xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c2_bias(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %b: tensor<8xf32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'bias' to have shape [40], but got 'tensor<8xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt bias %b
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<8xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c3(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xf32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'ids' to be i32 of rank 2, but got 'tensor<?x?xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c4(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects 'loss' to have rank 2, but got 'tensor<?x?x1xf32>'}}
  %y:2 = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<?x?xi32>) -> (tensor<?x?x1xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_c4_lse(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.cross_entropy' op expects dimension 1 of 'lse' to be the positions of its space (5), but got 4}}
  %y:2 = kernel.cross_entropy <B x 5> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x4xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c4(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<2x8x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'packed_transposed' to have shape [1, 40, 32], but got 'tensor<2x8x32xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c5(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects dimension 2 of 'result' to be 'depth' (8), but got 40}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x40xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c5_grad(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<f32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'grad' to have rank 2, but got 'tensor<f32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<f32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c5_lse(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'lse' to have rank 2, but got 'tensor<?xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c6(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'weight_sums' to have shape [16, 1, 320], but got 'tensor<16x1x40xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x40xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// -----

func.func @cross_entropy_grad_c6_bias(%x: tensor<?x?x8xf32>, %w: tensor<2x8x32xf32>, %ids: tensor<?x?xi32>, %wt: tensor<1x40x32xf32>, %g: tensor<?x?xf32>, %lse: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.cross_entropy_grad' op expects 'bias_sums' to have shape [16, 1, 40], but got 'tensor<8x1x40xf32>'}}
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1(%x) packed %w, %wt
      grad %g lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<?x?xi32>, tensor<?x?xf32>, tensor<?x?xf32>)
      -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<8x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

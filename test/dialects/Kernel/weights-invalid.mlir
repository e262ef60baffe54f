// Each function breaks the constraint of an op on weights or gradients that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @weight_c1() {
  // expected-error@+1 {{'kernel.weight' op expects 'offset' to be at least 0, but got -1}}
  %w = kernel.weight [@w] at -1 : tensor<4xf32>
  return
}

// -----

func.func @weight_c1_none() {
  // expected-error@+1 {{'kernel.weight' op expects at least one parameter, but got none}}
  %w = kernel.weight [] at 0 : tensor<4xf32>
  return
}

// -----

func.func @pack_c1(%w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.pack' op expects 'result' to have shape [2, 8, 32], but got 'tensor<1x40x32xf32>'}}
  %p = kernel.pack %w : tensor<40x8xf32> -> tensor<1x40x32xf32>
  return
}

// -----

func.func @pack_c1_transposed(%w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.pack' op expects 'result' to have shape [1, 40, 32], but got 'tensor<2x8x32xf32>'}}
  %p = kernel.pack %w {transposed} : tensor<40x8xf32> -> tensor<2x8x32xf32>
  return
}

// -----

func.func @pack_c1_narrow(%w: tensor<40x40xf32>) {
  // expected-error@+1 {{'kernel.pack' op expects 'result' to have shape [2, 64, 32], but got 'tensor<2x40x32xbf16>'}}
  %p = kernel.pack %w : tensor<40x40xf32> -> tensor<2x40x32xbf16>
  return
}

// -----

func.func @pack_c2(%w: tensor<40xf32>) {
  // expected-error@+1 {{'kernel.pack' op expects 'weight' to have rank 2, but got 'tensor<40xf32>'}}
  %p = kernel.pack %w : tensor<40xf32> -> tensor<2x8x32xf32>
  return
}

// -----

func.func @quantize_c1() {
  %w = kernel.weight [@w] at 0 : tensor<40xf32>
  // expected-error@+1 {{'kernel.quantize' op expects 'weight' to have rank 2, but got 'tensor<40xf32>'}}
  %q, %s = kernel.quantize %w : tensor<40xf32> -> tensor<40xi8>, tensor<1xf32>
  return
}

// -----

func.func @quantize_c1_computed(%w: tensor<40x8xf32>) {
  // expected-error@+1 {{'kernel.quantize' op expects 'weight' to be made by 'kernel.weight', as copies are made of parameters}}
  %q, %s = kernel.quantize %w : tensor<40x8xf32> -> tensor<40x8xi8>, tensor<40xf32>
  return
}

// -----

func.func @quantize_c2() {
  %w = kernel.weight [@w] at 0 : tensor<40x8xf32>
  // expected-error@+1 {{'kernel.quantize' op expects 'numbers' to be 'tensor<40x8xi8>', but got 'tensor<8x40xi8>'}}
  %q, %s = kernel.quantize %w : tensor<40x8xf32> -> tensor<8x40xi8>, tensor<40xf32>
  return
}

// -----

func.func @quantize_c2_scales() {
  %w = kernel.weight [@w] at 0 : tensor<40x8xf32>
  // expected-error@+1 {{'kernel.quantize' op expects 'scales' to be 'tensor<40xf32>', but got 'tensor<8xf32>'}}
  %q, %s = kernel.quantize %w : tensor<40x8xf32> -> tensor<40x8xi8>, tensor<8xf32>
  return
}

// -----

func.func @weight_gemm_c1(%g: tensor<?x?x40xf32>, %r: tensor<?x2x256x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects dimension 1 of 'packed' to be the panels of its columns (1), but got 2}}
  kernel.weight_gemm <B x M> %g, %r columns 40 depth 8 into [@w] at 0 : tensor<?x?x40xf32>, tensor<?x2x256x32xf32>
  return
}

// -----

func.func @weight_gemm_c1_rows(%g: tensor<?x?x40xf32>, %r: tensor<?x1x48x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects dimension 2 of 'packed' to be the rows of a block (256), but got 48}}
  kernel.weight_gemm <B x M> %g, %r columns 40 depth 8 into [@w] at 0 : tensor<?x?x40xf32>, tensor<?x1x48x32xf32>
  return
}

// -----

func.func @weight_gemm_c1_panel(%g: tensor<?x?x40xf32>, %r: tensor<?x1x256x16xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects dimension 3 of 'packed' to be the columns of a panel (32), but got 16}}
  kernel.weight_gemm <B x M> %g, %r columns 40 depth 8 into [@w] at 0 : tensor<?x?x40xf32>, tensor<?x1x256x16xf32>
  return
}

// -----

func.func @weight_gemm_c2(%g: tensor<?x?x8xf32>, %r: tensor<?x1x256x32xf32>) {
  // expected-error@+1 {{'kernel.weight_gemm' op expects dimension 2 of 'grad' to be 'columns' (40), but got 8}}
  kernel.weight_gemm <B x M> %g, %r columns 40 depth 8 into [@w] at 0 : tensor<?x?x8xf32>, tensor<?x1x256x32xf32>
  return
}

// -----

func.func @reduce_c1(%x: tensor<3x4x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'input' to have the rows of its space (8), but got 12}}
  kernel.reduce <2 x 4> %x sums <0 x 1> into [@w] at 0 : tensor<3x4x8xf32>
  return
}

// -----

func.func @reduce_c1_rank(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'input' to have rank 3, but got 'tensor<?x8xf32>'}}
  kernel.reduce <B x M> %x sums <0 x 1> into [@w] at 0 : tensor<?x8xf32>
  return
}

// -----

func.func @reduce_c1_blocks(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'input' to have rank 2, but got 'tensor<?x?x8xf32>'}}
  kernel.reduce <B x M> %x sums <0 x 1> into [@w] at 0 {blocks} : tensor<?x?x8xf32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'sums' to end within the positions (4), but got 2 from 3}}
  kernel.reduce <B x 4> %x sums <3 x 2> into [@w] at 0 : tensor<?x4x8xf32>
  return
}

// -----

func.func @reduce_c2_form(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'sums' to end within the positions (2*M), but got 2*M from M}}
  kernel.reduce <B x 2*M> %x sums <M x 2*M> into [@w] at 0 : tensor<?x?x8xf32>
  return
}

// -----

func.func @reduce_c2_blocks(%x: tensor<?x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'sums' to end within the positions (1), but got M from 0}}
  kernel.reduce <B x M> %x sums <0 x M> into [@w] at 0 {blocks} : tensor<?x8xf32>
  return
}

// -----

func.func @reduce_c3(%x: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'kernel.reduce' op expects 'stride' to be at least 1, but got 0}}
  kernel.reduce <B x 4> %x sums <0 x 1> into [@w] at 0 {stride = 0 : i64} : tensor<?x4x8xf32>
  return
}

// -----

func.func @transpose_c1(%w: tensor<4xf32>) {
  // expected-error@+1 {{'kernel.transpose' op expects 'weight' to have rank 2, but got 'tensor<4xf32>'}}
  %t = kernel.transpose %w : tensor<4xf32> -> tensor<4x1xf32>
  return
}

// -----

func.func @transpose_c2(%w: tensor<4x3xf32>) {
  // expected-error@+1 {{'kernel.transpose' op expects 'result' to have shape [3, 4], but got 'tensor<4x3xf32>'}}
  %t = kernel.transpose %w : tensor<4x3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @embed_grad_c1(%ids: tensor<?x?xi32>, %g: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.embed_grad' op expects the last dimension of 'grad' to be a multiple of 'depth' (3), but got 8 (remainder 2)}}
  kernel.embed_grad <B x M> %ids, %g depth 3 into [@w] at 0 : tensor<?x?xi32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @embed_grad_c1_depth(%ids: tensor<?x?xi32>, %g: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.embed_grad' op expects 'depth' to be at least 1, but got 0}}
  kernel.embed_grad <B x M> %ids, %g depth 0 into [@w] at 0 : tensor<?x?xi32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @embed_grad_c2(%ids: tensor<?x?xf32>, %g: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.embed_grad' op expects 'ids' to be i32 of rank 2, but got 'tensor<?x?xf32>'}}
  kernel.embed_grad <B x M> %ids, %g depth 8 into [@w] at 0 : tensor<?x?xf32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @embed_grad_c3(%ids: tensor<?x?xi32>, %g: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.embed_grad' op expects 'bag' to be at least 1, but got 0}}
  kernel.embed_grad <B x M> %ids, %g depth 8 into [@w] at 0 {bag = 0} : tensor<?x?xi32>, tensor<?x?x8xf32>
  return
}

// -----

func.func @update_c1(%h: tensor<7xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.update' op expects 'hyper' to have shape [8], but got 'tensor<7xf32>'}}
  %n = kernel.update %h, %d : tensor<7xf32>, tensor<3xf32> -> tensor<f32>
  return
}

// -----

func.func @update_c2(%h: tensor<8xf32>, %d: tensor<f32>) {
  // expected-error@+1 {{'kernel.update' op expects 'decay' to have rank 1, but got 'tensor<f32>'}}
  %n = kernel.update %h, %d : tensor<8xf32>, tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @update_c2_norm(%h: tensor<8xf32>, %d: tensor<3xf32>) {
  // expected-error@+1 {{'kernel.update' op expects 'norm' to have rank 0, but got 'tensor<1xf32>'}}
  %n = kernel.update %h, %d : tensor<8xf32>, tensor<3xf32> -> tensor<1xf32>
  return
}

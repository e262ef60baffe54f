// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @regroup_c1(%ids: tensor<1x4xi32>) {
  // expected-error@+1 {{'mblm.regroup' op expects 'result' to have the rank and the element type of 'input' ('tensor<1x4xi32>'), but got 'tensor<1x4x1xf32>'}}
  %0 = mblm.regroup %ids : tensor<1x4xi32> -> tensor<1x4x1xf32>
  return
}

// -----

func.func @regroup_c2(%x: tensor<1x4x2xf32>) {
  // expected-error@+1 {{'mblm.regroup' op expects dimension 2 of 'result' to be static, but got a dynamic size}}
  %0 = mblm.regroup %x : tensor<1x4x2xf32> -> tensor<1x2x?xf32>
  return
}

// -----

func.func @regroup_c3(%x: tensor<1x4x2xf32>) {
  // expected-error@+1 {{'mblm.regroup' op expects 'result' to have as many elements as 'input' (8), but got 12}}
  %0 = mblm.regroup %x : tensor<1x4x2xf32> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @start_token_c1(%x: tensor<?x4x2xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.start_token' op expects dimension 0 of 'start' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.start_token %x, %s : tensor<?x4x2xf32>, tensor<3xf32> -> tensor<?x5x2xf32>
  return
}

// -----

func.func @start_token_c2(%x: tensor<?x4x2xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.start_token' op expects dimension 1 of 'result' to be dim(input, 1) + 1 (5), but got 4}}
  %0 = mblm.start_token %x, %s : tensor<?x4x2xf32>, tensor<2xf32> -> tensor<?x4x2xf32>
  return
}

// -----

func.func @start_c1(%s: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.start' op expects dimension 2 of 'result' to be dim(start, 0) (2), but got 3}}
  %0 = mblm.start %s : tensor<2xf32> -> tensor<1x1x3xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.slice' op expects 'before' to be at least 0, but got -1}}
  %0 = mblm.slice %x {before = -1} : tensor<?x4x2xf32> -> tensor<?x5x2xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.slice' op expects dimension 1 of 'result' to be dim(input, 1) - before - after (3), but got 4}}
  %0 = mblm.slice %x {after = 1} : tensor<?x4x2xf32> -> tensor<?x4x2xf32>
  return
}

// -----

func.func @slice_c2_empty(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.slice' op expects 'before' + 'after' to leave a position of dimension 1 of 'input' (4), but got 4}}
  %0 = mblm.slice %x {before = 3, after = 1} : tensor<?x4x2xf32> -> tensor<?x0x2xf32>
  return
}

// -----

func.func @pad_c1(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.pad' op expects 'after' to be at least 0, but got -1}}
  %0 = mblm.pad %x {after = -1} : tensor<?x4x2xf32> -> tensor<?x3x2xf32>
  return
}

// -----

func.func @pad_c2(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.pad' op expects dimension 1 of 'result' to be dim(input, 1) + before + after (5), but got 4}}
  %0 = mblm.pad %x {before = 1} : tensor<?x4x2xf32> -> tensor<?x4x2xf32>
  return
}

// -----

func.func @next_byte_c1(%x: tensor<?x1x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte' op expects dimension 1 of 'input' to be a start position and at least one byte (2), but got 1}}
  %0 = mblm.next_byte %x : tensor<?x1x2xf32> -> tensor<?x?x2xf32>
  return
}

// -----

func.func @next_byte_c1_dynamic(%x: tensor<?x?x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte' op expects dimension 1 of 'input' to be static, but got a dynamic size}}
  %0 = mblm.next_byte %x : tensor<?x?x2xf32> -> tensor<?x?x2xf32>
  return
}

// -----

func.func @next_byte_c2(%x: tensor<?x5x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte' op expects dimension 1 of 'result' to be a multiple of dim(input, 1) - 1 (4), but got 10 (remainder 2)}}
  %0 = mblm.next_byte %x : tensor<?x5x2xf32> -> tensor<?x10x2xf32>
  return
}

// -----

func.func @next_byte_c2_rows(%x: tensor<3x5x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte' op expects 'result' to have dim(input, 0) * (dim(input, 1) - 1) (12) rows, but got 8}}
  %0 = mblm.next_byte %x : tensor<3x5x2xf32> -> tensor<1x8x2xf32>
  return
}

// -----

func.func @next_byte_c2_width(%x: tensor<?x5x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte' op expects dimension 2 of 'result' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.next_byte %x : tensor<?x5x2xf32> -> tensor<?x?x3xf32>
  return
}

// -----

func.func @next_byte_grad_c1(%g: tensor<?x?x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte_grad' op expects dimension 1 of 'result' to be a start position and at least one byte (2), but got 1}}
  %0 = mblm.next_byte_grad %g : tensor<?x?x2xf32> -> tensor<?x1x2xf32>
  return
}

// -----

func.func @next_byte_grad_c2(%g: tensor<?x10x2xf32>) {
  // expected-error@+1 {{'mblm.next_byte_grad' op expects dimension 1 of 'grad' to be a multiple of dim(result, 1) - 1 (4), but got 10 (remainder 2)}}
  %0 = mblm.next_byte_grad %g : tensor<?x10x2xf32> -> tensor<?x5x2xf32>
  return
}

// -----

func.func @split_c1(%x: tensor<?x4x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects the widths of 'results' to add up to dim(input, 2) (6), but got 5}}
  %0:2 = mblm.split %x : tensor<?x4x6xf32> -> tensor<?x4x2xf32>, tensor<?x4x3xf32>
  return
}

// -----

func.func @split_c1_dynamic(%x: tensor<?x4x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects dimension 2 of 'results[0]' to be static, but got a dynamic size}}
  %0 = mblm.split %x : tensor<?x4x6xf32> -> tensor<?x4x?xf32>
  return
}

// -----

func.func @split_c2(%x: tensor<?x4x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects dimension 1 of 'results[1]' to be dim(input, 1) (4), but got 3}}
  %0:2 = mblm.split %x : tensor<?x4x6xf32> -> tensor<?x4x2xf32>, tensor<?x3x4xf32>
  return
}

// -----

func.func @concat_c1(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.concat' op expects the widths of 'inputs' to add up to dim(result, 2) (5), but got 4}}
  %0 = mblm.concat %x, %x : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x4x5xf32>
  return
}

// -----

func.func @concat_c1_none() {
  // expected-error@+1 {{'mblm.concat' op expects at least one input, but got none}}
  %0 = "mblm.concat"() : () -> tensor<?x4x5xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<?x4x2xf32>, %y: tensor<?x3x2xf32>) {
  // expected-error@+1 {{'mblm.concat' op expects dimension 1 of 'inputs[1]' to be dim(result, 1) (4), but got 3}}
  %0 = mblm.concat %x, %y : tensor<?x4x2xf32>, tensor<?x3x2xf32> -> tensor<?x4x4xf32>
  return
}

// -----

func.func @split_c3(%x: tensor<?x4x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects the lengths of 'results' to add up to dim(input, 1) (4), but got 5}}
  %0:2 = mblm.split %x {positions} : tensor<?x4x6xf32> -> tensor<?x2x6xf32>, tensor<?x3x6xf32>
  return
}

// -----

func.func @split_c3_dynamic(%x: tensor<?x?x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects dimension 1 of 'results[0]' to be static, but got a dynamic size}}
  %0:2 = mblm.split %x {positions} : tensor<?x?x6xf32> -> tensor<?x?x6xf32>, tensor<?x3x6xf32>
  return
}

// -----

func.func @split_c1_positions(%x: tensor<?x4x6xf32>) {
  // expected-error@+1 {{'mblm.split' op expects dimension 2 of 'results[1]' to be dim(input, 2) (6), but got 5}}
  %0:2 = mblm.split %x {positions} : tensor<?x4x6xf32> -> tensor<?x2x6xf32>, tensor<?x2x5xf32>
  return
}

// -----

func.func @concat_c3(%x: tensor<?x4x2xf32>) {
  // expected-error@+1 {{'mblm.concat' op expects the lengths of 'inputs' to add up to dim(result, 1) (9), but got 8}}
  %0 = mblm.concat %x, %x {positions} : tensor<?x4x2xf32>, tensor<?x4x2xf32> -> tensor<?x9x2xf32>
  return
}

// -----

func.func @concat_c3_dynamic(%x: tensor<?x?x2xf32>) {
  // expected-error@+1 {{'mblm.concat' op expects dimension 1 of 'inputs[0]' to be static, but got a dynamic size}}
  %0 = mblm.concat %x, %x {positions} : tensor<?x?x2xf32>, tensor<?x?x2xf32> -> tensor<?x?x2xf32>
  return
}

// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @pieces_c1(%x: tensor<?x2x2xf32>) -> tensor<?x2x2xf32> {
  // expected-error@+1 {{'mblm.pieces' op expects 'callee' to be a function of the module, but got @nothing}}
  %0 = mblm.pieces @nothing(%x) : (tensor<?x2x2xf32>) -> tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}

// -----

func.func private @same(%x: tensor<?x2x2xf32> {mblm.per_slot = 1}) -> (tensor<?x2x2xf32> {mblm.per_slot = 1}) {
  return %x : tensor<?x2x2xf32>
}
func.func @pieces_c1_type(%x: tensor<?x2x3xf32>) -> tensor<?x2x2xf32> {
  // expected-error@+1 {{'mblm.pieces' op expects @same to have the type of operands and results ('(tensor<?x2x3xf32>) -> tensor<?x2x2xf32>'), but got '(tensor<?x2x2xf32>) -> tensor<?x2x2xf32>'}}
  %0 = mblm.pieces @same(%x) : (tensor<?x2x3xf32>) -> tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}

// -----

func.func private @same(%x: tensor<?x2x2xf32>) -> (tensor<?x2x2xf32> {mblm.per_slot = 1}) {
  return %x : tensor<?x2x2xf32>
}
func.func @pieces_c2(%x: tensor<?x2x2xf32>) -> tensor<?x2x2xf32> {
  // expected-error@+1 {{'mblm.pieces' op expects argument 0 of @same to have sequences by slots (tensor<? x static x static>, 'mblm.per_slot' >= 1), but got 'tensor<?x2x2xf32>' with}}
  %0 = mblm.pieces @same(%x) : (tensor<?x2x2xf32>) -> tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}

// -----

func.func private @same(%x: tensor<?x?x2xf32> {mblm.per_slot = 1}) -> tensor<?x?x2xf32> {
  return %x : tensor<?x?x2xf32>
}
func.func @pieces_c2_dynamic(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  // expected-error@+1 {{'mblm.pieces' op expects argument 0 of @same to have sequences by slots (tensor<? x static x static>, 'mblm.per_slot' >= 1), but got 'tensor<?x?x2xf32>' with 1}}
  %0 = mblm.pieces @same(%x) : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %0 : tensor<?x?x2xf32>
}

// -----

func.func private @same(%x: tensor<?x2x2xf32> {mblm.per_slot = 1}) -> (tensor<?x2x2xf32> {mblm.per_slot = 0}) {
  return %x : tensor<?x2x2xf32>
}
func.func @pieces_c3(%x: tensor<?x2x2xf32>) -> tensor<?x2x2xf32> {
  // expected-error@+1 {{'mblm.pieces' op expects result 0 of @same to have sequences by slots (tensor<? x static x static>, 'mblm.per_slot' >= 1), but got 'tensor<?x2x2xf32>' with 0}}
  %0 = mblm.pieces @same(%x) : (tensor<?x2x2xf32>) -> tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}

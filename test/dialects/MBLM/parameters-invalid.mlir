// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{'mblm.parameter' op expects 'type' to be a static f32 tensor of rank 1 or 2, but got 'tensor<2x?xf32>'}}
mblm.parameter @parameter_c1 at 0 : tensor<2x?xf32>

// -----

// expected-error@+1 {{'mblm.parameter' op expects 'type' to be a static f32 tensor of rank 1 or 2, but got 'tensor<2xi32>'}}
mblm.parameter @parameter_c1_element at 0 : tensor<2xi32>

// -----

// expected-error@+1 {{'mblm.parameter' op expects 'offset' to be at least 0, but got -4}}
mblm.parameter @parameter_c2 at -4 : tensor<2xf32>

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @load_c1() {
  // expected-error@+1 {{'mblm.load' op expects 'parameters' to name parameters of the module, but got @c}}
  %0 = mblm.load [@c] : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @load_c1_empty() {
  // expected-error@+1 {{'mblm.load' op expects 'parameters' to name at least one parameter, but got none}}
  %0 = mblm.load [] : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @load_c2() {
  // expected-error@+1 {{'mblm.load' op expects 'result' to be the concatenated parameters ('tensor<3x3xf32>'), but got 'tensor<2x3xf32>'}}
  %0 = mblm.load [@a, @b] : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @load_c2_rows() {
  // expected-error@+1 {{'mblm.load' op expects parameter @other to have the rows of @b ('tensor<1x3xf32>'), but got 'tensor<1x2xf32>'}}
  %0 = mblm.load [@b, @other] : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @load_c3() {
  // expected-error@+1 {{'mblm.load' op expects parameter @far to begin where @a ends (6), but got 12}}
  %0 = mblm.load [@a, @far] : tensor<3x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @gradient_c1(%v: tensor<2x3xf32>) {
  // expected-error@+1 {{'mblm.gradient' op expects 'parameters' to name parameters of the module, but got @c}}
  mblm.gradient [@c], %v : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @gradient_c2(%v: tensor<2x3xf32>) {
  // expected-error@+1 {{'mblm.gradient' op expects 'value' to be the concatenated parameters ('tensor<3x3xf32>'), but got 'tensor<2x3xf32>'}}
  mblm.gradient [@a, @b], %v : tensor<2x3xf32>
  return
}

// -----

mblm.parameter @a at 0 : tensor<2x3xf32>
mblm.parameter @b at 6 : tensor<1x3xf32>
mblm.parameter @far at 12 : tensor<1x3xf32>
mblm.parameter @other at 9 : tensor<1x2xf32>
func.func @gradient_c3(%v: tensor<3x3xf32>) {
  // expected-error@+1 {{'mblm.gradient' op expects parameter @far to begin where @a ends (6), but got 12}}
  mblm.gradient [@a, @far], %v : tensor<3x3xf32>
  return
}

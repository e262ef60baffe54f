// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu --kernel-lower-gpu=library=fits | FileCheck %s --check-prefix=FITS
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu=precision=tf32 --kernel-lower-gpu="library=fits precision=tf32" | FileCheck %s --check-prefix=TF32
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu --kernel-lower-gpu | FileCheck %s --check-prefix=PAYS
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu --kernel-lower-gpu=library=never | FileCheck %s --check-prefix=NEVER

// Which products a library may compute: those of rows that lie in memory, or that a kernel before puts there, with a standard
// epilogue. They stand beside the launches that do without it. Tensors are pointers in the order operands, results, gradients,
// temporary.

// FITS: mblm.gpu

// A product as it stands. It pays for enough rows.
// FITS-SAME: a_plain = {
// FITS-SAME: product = {activation = "none", columns = array<i64: 512, 0, 0, 0, 0>, compute = "f32", depth = array<i64: 512, 0, 0, 0, 0>, element = "f32", launches = 1 : i64, least = 0 : i64, left = 0 : i64, left_depth = "inside", result = 2 : i64, result_element = "f32", right = 1 : i64, right_depth = "inside", rows = array<i64: 0, 0, 0, 1, 0>}

// FITS-SAME: b_bias_and_gelu = {
// FITS-SAME: product = {activation = "gelu_tanh", bias = 2 : i64,
// FITS-SAME: left = 0 : i64, left_depth = "inside", result = 3 : i64

// Wide rows behind a norm are made by a launch before; narrower ones on chip, where no library can read them.
// FITS-SAME: c_norm_and_residual = {
// FITS-SAME: kernel = "gemm_v{{[0-9]+}}"
// FITS-NOT: product
// FITS-SAME: kernel = "gemm_v{{[0-9]+}}_2"
// FITS-SAME: product = {activation = "none", addend = {{[34]}} : i64, bias = {{[34]}} : i64,
// FITS-SAME: launches = 1 : i64, least = 0 : i64, left = 6 : i64, left_depth = "inside", result = 5 : i64

// FITS-SAME: c_norm_on_chip = {
// FITS-NOT: product

// No library has the exact form.
// FITS-SAME: d_exact_gelu = {
// FITS-NOT: product
// FITS-SAME: e_gradients = {

// By a weight that lies the other way round; then sums over rows, which are added to the gradients.
// FITS-SAME: product = {activation = "none",
// FITS-SAME: right_depth = "outside", rows = array<i64: 0, 0, 0, 1, 0>}
// FITS-SAME: product = {activation = "none", addend = 2 : i64, columns = array<i64: 512, 0, 0, 0, 0>, compute = "f32", depth = array<i64: 0, 0, 0, 1, 0>, element = "f32", launches = 2 : i64, least = 0 : i64, left = 0 : i64, left_depth = "outside", result = 2 : i64, result_element = "f32", right = 1 : i64, right_depth = "outside", rows = array<i64: 512, 0, 0, 0, 0>}
// FITS-SAME: f_small = {
// FITS-SAME: product =

// TF32: a_plain = {
// TF32-SAME: compute = "tf32"

// PAYS: a_plain = {
// PAYS-SAME: least = 2147483648 : i64
// PAYS-SAME: f_small = {
// PAYS-NOT: product

// NEVER-NOT: product =

module {
  mblm.parameter @w at 0 : tensor<512x512xf32>
  mblm.parameter @v at 262144 : tensor<512xf32>
  mblm.parameter @g at 262656 : tensor<512xf32>
  mblm.parameter @s at 263168 : tensor<64x512xf32>
  mblm.parameter @wide at 295936 : tensor<512x2048xf32>
  mblm.parameter @wide_g at 1344512 : tensor<2048xf32>

  func.func @a_plain(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %y = mblm.linear %x, %w : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }
  func.func @b_bias_and_gelu(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %v = mblm.load [@v] : tensor<512xf32>
    %h = mblm.linear %x, %w, %v : tensor<?x?x512xf32>, tensor<512x512xf32>, tensor<512xf32> -> tensor<?x?x512xf32>
    %y = mblm.activation gelu_tanh %h : tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }
  func.func @c_norm_and_residual(%x: tensor<?x?x2048xf32>, %r: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@wide] : tensor<512x2048xf32>
    %v = mblm.load [@v] : tensor<512xf32>
    %g = mblm.load [@wide_g] : tensor<2048xf32>
    %n = mblm.norm rms %x, %g {eps = 1.0e-2 : f64} : tensor<?x?x2048xf32>, tensor<2048xf32> -> tensor<?x?x2048xf32>
    %h = mblm.linear %n, %w, %v : tensor<?x?x2048xf32>, tensor<512x2048xf32>, tensor<512xf32> -> tensor<?x?x512xf32>
    %y = mblm.add %h, %r : tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }
  func.func @c_norm_on_chip(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %g = mblm.load [@g] : tensor<512xf32>
    %n = mblm.norm rms %x, %g {eps = 1.0e-2 : f64} : tensor<?x?x512xf32>, tensor<512xf32> -> tensor<?x?x512xf32>
    %h = mblm.linear %n, %w : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    return %h : tensor<?x?x512xf32>
  }
  func.func @d_exact_gelu(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %h = mblm.linear %x, %w : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    %y = mblm.activation gelu %h : tensor<?x?x512xf32>
    return %y : tensor<?x?x512xf32>
  }
  func.func @e_gradients(%x: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
    %w = mblm.load [@w] : tensor<512x512xf32>
    %y = mblm.linear %x, %w {transposed} : tensor<?x?x512xf32>, tensor<512x512xf32> -> tensor<?x?x512xf32>
    %d = mblm.weight_grad %y, %x : tensor<?x?x512xf32>, tensor<?x?x512xf32> -> tensor<512x512xf32>
    mblm.gradient [@w], %d : tensor<512x512xf32>
    return %y : tensor<?x?x512xf32>
  }
  func.func @f_small(%x: tensor<?x?x512xf32>) -> tensor<?x?x64xf32> {
    %s = mblm.load [@s] : tensor<64x512xf32>
    %y = mblm.linear %x, %s : tensor<?x?x512xf32>, tensor<64x512xf32> -> tensor<?x?x64xf32>
    return %y : tensor<?x?x64xf32>
  }
}

// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel --verify-diagnostics

// Three bytes a slot are no patches of two.
module attributes {mblm.inner = 3 : i64} {
  func.func @no_form(%ids: tensor<?x?xi32>) -> tensor<?x2xi32> {
    // expected-error@+1 {{'mblm.regroup' op expects sizes that are linear forms of B, M and P}}
    %0 = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x2xi32>
    return %0 : tensor<?x2xi32>
  }
}

// -----

module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @w at 0 : tensor<2x2xf32>
  func.func @no_sum() {
    // expected-error@+1 {{expects a parameter's gradient from a linear map, a table, a norm or a sum, but got kernel.weight}}
    %w = mblm.load [@w] : tensor<2x2xf32>
    mblm.gradient [@w], %w : tensor<2x2xf32>
    return
  }
}

// RUN: mblm-opt %s --mblm-differentiate --split-input-file --verify-diagnostics

// expected-error@+1 {{expected a function @loss to differentiate, but the module has none}}
module {
}

// -----

module {
  // expected-error@+1 {{expected @loss to be one block of type (ids, mask) -> (loss, sum, count) with scalar results, but its type is '(tensor<?x?xi32>) -> tensor<f32>'}}
  func.func private @loss(tensor<?x?xi32>) -> tensor<f32>
}

// -----

module {
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %zero = arith.constant dense<0.0> : tensor<f32>
    return %zero, %zero, %zero : tensor<f32>, tensor<f32>, tensor<f32>
  }
  // expected-error@+1 {{expected @train_loss to be one block of type (ids, mask, key) -> (loss, sum, count) with scalar results, but its type is '(tensor<?x?xi32>) -> tensor<f32>'}}
  func.func private @train_loss(tensor<?x?xi32>) -> tensor<f32>
}

// -----

module {
  mblm.parameter @table at 0 : tensor<5x5xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x5xf32>
    %logits = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x5xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %total, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %total, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
  // expected-error@+1 {{expected a module that is not differentiated yet, but it has a function @gradients}}
  func.func private @gradients()
}

// -----

module {
  mblm.parameter @table at 0 : tensor<5x5xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x5xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x5xf32> -> tensor<?x?x5xf32>
    // expected-error@+1 {{'mblm.pad' op stands between the parameters and the loss, but has no gradient; expected an op with DifferentiableOpInterface}}
    %padded = mblm.pad %x {before = 1 : i64} : tensor<?x?x5xf32> -> tensor<?x?x5xf32>
    %logits = mblm.slice %padded {before = 1 : i64} : tensor<?x?x5xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %total, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %total, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

// -----

module {
  mblm.parameter @table at 0 : tensor<5x10xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x10xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x10xf32> -> tensor<?x?x10xf32>
    // expected-error@+1 {{'mblm.split' op needs a gradient for each result to have one itself, but nothing depends on result 1}}
    %logits, %rest = mblm.split %x : tensor<?x?x10xf32> -> tensor<?x?x5xf32>, tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %total, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %total, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

// -----

module {
  mblm.parameter @table at 0 : tensor<5x5xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x5xf32>
    %logits = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<5x5xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    // expected-error@+1 {{'mblm.mean_loss' op has no gradient through its result 'sum', but something depends on it}}
    %loss, %total, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %total, %loss, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}

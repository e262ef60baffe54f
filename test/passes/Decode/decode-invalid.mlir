// RUN: mblm-opt %s --mblm-decode --split-input-file --verify-diagnostics

// expected-error@+1 {{expects a function @forward from ids (and lengths of patches) to logits, of one block}}
module {
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

// Later positions.
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %0 = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.attention' op has no step: with mask 'full' it needs later positions}}
  %1, %lse = mblm.attention %0, %0, %0 mask(full) {heads = 1, scale = 1.0 : f64} : tensor<?x?x4xf32>, tensor<?x?x1xf32>
  return %1 : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %0 = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.token_shift' op has no step: with 'reverse' it needs later positions}}
  %1 = mblm.token_shift %0 {reverse} : tensor<?x?x4xf32>
  return %1 : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

// Two stages side by side.
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %0 = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  %1 = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.add' op expects operands of one stage, or slots and the context of the stage above}}
  %2 = mblm.add %0, %1 : tensor<?x?x4xf32>
  return %2 : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

// How many bytes a patch will have, its steps do not know.
func.func @forward(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %x = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  %seen = mblm.visible_bytes %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %x, %x, %x in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  %spans = mblm.patch_bytes %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %owners = mblm.byte_patches %lengths, %ids {ahead} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %p = mblm.pool max %y over %spans : tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.spread' op has no step with 'mean'}}
  %s = mblm.spread %p by %owners of %spans {mean} : tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  return %s : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  // expected-error@+1 {{'mblm.embed_bag' op has no step but for rows of n-grams}}
  %x = mblm.embed_bag %ids, %t bag 1 : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  %seen = mblm.visible_bytes %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %x, %x, %x in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %x = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.token_shift' op has no step: it mixes positions}}
  %shifted = mblm.token_shift %x : tensor<?x?x4xf32>
  %seen = mblm.visible_bytes %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %shifted, %x, %x in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

// What stands behind a prefix has no step.
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %x = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.split' op has no step: it mixes positions}}
  %prefix, %latents = mblm.split %x {positions} : tensor<?x?x4xf32> -> tensor<?x3x4xf32>, tensor<?x?x4xf32>
  %both = mblm.concat %prefix, %latents {positions} : tensor<?x3x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  %seen = mblm.visible_bytes %ids {skip = 3} : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %latents, %both, %both in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

mblm.parameter @t at 0 : tensor<5x4xf32>

func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %t = mblm.load [@t] : tensor<5x4xf32>
  %x = mblm.embed %ids, %t : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
  // expected-error@+1 {{'mblm.rope' op has no step: its positions begin elsewhere already}}
  %y = mblm.rope half_split %x from 3 : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// Each function or state breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{'mblm.state' op expects 'type' to be an f32 tensor [B, n, C] with a dynamic B and a static C, but got 'tensor<2x4x8xf32>'}}
mblm.state @state_c1 at [0, 0, 0, 0] : tensor<2x4x8xf32>

// -----

// expected-error@+1 {{'mblm.state' op expects 'offset' to be four coefficients, none of them negative, but got array<i64: 0, 0, -16, 0>}}
mblm.state @state_c2 at [0, 0, -16, 0] : tensor<?x4x8xf32>

// -----

// expected-error@+1 {{'mblm.state' op expects 'more' only where dimension 1 of the type is dynamic, but got 1 for 'tensor<?x4x8xf32>'}}
mblm.state @state_c3 at [0, 0, 0, 0] : tensor<?x4x8xf32> {more = 1}

// -----

// expected-error@+1 {{'mblm.state' op expects 'more' to be at least 0, but got -1}}
mblm.state @state_c3_negative at [0, 0, 0, 0] : tensor<?x?x8xf32> {more = -1}

// -----

// expected-error@+1 {{'mblm.state' op expects 'per_patch' only where dimension 1 of the type is dynamic, but got 'tensor<?x4x8xf32>'}}
mblm.state @state_c4 at [0, 0, 0, 0] : tensor<?x4x8xf32> {per_patch}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @get_state_c1() {
  // expected-error@+1 {{'mblm.get_state' op expects 'state' to name a state of the module, but got @t}}
  %0 = mblm.get_state @t : tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @get_state_c2() {
  // expected-error@+1 {{'mblm.get_state' op expects 'result' to have the state's type ('tensor<?x4x8xf32>'), but got 'tensor<?x5x8xf32>'}}
  %0 = mblm.get_state @s : tensor<?x5x8xf32>
  return
}

// -----

func.func @read_c1(%s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'mblm.read' op expects 'state' to be an mblm.get_state, but got}}
  %0 = mblm.read %s from 0 : tensor<?x4x8xf32> -> tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @read_c2() {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.read' op expects dimension 2 of 'result' to be dim(state, 2) (8), but got 7}}
  %0 = mblm.read %s from 0 : tensor<?x4x8xf32> -> tensor<?x1x7xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @read_c2_dynamic() {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.read' op expects dimension 1 of 'result' to be static, but got a dynamic size}}
  %0 = mblm.read %s from 0 : tensor<?x4x8xf32> -> tensor<?x?x8xf32>
  return
}

// -----

func.func @write_c1(%s: tensor<?x4x8xf32>, %x: tensor<?x1x8xf32>) {
  // expected-error@+1 {{'mblm.write' op expects 'state' to be an mblm.get_state, but got}}
  mblm.write %s, %x from 0 : tensor<?x4x8xf32>, tensor<?x1x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @write_c2(%x: tensor<?x1x7xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.write' op expects dimension 2 of 'value' to be dim(state, 2) (8), but got 7}}
  mblm.write %s, %x from 0 : tensor<?x4x8xf32>, tensor<?x1x7xf32>
  return
}

// -----

func.func @recall_c1(%s: tensor<?x4x8xf32>, %x: tensor<?x1x8xf32>) {
  // expected-error@+1 {{'mblm.recall' op expects 'state' to be an mblm.get_state, but got}}
  %0 = mblm.recall %s, %x : tensor<?x4x8xf32>, tensor<?x1x8xf32> -> tensor<?x5x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @recall_c2(%x: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.recall' op expects dimension 1 of 'result' to be dim(state, 1) + dim(input, 1) (5), but got 4}}
  %0 = mblm.recall %s, %x : tensor<?x4x8xf32>, tensor<?x1x8xf32> -> tensor<?x4x8xf32>
  return
}

// -----

func.func @cached_attention_c1(%q: tensor<?x1x8xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error@+1 {{'mblm.cached_attention' op expects 'key' to be an mblm.get_state, but got}}
  %0 = mblm.cached_attention %q, %s, %s mask(causal) {heads = 2, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c2(%q: tensor<?x1x6xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects dimension 2 of 'query' to be dim(key, 2) (8), but got 6}}
  %0 = mblm.cached_attention %q, %s, %s mask(causal) {heads = 2, scale = 1.0 : f64} : tensor<?x1x6xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c3(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects 'heads' to divide dim(query, 2) (8), but got 3 (remainder 2)}}
  %0 = mblm.cached_attention %q, %s, %s mask(causal) {heads = 3, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c3_none(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects 'heads' to be at least 1, but got 0}}
  %0 = mblm.cached_attention %q, %s, %s mask(causal) {heads = 0, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c4(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects mask 'causal' or 'block_causal', but got 'full'}}
  %0 = mblm.cached_attention %q, %s, %s mask(full) {heads = 2, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c5(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects 'block' for mask 'block_causal' and only there, but got mask 'block_causal' without it}}
  %0 = mblm.cached_attention %q, %s, %s mask(block_causal) {heads = 2, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c5_least(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects 'block' to be at least 1, but got 0}}
  %0 = mblm.cached_attention %q, %s, %s mask(block_causal, 0) {heads = 2, scale = 1.0 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

// -----

mblm.state @s at [0, 0, 0, 0] : tensor<?x4x8xf32>

func.func @cached_attention_c6(%q: tensor<?x1x8xf32>) {
  %s = mblm.get_state @s : tensor<?x4x8xf32>
  // expected-error@+1 {{'mblm.cached_attention' op expects 'scale' to be finite, but got +Inf}}
  %0 = mblm.cached_attention %q, %s, %s mask(causal) {heads = 2, scale = 0x7FF0000000000000 : f64} : tensor<?x1x8xf32>, tensor<?x4x8xf32>
  return
}

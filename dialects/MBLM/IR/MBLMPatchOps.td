//===- MBLMPatchOps.td - Patches that the data decides -------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_PATCH_OPS
#define MBLM_PATCH_OPS

include "dialects/MBLM/IR/MBLMAttrs.td"

// The bytes of a sequence fall into patches of any lengths (BLT). With `lengths[b, m]` the bytes of patch m, which add up to N + 1 for
// N bytes (the last patch counts the next byte, which nobody knows yet) and are zero behind the last patch:
//   begin(m) = min(N, sum over j < m of lengths[b, j]),  patch(t) = the m with begin(m) <= t < sum over j <= m of lengths[b, j]
// What reads what is said by *ranges*: `tensor<K x 2T x i32>`, for each of T positions [2t, 2t + 1] the first position that it reads
// elsewhere and the one behind the last. No range begins or ends before that of the position in front of it.

//===----------------------------------------------------------------------===//
// Numbers of rows and positions
//===----------------------------------------------------------------------===//

def MBLM_LeadOp : MBLM_PureOp<"lead"> {
  let summary = "Zeros before each sequence of ids.";
  let description = [{
    `result[k, t] = 0` for t < count, else `ids[k, t - count]`.

    Constraints: (C1) `count >= 0`; (C2) `shape(result) = [K, T + count]`.
  }];
  let arguments = (ins MBLM_Ids:$ids, I64Attr:$count);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$ids `count` $count attr-dict `:` type($ids) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_NgramRowsOp : MBLM_PureOp<"ngram_rows"> {
  let summary = "For each byte its row, and those of the n-grams that end there, in tables that stand one behind the other.";
  let description = [{
    The first table has `vocab` rows, one for each id; then come F*G tables of `rows` rows, F = `functions`, G = |sizes|; then one
    for each list of n-grams. With n = 1 + F*G + L:
    * `result[k, t*n] = ids[k, t]`;
    * number 1 + f*G + g: `vocab + (f*G + g)*rows + h`, `h = (sum over j < s of id[t - s + 1 + j] * prime_f^j) mod rows`, s =
      sizes[g], ids before the sequence 0, the sum a signed 64-bit number that wraps, the remainder not negative (BLT's hash:
      the oldest byte has power 0);
    * the lists: 4 + the place of the `list_lengths[l]` ids that end at t in list l, or 0 where they are not in it, behind all rows
      of the tables before. `list_keys[l]` are the lists' n-grams as numbers sum id_j * vocab^j, the newest id j = 0, in increasing order
      without sign, and `list_places[l]` their places.

    Constraints:
    * (C1) `vocab >= 1`, `1 <= sizes[g] <= 64`, `0 <= functions <= 11` and, where there are any, `rows >= 1`.
    * (C2) `shape(result) = [K, T*n]`.
    * (C3) as many `list_keys` and `list_places` as `list_lengths`, of equal sizes each, and vocab^length fits into 64 bits.
    * (C4) all tables together have fewer than 2^31 rows.
    * every id is in `[0, vocab)`: the caller's duty.
  }];
  let arguments = (ins MBLM_Ids:$ids, I64Attr:$vocab, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$sizes,
                       DefaultValuedAttr<I64Attr, "0">:$functions, DefaultValuedAttr<I64Attr, "0">:$rows,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$list_lengths,
                       DefaultValuedAttr<TypedArrayAttrBase<DenseI64ArrayAttr, "keys of n-grams">, "{}">:$list_keys,
                       DefaultValuedAttr<TypedArrayAttrBase<DenseI64ArrayAttr, "places of n-grams">, "{}">:$list_places);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$ids `vocab` $vocab attr-dict `:` type($ids) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // n
    int64_t perPosition();
  }];
}

def MBLM_VisibleBytesOp : MBLM_PureOp<"visible_bytes"> {
  let summary = "The ranges of causal attention within documents and a window.";
  let description = [{
    With d(t) the position behind the last u < t with `ids[k, u] = end` (0 where there is none or no `end`), w = `window` (without
    one: all) and t = `skip` + i: `result[k, 2i] = max(d(t), t - w + 1)`, `result[k, 2i + 1] = t + 1`. So the id `end` belongs to the
    document that it ends, the window counts the position itself, and the first `skip` positions have no range though others see them.

    Constraints: (C1) `window >= 1`; (C2) `shape(result) = [K, 2(T - skip)]`; (C3) `skip >= 0`.
  }];
  let arguments = (ins MBLM_Ids:$ids, OptionalAttr<I64Attr>:$window, OptionalAttr<I64Attr>:$end, DefaultValuedAttr<I64Attr, "0">:$skip);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$ids (`window` $window^)? (`end` $end^)? attr-dict `:` type($ids) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_VisiblePatchesOp : MBLM_PureOp<"visible_patches"> {
  let summary = "The ranges of causal attention of patches within documents.";
  let description = [{
    As `mblm.visible_bytes` without a window, of patches: patch u ends a document where one of its bytes is `end`. So a patch with
    bytes of two documents belongs to the earlier one. The first patch has `lead` bytes more than `lengths` says.

    Constraints: (C1) `lead >= 0`; (C2) `shape(result) = [K, 2P]`; (C3) `ids` and `lengths` have K rows.
  }];
  let arguments = (ins MBLM_Ids:$ids, MBLM_Ids:$lengths, OptionalAttr<I64Attr>:$end, DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$ids `,` $lengths (`end` $end^)? attr-dict `:` type($ids) `,` type($lengths) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_PatchBytesOp : MBLM_PureOp<"patch_bytes"> {
  let summary = "The bytes of each patch, as ranges.";
  let description = [{
    For the r-th of `rows` vectors of patch m, i = m*rows + r, w = `window`: `result[k, 2i] = begin(max(0, m - w + 1))`,
    `result[k, 2i + 1] = begin(m + 1)`. With `ahead`, each byte belongs to the last patch that is complete before the next byte's:
    `begin'(0) = 0`, `begin'(m) = (sum over j <= m of lengths[k, j]) - 1`, `begin'(P) = N`. The first patch has `lead` bytes more than `lengths` says; `ids` are the N bytes.

    Constraints: (C1) `rows >= 1`, `window >= 1`, `lead >= 0`; (C2) `shape(result) = [K, 2*P*rows]`; (C3) as (C3) of
    `mblm.visible_patches`.
    * `lengths[k, 0] + lead = 1` where `ahead` is given: the caller's duty, as are sums of N + 1.
  }];
  let arguments = (ins MBLM_Ids:$lengths, MBLM_Ids:$ids, DefaultValuedAttr<I64Attr, "1">:$rows,
                       DefaultValuedAttr<I64Attr, "1">:$window, UnitAttr:$ahead, DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$lengths `,` $ids attr-dict `:` type($lengths) `,` type($ids) `->` type($result)";
  let hasVerifier = 1;
}

def MBLM_BytePatchesOp : MBLM_PureOp<"byte_patches"> {
  let summary = "The patches that each byte reads, as ranges.";
  let description = [{
    With p(t) = patch(t), and with `ahead` p(t) = patch(t + 1) - 1, the last patch that is complete before the next byte's:
    `result[k, 2t] = rows * max(0, p(t) - window + 1)`, `result[k, 2t + 1] = rows * (p(t) + 1)`.

    Constraints: (C1) to (C3) of `mblm.patch_bytes`, but `shape(result) = [K, 2N]`.
  }];
  let arguments = (ins MBLM_Ids:$lengths, MBLM_Ids:$ids, DefaultValuedAttr<I64Attr, "1">:$rows,
                       DefaultValuedAttr<I64Attr, "1">:$window, UnitAttr:$ahead, DefaultValuedAttr<I64Attr, "0">:$lead);
  let results = (outs MBLM_Ids:$result);
  let assemblyFormat = "$lengths `,` $ids attr-dict `:` type($lengths) `,` type($ids) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Bytes to patches and back
//===----------------------------------------------------------------------===//

def MBLM_PoolOp : MBLM_PureOp<"pool", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Feature by feature, the largest, least or mean number of a range, or their sum.";
  let description = [{
    `result[k, m, c] = kind over t in [spans[k, 2m], spans[k, 2m + 1]) of input[k, t, c]`; 0 for an empty range. `owners` is the inverse,
    for the gradient: position t belongs to the range number `owners[k, 2t]` alone, or to none where its own range is empty. `input` may
    be an `mblm.state` that holds position q in row q.

    Constraints:
    * (C1) `shape(input) = [K, T, C]`, `shape(spans) = [K, 2P]`, `shape(owners) = [K, 2T]`, `shape(result) = [K, P, C]`.
    * ranges do not overlap, and the two say the same: the caller's duty.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Ids:$spans, Optional<MBLM_Ids>:$owners, MBLM_PoolKindAttr:$kind);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    `` $kind $input `over` $spans (`of` $owners^)? attr-dict `:` type($input) `,` type($spans) (`,` type($owners)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def MBLM_PoolGradOp : MBLM_PureOp<"pool_grad", [AllTypesMatch<["grad", "result"]>, AllTypesMatch<["input", "inputGrad"]>]> {
  let summary = "Gradient of `mblm.pool` for the largest and the least.";
  let description = [{
    `inputGrad[k, t, c] = grad[k, m, c] / n` for t in range m with `input[k, t, c] = result[k, m, c]`, n the number of such t in the
    range; 0 elsewhere.

    Constraints: (C1) of `mblm.pool`; (C2) `kind` is max or min; (C3) `grad` has the type of `result` and `inputGrad` that of `input`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$input, MBLM_Sequences:$result, MBLM_Ids:$spans, MBLM_PoolKindAttr:$kind);
  let results = (outs MBLM_Sequences:$inputGrad);
  let assemblyFormat = [{
    `` $kind $grad `,` $input `,` $result `over` $spans attr-dict `:` type($grad) `,` type($input) `,` type($spans)
  }];
  let hasVerifier = 1;
}

def MBLM_SpreadOp : MBLM_PureOp<"spread", [DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isCheapToRecompute"]>]> {
  let summary = "To each position the row that it belongs to: the adjoint of a pooled sum.";
  let description = [{
    `result[k, t, c] = input[k, owners[k, 2t], c]`; 0 where the range of t is empty. With `mean`, divided by the number of positions
    that belong to the row. `spans` as in `mblm.pool`, for the mean and the gradient. `input` may be a state, as there.

    Constraints: (C1) `shape(input) = [K, P, C]`, `shape(owners) = [K, 2T]`, `shape(spans) = [K, 2P]`, `shape(result) = [K, T, C]`;
    (C2) `spans` are there with `mean`.
  }];
  let arguments = (ins MBLM_Sequences:$input, MBLM_Ids:$owners, Optional<MBLM_Ids>:$spans, UnitAttr:$mean);
  let results = (outs MBLM_Sequences:$result);
  let assemblyFormat = [{
    $input `by` $owners (`of` $spans^)? attr-dict `:` type($input) `,` type($owners) (`,` type($spans)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def MBLM_RangedAttentionOp : MBLM_PureOp<"ranged_attention", [
    AllTypesMatch<["query", "result"]> /*ranged_attention_c1*/, AllTypesMatch<["key", "value"]>, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Softmax attention of every head to a range of keys.";
  let description = [{
    `query` is [K, T, heads*d]; `key` and `value` are [K, S, kv_heads*d], or with `per_row` = r [K, S/r, r*kv_heads*d], the same numbers in
    the same order; head h reads group h div (heads / kv_heads) of them. Both may be `mblm.state`s that hold position q in row q: the
    op then sees what the call has put in so far. With
    V(i) = [ranges[k, 2i], ranges[k, 2i + 1]) and `s[j] = scale * sum_c q[i, c] k[j, c]`:

    `lse[k, i, h] = log sum over j in V(i) of exp s[j]`,  `result[i] = sum over j in V(i) of exp(s[j] - lse) v[j]`; where V(i) is
    empty, the result is 0 and lse is 0.

    Constraints:
    * (C1) query and result have one type, and so have key and value.
    * (C2) `kv_heads >= 1` divides `heads`; `heads` divides dim(query, 2), and dim(key, 2) = dim(query, 2) / heads * kv_heads * per_row;
      `per_row >= 1`.
    * (C3) `shape(lse) = [K, T, heads]`, `shape(ranges) = [K, 2T]`.
    * (C4) `scale` is finite.
    * ranges lie in [0, S] and neither begin nor end before those of earlier positions: the caller's duty.
  }];
  let arguments = (ins MBLM_Sequences:$query, MBLM_Sequences:$key, MBLM_Sequences:$value, MBLM_Ids:$ranges, I64Attr:$heads,
                       I64Attr:$kv_heads, F64Attr:$scale, DefaultValuedAttr<I64Attr, "1">:$per_row);
  let results = (outs MBLM_Sequences:$result, MBLM_Sequences:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value `in` $ranges attr-dict `:` type($query) `,` type($key) `,` type($ranges) `->` type($lse)
  }];
  let hasVerifier = 1;
}

def MBLM_RangedAttentionGradOp : MBLM_PureOp<"ranged_attention_grad", [
    AllTypesMatch<["grad", "query", "result", "queryGrad"]>, AllTypesMatch<["key", "value", "keyGrad", "valueGrad"]>]> {
  let summary = "Gradients of `mblm.ranged_attention`.";
  let description = [{
    As `mblm.attention_grad`, with V(i) by ranges; what several heads read has the sum of their gradients.

    Constraints: (C1) to (C4) of `mblm.ranged_attention`; `grad` and `queryGrad` have the type of `query`, the other results that of `key`.
  }];
  let arguments = (ins MBLM_Sequences:$grad, MBLM_Sequences:$query, MBLM_Sequences:$key, MBLM_Sequences:$value,
                       MBLM_Sequences:$result, MBLM_Sequences:$lse, MBLM_Ids:$ranges, I64Attr:$heads, I64Attr:$kv_heads, F64Attr:$scale);
  let results = (outs MBLM_Sequences:$queryGrad, MBLM_Sequences:$keyGrad, MBLM_Sequences:$valueGrad);
  let assemblyFormat = [{
    $grad `,` $query `,` $key `,` $value `,` $result `,` $lse `in` $ranges attr-dict `:` type($query) `,` type($key) `,` type($ranges)
    `,` type($lse)
  }];
  let hasVerifier = 1;
}

def MBLM_EntropyOp : MBLM_PureOp<"entropy"> {
  let summary = "The entropy of each position's distribution, in nats.";
  let description = [{
    With p = softmax of `logits[k, t]`: `result[k, t] = -sum_v p[v] log p[v]`.

    Constraints: (C1) `shape(result) = [K, T]`.
  }];
  let arguments = (ins MBLM_Sequences:$logits);
  let results = (outs MBLM_PerPosition:$result);
  let assemblyFormat = "$logits attr-dict `:` type($logits) `->` type($result)";
  let hasVerifier = 1;
}

#endif

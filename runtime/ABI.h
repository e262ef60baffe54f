// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract between generated code and the runtime: a shared object that exports
//   const char mblm_metadata[]            NUL-terminated JSON, see below
//   int32_t mblm_entry_NAME(MblmContext*) one per entry; 0 = done. Where there is code for several levels of machine, each
//                                         has its own, with the level's suffix
// and calls nothing but the C math library and the functions in MblmContext.
//
// Metadata: {"abi": 10, "name", "vocab", "pad" (absent: none), "patches" (absent: of fixed length), "prefix" (absent: none),
//  "mask": {"token", "probability"} (absent: the model is causal), "inner", "max_slots", "max_length", "start_token", "hidden_dim",
//  "stage_lengths": [..], "names", "spec": text, "ignorable": [names],
//  "parameters": [{"name", "shape", "offset", "init", "scale", "zero_row" (absent: none)}], "parameter_elements",
//  "states": [{"name", "positions": [more, per slot], "per_patch": 1 (absent: no), "width", "offset": [..]}],
//  "levels": [{"level" (runtime/Level.h), "suffix" (absent: none),
//    "entries": {"forward": {"arena": [c1, cM, cB, cBM, cG], "scratch": [..], "ids" (absent: as many as slots hold): ids of a call,
//      "ranges" (absent: none): [{"kind", "numbers", "rows", "window", "end", "ahead"}], "prepared": 1 (absent: it reads none)}, ...},
//    "prepared" (absent: none): {"floats", "quantized": [{"offset", "rows", "columns", "numbers", "scales"}]},
//    "kernels": [{"name", "from", "entry", "op", "ops" of a run, "pieces" and "of" (absent: none)}]}, ...], best first}
// `prepared` are copies of weights as entries want to read them, in one buffer of so many floats. The entry "prepare" makes them all;
// they are as old as the weights were then. Among them are those in int8, of weights [rows, columns] at `offset` in the parameters:
// [rows, columns] at `numbers` and a float for each row at `scales`, in floats from the begin of the buffer.
// Sizes are floats as the linear form c1 + cM*M + cB*B + cBM*B*M + cG*G, and cP*P + cBP*B*P where two more coefficients say so, P
// the most patches of a sequence; `scratch` is per thread. Kernels stand in the order
// of their launches; neighbours with the same number `pieces` belong to the function `of`, which runs once a piece of G slots.
#pragma once

#include <stdint.h>

#define MBLM_ABI 10

// Work items [begin, end) of one kernel. Items are independent; `scratch` belongs to the calling thread.
typedef void (*MblmKernel)(void *args, int64_t begin, int64_t end, float *scratch);

enum MblmSlot {
  MBLM_ARENA,   // float*, 64-byte aligned, with 256 readable bytes past its end
  MBLM_PARAMS,  // float*
  MBLM_GRADS,   // float*
  MBLM_M,       // float*
  MBLM_V,       // float*
  MBLM_IDS,     // int32_t* [B, M*inner]; of steps [B, bytes of the call's slots]
  MBLM_MASK,    // float*   [B, M*inner], never null for entries that compute a loss
  MBLM_OUTPUT,  // float*
  MBLM_SCALARS, // float*: loss, gradient norm, sum, count (as rt::Call::Scalars)
  MBLM_HYPER,   // float*: rt::Hyper, then the gradients' scale at index HyperCount
  MBLM_DECAY,   // float*  [parameters]
  MBLM_KEY,     // int32_t* [4]: dropout's seed (low and high word), number of the draw, 1; all zero: nothing is dropped
  MBLM_STATE,   // float*, of steps: what "states" describes
  MBLM_PIECES,  // int64_t* [pieces, 3], on a GPU: each piece's begin in the flat buffers, its floats, its parameter's number
  MBLM_NARROW,  // on a GPU: the parameters in bf16, as far as entries read them so; number i stands where float i / 2 would
  MBLM_TARGETS, // int32_t* [B, M*inner]: what each byte predicts, where an entry takes its targets so
  MBLM_LENGTHS, // int32_t* [B, P]: bytes of each patch; together M + 1 of each sequence. The entry "patches" writes it, [B, M + 1]
  MBLM_RANGES,  // int32_t*: of steps, what they read where, as the entry's "ranges" say, one [B, numbers] behind the other
  MBLM_ENTROPIES, // float* [B, M]: of what follows each byte, nats; for the entry "patches" where patches begin by entropies
  MBLM_VISIBLE, // int32_t* [B, M*inner]: of a masked model, 1 for each byte that attention may see, 0 for the others
  MBLM_PREPARED, // on a CPU: what "prepared" describes
  MBLM_SLOTS
};

#define MBLM_PIECE_FLOATS 32768 // most floats of a piece

typedef struct MblmContext {
  void (*parallel)(void *pool, MblmKernel kernel, void *args, int64_t items); // returns when all items are done
  void *pool;
  int64_t threads;
  int64_t batch; // B
  int64_t slots; // M
  int64_t position; // of a step: P, the first position of the call in its stage's sequence
  int64_t piece; // G: slots of a piece, from 1 to B*M
  int64_t patches; // P: 0 where the data decides no patches
  void *buffers[MBLM_SLOTS];
} MblmContext;

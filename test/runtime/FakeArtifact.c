// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A hand-written artifact for the loader's tests: what the compiler emits, in a few lines.
#include "runtime/ABI.h"

#ifndef FAKE_ABI
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define FAKE_ABI TEXT(MBLM_ABI)
#endif
#ifndef FAKE_LEVEL
#define FAKE_LEVEL "portable"
#endif

#ifdef FAKE_SEVERAL // of the loss alone, under other names
#define FAKE_CODE(level, arena)                                                                                        \
  "{\"level\": \"" level "\", \"suffix\": \"_" level "\", \"kernels\": [],"                                              \
  " \"entries\": {\"loss\": {\"arena\": [" arena ", 0, 0, 0, 0], \"scratch\": [0, 0, 0, 0, 0]}}}"
#define FAKE_LEVELS FAKE_CODE("avx2", "200") ", " FAKE_CODE("portable", "100")
#else
#define FAKE_LEVELS                                                                                                    \
  "{\"level\": \"" FAKE_LEVEL "\", \"kernels\": [{\"name\": \"rows\", \"entry\": \"forward\"}],"                         \
  " \"entries\": {\"forward\": {\"arena\": [100, 1, 2, 4, 0], \"scratch\": [16, 0, 0, 0, 0]},"                           \
  "               \"loss\": {\"arena\": [0, 0, 0, 0, 0], \"scratch\": [0, 0, 0, 0, 0]},"                                 \
  "               \"gradients\": {\"arena\": [0, 0, 0, 0, 0], \"scratch\": [0, 0, 0, 0, 0]}}}"
#endif

#ifndef FAKE_EMPTY
__attribute__((visibility("default"))) const char mblm_metadata[] =
    "{\"abi\": " FAKE_ABI ", \"name\": \"fake\", \"vocab\": 10, \"pad\": 9, \"inner\": 4, \"max_slots\": 0,"
    " \"max_length\": 64, \"start_token\": true, \"hidden_dim\": 1, \"stage_lengths\": [16, 4], \"names\": \"mblm\","
    " \"spec\": \"{\\\"format\\\": 1}\", \"ignorable\": [],"
    " \"parameters\": [{\"name\": \"w\", \"shape\": [10], \"offset\": 0, \"init\": \"zeros\", \"scale\": 0}],"
    " \"parameter_elements\": 16, \"states\": [],"
    " \"levels\": [" FAKE_LEVELS "]}";

// One item is one id: its ten logits are 10 * id + k + parameter, by way of the arena and the scratch.
static void rows(void *args, int64_t begin, int64_t end, float *scratch) {
  MblmContext *context = args;
  float *arena = context->buffers[MBLM_ARENA];
  const int32_t *ids = context->buffers[MBLM_IDS];
  const float *params = context->buffers[MBLM_PARAMS];
  float *output = context->buffers[MBLM_OUTPUT];
  for (int64_t i = begin; i < end; ++i) {
    scratch[15] = (float)ids[i];
    arena[100 + i % (4 * context->batch * context->slots)] = scratch[15];
    for (int k = 0; k < 10; ++k) {
      output[i * 10 + k] = scratch[15] * 10 + (float)k + params[k];
    }
  }
}

int32_t mblm_entry_forward(MblmContext *context) {
  context->parallel(context->pool, rows, context, context->batch * context->slots * 4);
  return 0;
}

int32_t mblm_entry_loss(MblmContext *context) {
  const float *mask = context->buffers[MBLM_MASK];
  const float *hyper = context->buffers[MBLM_HYPER];
  float *scalars = context->buffers[MBLM_SCALARS];
  scalars[0] = 0;
  for (int64_t i = 0; i < context->batch * context->slots * 4; ++i) {
    scalars[0] += mask[i];
  }
  scalars[1] = hyper[0];
  scalars[2] = hyper[8];
  return 0;
}

int32_t mblm_entry_gradients(MblmContext *context) { return 7; }

int32_t mblm_entry_loss_avx2(MblmContext *context) {
  ((float *)context->buffers[MBLM_SCALARS])[0] = 2;
  return 0;
}

int32_t mblm_entry_loss_portable(MblmContext *context) {
  ((float *)context->buffers[MBLM_SCALARS])[0] = 4;
  return 0;
}
#else
int fake_nothing;
#endif

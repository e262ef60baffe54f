// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A hand-written artifact for both: native code that answers 7, and two launches on a GPU.
#include "runtime/ABI.h"

#define LAUNCH(kernel)                                                                                                 \
  "{\"kernel\": \"" kernel "\", \"from\": \"/stages/0/" kernel "\", \"op\": 0, \"grid\": [0, 0, 0, 4], \"divisor\": 3," \
  " \"y\": 2, \"threads\": 128, \"shared\": 65536, \"arguments\": [[0, 8, 0, 0, 0], [1, 0, 0, 0, 0], [7, 0, 0, 0, 0]], \"maps\": []}"

const char mblm_metadata[] =
    "{\"abi\": 5, \"name\": \"fake\", \"vocab\": 10, \"pad\": 9, \"inner\": 4, \"max_slots\": 0,"
    " \"max_length\": 64, \"start_token\": true, \"hidden_dim\": 1, \"stage_lengths\": [16, 4], \"names\": \"mblm\","
    " \"spec\": \"{\\\"format\\\": 1}\", \"ignorable\": [], \"target\": {\"level\": \"portable\"},"
    " \"parameters\": [{\"name\": \"w\", \"shape\": [10], \"offset\": 0, \"init\": \"zeros\", \"scale\": 0}],"
    " \"parameter_elements\": 16, \"states\": [], \"kernels\": [{\"name\": \"rows\", \"entry\": \"forward\"}],"
    " \"entries\": {\"forward\": {\"arena\": [0, 0, 0, 0, 0], \"scratch\": [0, 0, 0, 0, 0]}},"
    " \"gpu\": {\"sm_80\": {\"pieces\": 0, \"entries\": {\"forward\": {\"arena\": [100, 0, 0, 0],"
    " \"ids\": [0, 0, 0, 4], \"output\": [0, 0, 0, 40], \"launches\": [" LAUNCH("scale") ", " LAUNCH("scan") "]}}}}}";

const char mblm_ptx_sm_80[] = ".version 8.0 .visible .entry scale( ) .visible .entry scan( )";

int32_t mblm_entry_forward(MblmContext *context) {
  ((float *)context->buffers[MBLM_OUTPUT])[0] = 7;
  return 0;
}

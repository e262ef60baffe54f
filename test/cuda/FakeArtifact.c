// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A hand-written artifact for both: native code that answers 7, and on a GPU two launches; for hidden states they compute
//   output[B, 2] = parameters[0 ..][B, 3] * parameters[6 ..][3, 2] + parameters[12 ..][2]
// together, and a library may instead, from B = 2 on. The loss runs by pieces, and reads a narrow copy of the parameters.
#include "runtime/ABI.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

#define LAUNCH(kernel)                                                                                                 \
  "{\"kernel\": \"" kernel "\", \"from\": \"/stages/0/" kernel "\", \"op\": 0, \"grid\": [0, 0, 0, 4], \"divisor\": 3," \
  " \"y\": 2, \"threads\": 128, \"shared\": 65536, \"arguments\": [[0, 8, 0, 0, 0], [1, 0, 0, 0, 0], [7, 0, 0, 0, 0]], \"maps\": []}"

#define LOOPED(kernel)                                                                                                 \
  "{\"kernel\": \"" kernel "\", \"from\": \"/stages/1/" kernel "\", \"op\": 0, \"grid\": [0, 4, 0, 0], \"divisor\": 1,"      \
  " \"y\": 1, \"threads\": 128, \"shared\": 0, \"arguments\": [[0, 0, 0, 0, 0, 0], [15, 0, 0, 0, 0, 0]], \"maps\": [],"     \
  " \"loop\": 0}"

#define PRODUCT                                                                                                        \
  "{\"kernel\": \"scale\", \"from\": \"/stages/0/product\", \"op\": 0, \"grid\": [0, 0, 0, 4], \"divisor\": 3,"               \
  " \"y\": 1, \"threads\": 128, \"shared\": 0, \"arguments\": [[1, 0, 0, 0, 0], [1, 6, 0, 0, 0], [1, 12, 0, 0, 0],"         \
  " [7, 0, 0, 0, 0]], \"maps\": [], \"product\": {\"left\": 0, \"right\": 1, \"bias\": 2, \"result\": 3,"                \
  " \"rows\": [0, 0, 1, 0], \"columns\": [2, 0, 0, 0], \"depth\": [3, 0, 0, 0], \"left_depth\": \"inside\","              \
  " \"right_depth\": \"outside\", \"element\": \"f32\", \"result_element\": \"f32\", \"activation\": \"none\","         \
  " \"compute\": \"f32\", \"launches\": 2, \"least\": 12}}"

const char mblm_metadata[] =
    "{\"abi\": " TEXT(MBLM_ABI) ", \"name\": \"fake\", \"vocab\": 10, \"pad\": 9, \"inner\": 4, \"max_slots\": 0,"
    " \"max_length\": 64, \"start_token\": true, \"hidden_dim\": 1, \"stage_lengths\": [16, 4], \"names\": \"mblm\","
    " \"spec\": \"{\\\"format\\\": 1}\", \"ignorable\": [],"
    " \"parameters\": [{\"name\": \"w\", \"shape\": [10], \"offset\": 0, \"init\": \"zeros\", \"scale\": 0}],"
    " \"parameter_elements\": 16, \"states\": [],"
    " \"levels\": [{\"level\": \"portable\", \"kernels\": [{\"name\": \"rows\", \"entry\": \"forward\"}],"
    " \"entries\": {\"forward\": {\"arena\": [0, 0, 0, 0, 0], \"scratch\": [0, 0, 0, 0, 0]}}}],"
    " \"gpu\": {\"sm_80\": {\"pieces\": 0, \"entries\": {\"forward\": {\"arena\": [100, 0, 0, 0],"
    " \"ids\": [0, 0, 0, 4], \"output\": [0, 0, 0, 40], \"loops\": [], \"narrow\": [],"
    " \"launches\": [" LAUNCH("scale") ", " LAUNCH("scan") "]},"
    " \"hidden\": {\"arena\": [100, 0, 0, 0], \"ids\": [0, 0, 0, 4], \"output\": [0, 0, 2, 0],"
    " \"loops\": [], \"narrow\": [],"
    " \"launches\": [" PRODUCT ", " LAUNCH("scan") ", " LAUNCH("scale") "]},"
    " \"loss\": {\"arena\": [100, 0, 0, 0, 8], \"ids\": [0, 0, 0, 4],"
    " \"loops\": [{\"arena\": [0, 4, 0, 0, 0, 0], \"tensors\": [{\"at\": [7, 0, 0, 0, 0, 0], \"slot\": 4}]}],"
    " \"narrow\": [" LAUNCH("scale") "], \"launches\": [" LOOPED("scan") "]}}}}}";

const char mblm_ptx_sm_80[] = ".version 8.0 .visible .entry scale( ) .visible .entry scan( )";

int32_t mblm_entry_forward(MblmContext *context) {
  ((float *)context->buffers[MBLM_OUTPUT])[0] = 7;
  return 0;
}

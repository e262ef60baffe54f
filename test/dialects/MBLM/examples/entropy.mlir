// Logits 1 and 2: probabilities of 1 and e parts. Equal ones would have the entropy ln 2.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%logits: tensor<1x1x2xf32>) -> tensor<1x1xf32> {
  %0 = mblm.entropy %logits : tensor<1x1x2xf32> -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}
// CHECK: result 0 [1, 1]: 0.5822{{$}}

// The sum of two sequences, (1, 2) and (3, 4), goes to the second parameter's gradient, and to every other of the third's.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @start at 4 : tensor<2xf32>
mblm.parameter @taps at 6 : tensor<2x2xf32>
func.func @example() {
  %x = kernel.weight [@x] at 0 : tensor<2x1x2xf32>
  kernel.reduce <2 x 1> %x sums <0 x 1> into [@start] at 4 : tensor<2x1x2xf32>
  kernel.reduce <2 x 1> %x sums <0 x 1> into [@taps] at 7 {stride = 2 : i64} : tensor<2x1x2xf32>
  return
}
// CHECK: gradients: 1 1 1 1 5 7 1 5 1 7{{$}}

// Packs in bf16, and what the levels make of products with them.
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage=packs-only=true | FileCheck %s --check-prefix=PACKS
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage=packs-only=true --mblm-schedule-cpu=level=amx --kernel-lower-cpu="level=amx precision=bf16" | FileCheck %s --check-prefix=TILES
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage=packs-only=true --mblm-schedule-cpu=level=avx512bf16 --kernel-lower-cpu="level=avx512bf16 precision=bf16" | FileCheck %s --check-prefix=PAIRS
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage=packs-only=true --mblm-schedule-cpu=level=avx2 --kernel-lower-cpu="level=avx2 precision=bf16" | FileCheck %s --check-prefix=WIDENED
// RUN: mblm-opt %s --mblm-to-kernel --kernel-narrow-storage=packs-only=true --mblm-schedule-cpu=level=neon --kernel-lower-cpu="level=neon precision=bf16" | FileCheck %s --check-prefix=NEON
// RUN: mblm-opt %s --mblm-to-kernel --kernel-to-cpu="level=amx precision=bf16" -o /dev/null
// RUN: mblm-opt %s --mblm-to-kernel --kernel-to-cpu="level=neon precision=bf16" | FileCheck %s --check-prefix=GENERIC
// RUN: mblm-opt %s --mblm-to-kernel --kernel-to-cpu="level=portable precision=bf16" -o /dev/null

// Depth is rounded up to whole groups; all else stays f32.
// PACKS-LABEL: func.func @forward
//       PACKS: kernel.pack {{.*}} : tensor<40x33xf32> -> tensor<2x64x32xbf16>
//       PACKS: kernel.gemm {{.*}}tensor<1x50x33xf32>, tensor<2x64x32xbf16>{{.*}} -> tensor<1x50x40xf32>
// PACKS-LABEL: func.func @gradients
//       PACKS: kernel.pack_rows {{.*}} -> tensor<?x2x256x32xbf16>
//       PACKS: kernel.weight_gemm {{.*}}tensor<?x2x256x32xbf16>

// Each step that multiplies sets the tile registers and gives them back; the tile has up to three times two of them.
// TILES-LABEL: func.func private @gemm(
//       TILES:   llvm.call_intrinsic "llvm.x86.ldtilecfg"(%{{.*}}) : (!llvm.ptr) -> ()
//       TILES:   call @narrow_tile(
//       TILES:   llvm.call_intrinsic "llvm.x86.tilerelease"() : () -> ()
//  TILES-NEXT:   return
// TILES-LABEL: func.func private @narrow_tile(
//       TILES:   "llvm.x86.tileloadd64"
//       TILES:   "llvm.x86.tilezero"
//       TILES:   scf.for
// TILES-COUNT-6: "llvm.x86.tdpbf16ps"
//       TILES:   "llvm.x86.tilestored64"
//       TILES:   scf.for
// TILES-COUNT-4: "llvm.x86.tdpbf16ps"
//       TILES:   scf.for
// TILES-COUNT-2: "llvm.x86.tdpbf16ps"
//   TILES-NOT: "llvm.x86.tdpbf16ps"

// PAIRS-LABEL: func.func private @gemm(
//   PAIRS-NOT:   tilecfg
//       PAIRS:   arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
// PAIRS-LABEL: func.func private @narrow_tile(
//       PAIRS:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%{{.*}}) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>

// No instruction knows bf16: bits are rounded, and widened again.
// WIDENED-LABEL: func.func private @gemm(
//   WIDENED-NOT: bf16>
//       WIDENED:   arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
// WIDENED-LABEL: func.func private @narrow_tile(
//   WIDENED-NOT: bf16>
//       WIDENED:   arith.shli %{{.*}} : vector<8xi32>
//       WIDENED:   vector.fma

// Short vectors, four of them a row of the tile; and nothing that another architecture has.
// NEON-LABEL: func.func private @gemm(
//   NEON-NOT:   bf16>
//       NEON:   arith.trunci %{{.*}} : vector<4xi32> to vector<4xi16>
// NEON-LABEL: func.func private @narrow_tile(
//       NEON:   scf.for
// NEON-COUNT-48: vector.fma {{.*}} : vector<4xf32>
//   NEON-NOT:   vector.fma
// GENERIC-NOT: llvm.x86
module attributes {mblm.inner = 1 : i64, mblm.name = "gemm"} {
  mblm.parameter @weight at 0 : tensor<40x33xf32>
  func.func @forward(%x: tensor<1x50x33xf32>) -> tensor<1x50x40xf32> {
    %w = mblm.load [@weight] : tensor<40x33xf32>
    %y = mblm.linear %x, %w : tensor<1x50x33xf32>, tensor<40x33xf32> -> tensor<1x50x40xf32>
    return %y : tensor<1x50x40xf32>
  }
  func.func @gradients(%x: tensor<1x50x33xf32>, %grad: tensor<1x50x40xf32>) {
    %w = mblm.weight_grad %grad, %x : tensor<1x50x40xf32>, tensor<1x50x33xf32> -> tensor<40x33xf32>
    mblm.gradient [@weight], %w : tensor<40x33xf32>
    return
  }
}

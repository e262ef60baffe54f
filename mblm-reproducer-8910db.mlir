module attributes {mblm.inner = 6 : i64, mblm.name = "MBLM 360M 2D TT, 98K bytes, tiny twin"} {
  mblm.parameter @start_tokens.0 at 0 : tensor<32xf32>
  mblm.parameter @pos_embs.0.weight at 32 : tensor<16x32xf32>
  mblm.parameter @token_embs_rev.1.embedding.weight at 544 : tensor<256x24xf32>
  mblm.parameter @token_embs_rev.1._post.1.weight at 6688 : tensor<144xf32>
  mblm.parameter @token_embs_rev.1._post.1.bias at 6832 : tensor<144xf32>
  mblm.parameter @token_embs_rev.1._post.2.weight at 6976 : tensor<32x144xf32>
  mblm.parameter @token_embs_rev.1._post.2.bias at 11584 : tensor<32xf32>
  mblm.parameter @token_embs_rev.1._post.3.weight at 11616 : tensor<32xf32>
  mblm.parameter @token_embs_rev.1._post.3.bias at 11648 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.0.0.norm.g at 11680 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.0.0.to_q.weight at 11712 : tensor<32x32xf32>
  mblm.parameter @stage_models.0.layers.0.0.to_kv.weight at 12736 : tensor<64x32xf32>
  mblm.parameter @stage_models.0.layers.0.0.to_out.weight at 14784 : tensor<32x32xf32>
  mblm.parameter @stage_models.0.layers.0.1.0.g at 15808 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.0.1.1.weight at 15840 : tensor<64x32xf32>
  mblm.parameter @stage_models.0.layers.0.1.1.bias at 17888 : tensor<64xf32>
  mblm.parameter @stage_models.0.layers.0.1.4.weight at 17952 : tensor<32x64xf32>
  mblm.parameter @stage_models.0.layers.0.1.4.bias at 20000 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.1.0.norm.g at 20032 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.1.0.to_q.weight at 20064 : tensor<32x32xf32>
  mblm.parameter @stage_models.0.layers.1.0.to_kv.weight at 21088 : tensor<64x32xf32>
  mblm.parameter @stage_models.0.layers.1.0.to_out.weight at 23136 : tensor<32x32xf32>
  mblm.parameter @stage_models.0.layers.1.1.0.g at 24160 : tensor<32xf32>
  mblm.parameter @stage_models.0.layers.1.1.1.weight at 24192 : tensor<64x32xf32>
  mblm.parameter @stage_models.0.layers.1.1.1.bias at 26240 : tensor<64xf32>
  mblm.parameter @stage_models.0.layers.1.1.4.weight at 26304 : tensor<32x64xf32>
  mblm.parameter @stage_models.0.layers.1.1.4.bias at 28352 : tensor<32xf32>
  mblm.parameter @stage_models.0.norm.g at 28384 : tensor<32xf32>
  mblm.parameter @to_next_stage_proj.0.1.weight at 28416 : tensor<144x32xf32>
  mblm.parameter @to_next_stage_proj.0.1.bias at 33024 : tensor<144xf32>
  mblm.parameter @start_tokens.1 at 33168 : tensor<24xf32>
  mblm.parameter @pos_embs.1.weight at 33200 : tensor<6x24xf32>
  mblm.parameter @token_embs_rev.0.embedding.weight at 33344 : tensor<256x24xf32>
  mblm.parameter @stage_models.1.layers.0.0.norm.g at 39488 : tensor<24xf32>
  mblm.parameter @stage_models.1.layers.0.0.to_q.weight at 39520 : tensor<24x24xf32>
  mblm.parameter @stage_models.1.layers.0.0.to_kv.weight at 40096 : tensor<48x24xf32>
  mblm.parameter @stage_models.1.layers.0.0.to_out.weight at 41248 : tensor<24x24xf32>
  mblm.parameter @stage_models.1.layers.0.1.0.g at 41824 : tensor<24xf32>
  mblm.parameter @stage_models.1.layers.0.1.1.weight at 41856 : tensor<48x24xf32>
  mblm.parameter @stage_models.1.layers.0.1.1.bias at 43008 : tensor<48xf32>
  mblm.parameter @stage_models.1.layers.0.1.4.weight at 43056 : tensor<24x48xf32>
  mblm.parameter @stage_models.1.layers.0.1.4.bias at 44208 : tensor<24xf32>
  mblm.parameter @stage_models.1.layers.1.0.norm.g at 44240 : tensor<24xf32>
  mblm.parameter @stage_models.1.layers.1.0.to_q.weight at 44272 : tensor<24x24xf32>
  mblm.parameter @stage_models.1.layers.1.0.to_kv.weight at 44848 : tensor<48x24xf32>
  mblm.parameter @stage_models.1.layers.1.0.to_out.weight at 46000 : tensor<24x24xf32>
  mblm.parameter @stage_models.1.layers.1.1.0.g at 46576 : tensor<24xf32>
  mblm.parameter @stage_models.1.layers.1.1.1.weight at 46608 : tensor<48x24xf32>
  mblm.parameter @stage_models.1.layers.1.1.1.bias at 47760 : tensor<48xf32>
  mblm.parameter @stage_models.1.layers.1.1.4.weight at 47808 : tensor<24x48xf32>
  mblm.parameter @stage_models.1.layers.1.1.4.bias at 48960 : tensor<24xf32>
  mblm.parameter @stage_models.1.norm.g at 48992 : tensor<24xf32>
  mblm.parameter @to_logits.weight at 49024 : tensor<256x24xf32>
  mblm.parameter @to_logits.bias at 55168 : tensor<256xf32>
  func.func @forward(%arg0: tensor<?x?xi32>) -> tensor<?x?x256xf32> {
    %0 = mblm.load [@token_embs_rev.1.embedding.weight] : tensor<256x24xf32>
    %1 = mblm.embed %arg0, %0 {bytes = 6 : i64, skip = 0 : i64} : tensor<?x?xi32>, tensor<256x24xf32> -> tensor<?x?x144xf32>
    %2 = mblm.load [@token_embs_rev.1._post.1.weight] : tensor<144xf32>
    %3 = mblm.load [@token_embs_rev.1._post.1.bias] : tensor<144xf32>
    %4 = mblm.norm layer %1, %2, %3 {eps = 1.000000e-05 : f64} : tensor<?x?x144xf32>, tensor<144xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %5 = mblm.load [@token_embs_rev.1._post.2.weight] : tensor<32x144xf32>
    %6 = mblm.load [@token_embs_rev.1._post.2.bias] : tensor<32xf32>
    %7 = mblm.linear %4, %5, %6 : tensor<?x?x144xf32>, tensor<32x144xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %8 = mblm.load [@token_embs_rev.1._post.3.weight] : tensor<32xf32>
    %9 = mblm.load [@token_embs_rev.1._post.3.bias] : tensor<32xf32>
    %10 = mblm.norm layer %7, %8, %9 {eps = 1.000000e-05 : f64} : tensor<?x?x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %11 = mblm.load [@pos_embs.0.weight] : tensor<16x32xf32>
    %12 = mblm.position %10, %11 : tensor<?x?x32xf32>, tensor<16x32xf32> -> tensor<?x?x32xf32>
    %13 = mblm.load [@start_tokens.0] : tensor<32xf32>
    %14 = mblm.start_token %12, %13 : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %15 = mblm.token_shift %14 : tensor<?x?x32xf32>
    %16 = mblm.load [@stage_models.0.layers.0.0.norm.g] : tensor<32xf32>
    %17 = mblm.norm rms_clamp %15, %16 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %18 = mblm.load [@stage_models.0.layers.0.0.to_q.weight, @stage_models.0.layers.0.0.to_kv.weight] : tensor<96x32xf32>
    %19 = mblm.linear %17, %18 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %20:3 = mblm.split %19 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %21 = mblm.rope half_split %20#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %22 = mblm.rope half_split %20#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result, %lse = mblm.attention %21, %22, %20#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %23 = mblm.load [@stage_models.0.layers.0.0.to_out.weight] : tensor<32x32xf32>
    %24 = mblm.linear %result, %23 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %25 = mblm.add %14, %24 : tensor<?x?x32xf32>
    %26 = mblm.token_shift %25 : tensor<?x?x32xf32>
    %27 = mblm.load [@stage_models.0.layers.0.1.0.g] : tensor<32xf32>
    %28 = mblm.norm rms_clamp %26, %27 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %29 = mblm.load [@stage_models.0.layers.0.1.1.weight] : tensor<64x32xf32>
    %30 = mblm.load [@stage_models.0.layers.0.1.1.bias] : tensor<64xf32>
    %31 = mblm.linear %28, %29, %30 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %32 = mblm.activation gelu %31 : tensor<?x?x64xf32>
    %33 = mblm.load [@stage_models.0.layers.0.1.4.weight] : tensor<32x64xf32>
    %34 = mblm.load [@stage_models.0.layers.0.1.4.bias] : tensor<32xf32>
    %35 = mblm.linear %32, %33, %34 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %36 = mblm.add %25, %35 : tensor<?x?x32xf32>
    %37 = mblm.token_shift %36 : tensor<?x?x32xf32>
    %38 = mblm.load [@stage_models.0.layers.1.0.norm.g] : tensor<32xf32>
    %39 = mblm.norm rms_clamp %37, %38 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %40 = mblm.load [@stage_models.0.layers.1.0.to_q.weight, @stage_models.0.layers.1.0.to_kv.weight] : tensor<96x32xf32>
    %41 = mblm.linear %39, %40 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %42:3 = mblm.split %41 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %43 = mblm.rope half_split %42#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %44 = mblm.rope half_split %42#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result_0, %lse_1 = mblm.attention %43, %44, %42#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %45 = mblm.load [@stage_models.0.layers.1.0.to_out.weight] : tensor<32x32xf32>
    %46 = mblm.linear %result_0, %45 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %47 = mblm.add %36, %46 : tensor<?x?x32xf32>
    %48 = mblm.token_shift %47 : tensor<?x?x32xf32>
    %49 = mblm.load [@stage_models.0.layers.1.1.0.g] : tensor<32xf32>
    %50 = mblm.norm rms_clamp %48, %49 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %51 = mblm.load [@stage_models.0.layers.1.1.1.weight] : tensor<64x32xf32>
    %52 = mblm.load [@stage_models.0.layers.1.1.1.bias] : tensor<64xf32>
    %53 = mblm.linear %50, %51, %52 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %54 = mblm.activation gelu %53 : tensor<?x?x64xf32>
    %55 = mblm.load [@stage_models.0.layers.1.1.4.weight] : tensor<32x64xf32>
    %56 = mblm.load [@stage_models.0.layers.1.1.4.bias] : tensor<32xf32>
    %57 = mblm.linear %54, %55, %56 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %58 = mblm.add %47, %57 : tensor<?x?x32xf32>
    %59 = mblm.load [@stage_models.0.norm.g] : tensor<32xf32>
    %60 = mblm.norm rms_clamp %58, %59 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %61 = mblm.slice %60 {after = 1 : i64} : tensor<?x?x32xf32> -> tensor<?x?x32xf32>
    %62 = mblm.load [@to_next_stage_proj.0.1.weight] : tensor<144x32xf32>
    %63 = mblm.load [@to_next_stage_proj.0.1.bias] : tensor<144xf32>
    %64 = mblm.linear %61, %62, %63 : tensor<?x?x32xf32>, tensor<144x32xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %65 = mblm.regroup %64 : tensor<?x?x144xf32> -> tensor<?x6x24xf32>
    %66 = mblm.regroup %arg0 : tensor<?x?xi32> -> tensor<?x6xi32>
    %67 = mblm.load [@token_embs_rev.0.embedding.weight] : tensor<256x24xf32>
    %68 = mblm.embed %66, %67 {skip = 0 : i64} : tensor<?x6xi32>, tensor<256x24xf32> -> tensor<?x6x24xf32>
    %69 = mblm.load [@pos_embs.1.weight] : tensor<6x24xf32>
    %70 = mblm.position %68, %69 : tensor<?x6x24xf32>, tensor<6x24xf32> -> tensor<?x6x24xf32>
    %71 = mblm.add %70, %65 : tensor<?x6x24xf32>
    %72 = mblm.load [@start_tokens.1] : tensor<24xf32>
    %73 = mblm.start_token %71, %72 : tensor<?x6x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %74 = mblm.token_shift %73 : tensor<?x7x24xf32>
    %75 = mblm.load [@stage_models.1.layers.0.0.norm.g] : tensor<24xf32>
    %76 = mblm.norm rms_clamp %74, %75 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %77 = mblm.load [@stage_models.1.layers.0.0.to_q.weight, @stage_models.1.layers.0.0.to_kv.weight] : tensor<72x24xf32>
    %78 = mblm.linear %76, %77 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %79:3 = mblm.split %78 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %80 = mblm.rope half_split %79#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %81 = mblm.rope half_split %79#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_2, %lse_3 = mblm.attention %80, %81, %79#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %82 = mblm.load [@stage_models.1.layers.0.0.to_out.weight] : tensor<24x24xf32>
    %83 = mblm.linear %result_2, %82 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %84 = mblm.add %73, %83 : tensor<?x7x24xf32>
    %85 = mblm.token_shift %84 : tensor<?x7x24xf32>
    %86 = mblm.load [@stage_models.1.layers.0.1.0.g] : tensor<24xf32>
    %87 = mblm.norm rms_clamp %85, %86 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %88 = mblm.load [@stage_models.1.layers.0.1.1.weight] : tensor<48x24xf32>
    %89 = mblm.load [@stage_models.1.layers.0.1.1.bias] : tensor<48xf32>
    %90 = mblm.linear %87, %88, %89 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %91 = mblm.activation gelu %90 : tensor<?x7x48xf32>
    %92 = mblm.load [@stage_models.1.layers.0.1.4.weight] : tensor<24x48xf32>
    %93 = mblm.load [@stage_models.1.layers.0.1.4.bias] : tensor<24xf32>
    %94 = mblm.linear %91, %92, %93 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %95 = mblm.add %84, %94 : tensor<?x7x24xf32>
    %96 = mblm.token_shift %95 : tensor<?x7x24xf32>
    %97 = mblm.load [@stage_models.1.layers.1.0.norm.g] : tensor<24xf32>
    %98 = mblm.norm rms_clamp %96, %97 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %99 = mblm.load [@stage_models.1.layers.1.0.to_q.weight, @stage_models.1.layers.1.0.to_kv.weight] : tensor<72x24xf32>
    %100 = mblm.linear %98, %99 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %101:3 = mblm.split %100 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %102 = mblm.rope half_split %101#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %103 = mblm.rope half_split %101#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_4, %lse_5 = mblm.attention %102, %103, %101#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %104 = mblm.load [@stage_models.1.layers.1.0.to_out.weight] : tensor<24x24xf32>
    %105 = mblm.linear %result_4, %104 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %106 = mblm.add %95, %105 : tensor<?x7x24xf32>
    %107 = mblm.token_shift %106 : tensor<?x7x24xf32>
    %108 = mblm.load [@stage_models.1.layers.1.1.0.g] : tensor<24xf32>
    %109 = mblm.norm rms_clamp %107, %108 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %110 = mblm.load [@stage_models.1.layers.1.1.1.weight] : tensor<48x24xf32>
    %111 = mblm.load [@stage_models.1.layers.1.1.1.bias] : tensor<48xf32>
    %112 = mblm.linear %109, %110, %111 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %113 = mblm.activation gelu %112 : tensor<?x7x48xf32>
    %114 = mblm.load [@stage_models.1.layers.1.1.4.weight] : tensor<24x48xf32>
    %115 = mblm.load [@stage_models.1.layers.1.1.4.bias] : tensor<24xf32>
    %116 = mblm.linear %113, %114, %115 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %117 = mblm.add %106, %116 : tensor<?x7x24xf32>
    %118 = mblm.load [@stage_models.1.norm.g] : tensor<24xf32>
    %119 = mblm.norm rms_clamp %117, %118 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %120 = mblm.slice %119 {before = 1 : i64} : tensor<?x7x24xf32> -> tensor<?x6x24xf32>
    %121 = mblm.regroup %120 : tensor<?x6x24xf32> -> tensor<?x?x24xf32>
    %122 = mblm.load [@to_logits.weight] : tensor<256x24xf32>
    %123 = mblm.load [@to_logits.bias] : tensor<256xf32>
    %124 = mblm.linear %121, %122, %123 : tensor<?x?x24xf32>, tensor<256x24xf32>, tensor<256xf32> -> tensor<?x?x256xf32>
    return %124 : tensor<?x?x256xf32>
  }
  func.func @hidden(%arg0: tensor<?x?xi32>) -> tensor<?x?x24xf32> {
    %0 = mblm.load [@token_embs_rev.1.embedding.weight] : tensor<256x24xf32>
    %1 = mblm.embed %arg0, %0 {bytes = 6 : i64, skip = 0 : i64} : tensor<?x?xi32>, tensor<256x24xf32> -> tensor<?x?x144xf32>
    %2 = mblm.load [@token_embs_rev.1._post.1.weight] : tensor<144xf32>
    %3 = mblm.load [@token_embs_rev.1._post.1.bias] : tensor<144xf32>
    %4 = mblm.norm layer %1, %2, %3 {eps = 1.000000e-05 : f64} : tensor<?x?x144xf32>, tensor<144xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %5 = mblm.load [@token_embs_rev.1._post.2.weight] : tensor<32x144xf32>
    %6 = mblm.load [@token_embs_rev.1._post.2.bias] : tensor<32xf32>
    %7 = mblm.linear %4, %5, %6 : tensor<?x?x144xf32>, tensor<32x144xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %8 = mblm.load [@token_embs_rev.1._post.3.weight] : tensor<32xf32>
    %9 = mblm.load [@token_embs_rev.1._post.3.bias] : tensor<32xf32>
    %10 = mblm.norm layer %7, %8, %9 {eps = 1.000000e-05 : f64} : tensor<?x?x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %11 = mblm.load [@pos_embs.0.weight] : tensor<16x32xf32>
    %12 = mblm.position %10, %11 : tensor<?x?x32xf32>, tensor<16x32xf32> -> tensor<?x?x32xf32>
    %13 = mblm.load [@start_tokens.0] : tensor<32xf32>
    %14 = mblm.start_token %12, %13 : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %15 = mblm.token_shift %14 : tensor<?x?x32xf32>
    %16 = mblm.load [@stage_models.0.layers.0.0.norm.g] : tensor<32xf32>
    %17 = mblm.norm rms_clamp %15, %16 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %18 = mblm.load [@stage_models.0.layers.0.0.to_q.weight, @stage_models.0.layers.0.0.to_kv.weight] : tensor<96x32xf32>
    %19 = mblm.linear %17, %18 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %20:3 = mblm.split %19 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %21 = mblm.rope half_split %20#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %22 = mblm.rope half_split %20#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result, %lse = mblm.attention %21, %22, %20#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %23 = mblm.load [@stage_models.0.layers.0.0.to_out.weight] : tensor<32x32xf32>
    %24 = mblm.linear %result, %23 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %25 = mblm.add %14, %24 : tensor<?x?x32xf32>
    %26 = mblm.token_shift %25 : tensor<?x?x32xf32>
    %27 = mblm.load [@stage_models.0.layers.0.1.0.g] : tensor<32xf32>
    %28 = mblm.norm rms_clamp %26, %27 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %29 = mblm.load [@stage_models.0.layers.0.1.1.weight] : tensor<64x32xf32>
    %30 = mblm.load [@stage_models.0.layers.0.1.1.bias] : tensor<64xf32>
    %31 = mblm.linear %28, %29, %30 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %32 = mblm.activation gelu %31 : tensor<?x?x64xf32>
    %33 = mblm.load [@stage_models.0.layers.0.1.4.weight] : tensor<32x64xf32>
    %34 = mblm.load [@stage_models.0.layers.0.1.4.bias] : tensor<32xf32>
    %35 = mblm.linear %32, %33, %34 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %36 = mblm.add %25, %35 : tensor<?x?x32xf32>
    %37 = mblm.token_shift %36 : tensor<?x?x32xf32>
    %38 = mblm.load [@stage_models.0.layers.1.0.norm.g] : tensor<32xf32>
    %39 = mblm.norm rms_clamp %37, %38 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %40 = mblm.load [@stage_models.0.layers.1.0.to_q.weight, @stage_models.0.layers.1.0.to_kv.weight] : tensor<96x32xf32>
    %41 = mblm.linear %39, %40 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %42:3 = mblm.split %41 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %43 = mblm.rope half_split %42#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %44 = mblm.rope half_split %42#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result_0, %lse_1 = mblm.attention %43, %44, %42#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %45 = mblm.load [@stage_models.0.layers.1.0.to_out.weight] : tensor<32x32xf32>
    %46 = mblm.linear %result_0, %45 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %47 = mblm.add %36, %46 : tensor<?x?x32xf32>
    %48 = mblm.token_shift %47 : tensor<?x?x32xf32>
    %49 = mblm.load [@stage_models.0.layers.1.1.0.g] : tensor<32xf32>
    %50 = mblm.norm rms_clamp %48, %49 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %51 = mblm.load [@stage_models.0.layers.1.1.1.weight] : tensor<64x32xf32>
    %52 = mblm.load [@stage_models.0.layers.1.1.1.bias] : tensor<64xf32>
    %53 = mblm.linear %50, %51, %52 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %54 = mblm.activation gelu %53 : tensor<?x?x64xf32>
    %55 = mblm.load [@stage_models.0.layers.1.1.4.weight] : tensor<32x64xf32>
    %56 = mblm.load [@stage_models.0.layers.1.1.4.bias] : tensor<32xf32>
    %57 = mblm.linear %54, %55, %56 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %58 = mblm.add %47, %57 : tensor<?x?x32xf32>
    %59 = mblm.load [@stage_models.0.norm.g] : tensor<32xf32>
    %60 = mblm.norm rms_clamp %58, %59 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %61 = mblm.slice %60 {after = 1 : i64} : tensor<?x?x32xf32> -> tensor<?x?x32xf32>
    %62 = mblm.load [@to_next_stage_proj.0.1.weight] : tensor<144x32xf32>
    %63 = mblm.load [@to_next_stage_proj.0.1.bias] : tensor<144xf32>
    %64 = mblm.linear %61, %62, %63 : tensor<?x?x32xf32>, tensor<144x32xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %65 = mblm.regroup %64 : tensor<?x?x144xf32> -> tensor<?x6x24xf32>
    %66 = mblm.regroup %arg0 : tensor<?x?xi32> -> tensor<?x6xi32>
    %67 = mblm.load [@token_embs_rev.0.embedding.weight] : tensor<256x24xf32>
    %68 = mblm.embed %66, %67 {skip = 0 : i64} : tensor<?x6xi32>, tensor<256x24xf32> -> tensor<?x6x24xf32>
    %69 = mblm.load [@pos_embs.1.weight] : tensor<6x24xf32>
    %70 = mblm.position %68, %69 : tensor<?x6x24xf32>, tensor<6x24xf32> -> tensor<?x6x24xf32>
    %71 = mblm.add %70, %65 : tensor<?x6x24xf32>
    %72 = mblm.load [@start_tokens.1] : tensor<24xf32>
    %73 = mblm.start_token %71, %72 : tensor<?x6x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %74 = mblm.token_shift %73 : tensor<?x7x24xf32>
    %75 = mblm.load [@stage_models.1.layers.0.0.norm.g] : tensor<24xf32>
    %76 = mblm.norm rms_clamp %74, %75 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %77 = mblm.load [@stage_models.1.layers.0.0.to_q.weight, @stage_models.1.layers.0.0.to_kv.weight] : tensor<72x24xf32>
    %78 = mblm.linear %76, %77 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %79:3 = mblm.split %78 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %80 = mblm.rope half_split %79#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %81 = mblm.rope half_split %79#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_2, %lse_3 = mblm.attention %80, %81, %79#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %82 = mblm.load [@stage_models.1.layers.0.0.to_out.weight] : tensor<24x24xf32>
    %83 = mblm.linear %result_2, %82 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %84 = mblm.add %73, %83 : tensor<?x7x24xf32>
    %85 = mblm.token_shift %84 : tensor<?x7x24xf32>
    %86 = mblm.load [@stage_models.1.layers.0.1.0.g] : tensor<24xf32>
    %87 = mblm.norm rms_clamp %85, %86 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %88 = mblm.load [@stage_models.1.layers.0.1.1.weight] : tensor<48x24xf32>
    %89 = mblm.load [@stage_models.1.layers.0.1.1.bias] : tensor<48xf32>
    %90 = mblm.linear %87, %88, %89 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %91 = mblm.activation gelu %90 : tensor<?x7x48xf32>
    %92 = mblm.load [@stage_models.1.layers.0.1.4.weight] : tensor<24x48xf32>
    %93 = mblm.load [@stage_models.1.layers.0.1.4.bias] : tensor<24xf32>
    %94 = mblm.linear %91, %92, %93 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %95 = mblm.add %84, %94 : tensor<?x7x24xf32>
    %96 = mblm.token_shift %95 : tensor<?x7x24xf32>
    %97 = mblm.load [@stage_models.1.layers.1.0.norm.g] : tensor<24xf32>
    %98 = mblm.norm rms_clamp %96, %97 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %99 = mblm.load [@stage_models.1.layers.1.0.to_q.weight, @stage_models.1.layers.1.0.to_kv.weight] : tensor<72x24xf32>
    %100 = mblm.linear %98, %99 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %101:3 = mblm.split %100 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %102 = mblm.rope half_split %101#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %103 = mblm.rope half_split %101#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_4, %lse_5 = mblm.attention %102, %103, %101#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %104 = mblm.load [@stage_models.1.layers.1.0.to_out.weight] : tensor<24x24xf32>
    %105 = mblm.linear %result_4, %104 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %106 = mblm.add %95, %105 : tensor<?x7x24xf32>
    %107 = mblm.token_shift %106 : tensor<?x7x24xf32>
    %108 = mblm.load [@stage_models.1.layers.1.1.0.g] : tensor<24xf32>
    %109 = mblm.norm rms_clamp %107, %108 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %110 = mblm.load [@stage_models.1.layers.1.1.1.weight] : tensor<48x24xf32>
    %111 = mblm.load [@stage_models.1.layers.1.1.1.bias] : tensor<48xf32>
    %112 = mblm.linear %109, %110, %111 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %113 = mblm.activation gelu %112 : tensor<?x7x48xf32>
    %114 = mblm.load [@stage_models.1.layers.1.1.4.weight] : tensor<24x48xf32>
    %115 = mblm.load [@stage_models.1.layers.1.1.4.bias] : tensor<24xf32>
    %116 = mblm.linear %113, %114, %115 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %117 = mblm.add %106, %116 : tensor<?x7x24xf32>
    %118 = mblm.load [@stage_models.1.norm.g] : tensor<24xf32>
    %119 = mblm.norm rms_clamp %117, %118 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %120 = mblm.slice %119 {before = 1 : i64} : tensor<?x7x24xf32> -> tensor<?x6x24xf32>
    %121 = mblm.regroup %120 : tensor<?x6x24xf32> -> tensor<?x?x24xf32>
    return %121 : tensor<?x?x24xf32>
  }
  func.func @loss(%arg0: tensor<?x?xi32>, %arg1: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %0 = mblm.load [@token_embs_rev.1.embedding.weight] : tensor<256x24xf32>
    %1 = mblm.embed %arg0, %0 {bytes = 6 : i64, skip = 0 : i64} : tensor<?x?xi32>, tensor<256x24xf32> -> tensor<?x?x144xf32>
    %2 = mblm.load [@token_embs_rev.1._post.1.weight] : tensor<144xf32>
    %3 = mblm.load [@token_embs_rev.1._post.1.bias] : tensor<144xf32>
    %4 = mblm.norm layer %1, %2, %3 {eps = 1.000000e-05 : f64} : tensor<?x?x144xf32>, tensor<144xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %5 = mblm.load [@token_embs_rev.1._post.2.weight] : tensor<32x144xf32>
    %6 = mblm.load [@token_embs_rev.1._post.2.bias] : tensor<32xf32>
    %7 = mblm.linear %4, %5, %6 : tensor<?x?x144xf32>, tensor<32x144xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %8 = mblm.load [@token_embs_rev.1._post.3.weight] : tensor<32xf32>
    %9 = mblm.load [@token_embs_rev.1._post.3.bias] : tensor<32xf32>
    %10 = mblm.norm layer %7, %8, %9 {eps = 1.000000e-05 : f64} : tensor<?x?x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %11 = mblm.load [@pos_embs.0.weight] : tensor<16x32xf32>
    %12 = mblm.position %10, %11 : tensor<?x?x32xf32>, tensor<16x32xf32> -> tensor<?x?x32xf32>
    %13 = mblm.load [@start_tokens.0] : tensor<32xf32>
    %14 = mblm.start_token %12, %13 : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %15 = mblm.token_shift %14 : tensor<?x?x32xf32>
    %16 = mblm.load [@stage_models.0.layers.0.0.norm.g] : tensor<32xf32>
    %17 = mblm.norm rms_clamp %15, %16 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %18 = mblm.load [@stage_models.0.layers.0.0.to_q.weight, @stage_models.0.layers.0.0.to_kv.weight] : tensor<96x32xf32>
    %19 = mblm.linear %17, %18 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %20:3 = mblm.split %19 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %21 = mblm.rope half_split %20#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %22 = mblm.rope half_split %20#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result, %lse = mblm.attention %21, %22, %20#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %23 = mblm.load [@stage_models.0.layers.0.0.to_out.weight] : tensor<32x32xf32>
    %24 = mblm.linear %result, %23 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %25 = mblm.add %14, %24 : tensor<?x?x32xf32>
    %26 = mblm.token_shift %25 : tensor<?x?x32xf32>
    %27 = mblm.load [@stage_models.0.layers.0.1.0.g] : tensor<32xf32>
    %28 = mblm.norm rms_clamp %26, %27 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %29 = mblm.load [@stage_models.0.layers.0.1.1.weight] : tensor<64x32xf32>
    %30 = mblm.load [@stage_models.0.layers.0.1.1.bias] : tensor<64xf32>
    %31 = mblm.linear %28, %29, %30 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %32 = mblm.activation gelu %31 : tensor<?x?x64xf32>
    %33 = mblm.load [@stage_models.0.layers.0.1.4.weight] : tensor<32x64xf32>
    %34 = mblm.load [@stage_models.0.layers.0.1.4.bias] : tensor<32xf32>
    %35 = mblm.linear %32, %33, %34 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %36 = mblm.add %25, %35 : tensor<?x?x32xf32>
    %37 = mblm.token_shift %36 : tensor<?x?x32xf32>
    %38 = mblm.load [@stage_models.0.layers.1.0.norm.g] : tensor<32xf32>
    %39 = mblm.norm rms_clamp %37, %38 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %40 = mblm.load [@stage_models.0.layers.1.0.to_q.weight, @stage_models.0.layers.1.0.to_kv.weight] : tensor<96x32xf32>
    %41 = mblm.linear %39, %40 : tensor<?x?x32xf32>, tensor<96x32xf32> -> tensor<?x?x96xf32>
    %42:3 = mblm.split %41 : tensor<?x?x96xf32> -> tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
    %43 = mblm.rope half_split %42#0 {heads = 4 : i64} : tensor<?x?x32xf32>
    %44 = mblm.rope half_split %42#1 {heads = 4 : i64} : tensor<?x?x32xf32>
    %result_0, %lse_1 = mblm.attention %43, %44, %42#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<?x?x32xf32>, tensor<?x?x4xf32>
    %45 = mblm.load [@stage_models.0.layers.1.0.to_out.weight] : tensor<32x32xf32>
    %46 = mblm.linear %result_0, %45 : tensor<?x?x32xf32>, tensor<32x32xf32> -> tensor<?x?x32xf32>
    %47 = mblm.add %36, %46 : tensor<?x?x32xf32>
    %48 = mblm.token_shift %47 : tensor<?x?x32xf32>
    %49 = mblm.load [@stage_models.0.layers.1.1.0.g] : tensor<32xf32>
    %50 = mblm.norm rms_clamp %48, %49 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %51 = mblm.load [@stage_models.0.layers.1.1.1.weight] : tensor<64x32xf32>
    %52 = mblm.load [@stage_models.0.layers.1.1.1.bias] : tensor<64xf32>
    %53 = mblm.linear %50, %51, %52 : tensor<?x?x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<?x?x64xf32>
    %54 = mblm.activation gelu %53 : tensor<?x?x64xf32>
    %55 = mblm.load [@stage_models.0.layers.1.1.4.weight] : tensor<32x64xf32>
    %56 = mblm.load [@stage_models.0.layers.1.1.4.bias] : tensor<32xf32>
    %57 = mblm.linear %54, %55, %56 : tensor<?x?x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %58 = mblm.add %47, %57 : tensor<?x?x32xf32>
    %59 = mblm.load [@stage_models.0.norm.g] : tensor<32xf32>
    %60 = mblm.norm rms_clamp %58, %59 {eps = 1.000000e-08 : f64} : tensor<?x?x32xf32>, tensor<32xf32> -> tensor<?x?x32xf32>
    %61 = mblm.slice %60 {after = 1 : i64} : tensor<?x?x32xf32> -> tensor<?x?x32xf32>
    %62 = mblm.load [@to_next_stage_proj.0.1.weight] : tensor<144x32xf32>
    %63 = mblm.load [@to_next_stage_proj.0.1.bias] : tensor<144xf32>
    %64 = mblm.linear %61, %62, %63 : tensor<?x?x32xf32>, tensor<144x32xf32>, tensor<144xf32> -> tensor<?x?x144xf32>
    %65 = mblm.regroup %64 : tensor<?x?x144xf32> -> tensor<?x6x24xf32>
    %66 = mblm.regroup %arg0 : tensor<?x?xi32> -> tensor<?x6xi32>
    %67 = mblm.load [@token_embs_rev.0.embedding.weight] : tensor<256x24xf32>
    %68 = mblm.embed %66, %67 {skip = 0 : i64} : tensor<?x6xi32>, tensor<256x24xf32> -> tensor<?x6x24xf32>
    %69 = mblm.load [@pos_embs.1.weight] : tensor<6x24xf32>
    %70 = mblm.position %68, %69 : tensor<?x6x24xf32>, tensor<6x24xf32> -> tensor<?x6x24xf32>
    %71 = mblm.add %70, %65 : tensor<?x6x24xf32>
    %72 = mblm.load [@start_tokens.1] : tensor<24xf32>
    %73 = mblm.start_token %71, %72 : tensor<?x6x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %74 = mblm.token_shift %73 : tensor<?x7x24xf32>
    %75 = mblm.load [@stage_models.1.layers.0.0.norm.g] : tensor<24xf32>
    %76 = mblm.norm rms_clamp %74, %75 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %77 = mblm.load [@stage_models.1.layers.0.0.to_q.weight, @stage_models.1.layers.0.0.to_kv.weight] : tensor<72x24xf32>
    %78 = mblm.linear %76, %77 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %79:3 = mblm.split %78 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %80 = mblm.rope half_split %79#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %81 = mblm.rope half_split %79#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_2, %lse_3 = mblm.attention %80, %81, %79#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %82 = mblm.load [@stage_models.1.layers.0.0.to_out.weight] : tensor<24x24xf32>
    %83 = mblm.linear %result_2, %82 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %84 = mblm.add %73, %83 : tensor<?x7x24xf32>
    %85 = mblm.token_shift %84 : tensor<?x7x24xf32>
    %86 = mblm.load [@stage_models.1.layers.0.1.0.g] : tensor<24xf32>
    %87 = mblm.norm rms_clamp %85, %86 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %88 = mblm.load [@stage_models.1.layers.0.1.1.weight] : tensor<48x24xf32>
    %89 = mblm.load [@stage_models.1.layers.0.1.1.bias] : tensor<48xf32>
    %90 = mblm.linear %87, %88, %89 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %91 = mblm.activation gelu %90 : tensor<?x7x48xf32>
    %92 = mblm.load [@stage_models.1.layers.0.1.4.weight] : tensor<24x48xf32>
    %93 = mblm.load [@stage_models.1.layers.0.1.4.bias] : tensor<24xf32>
    %94 = mblm.linear %91, %92, %93 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %95 = mblm.add %84, %94 : tensor<?x7x24xf32>
    %96 = mblm.token_shift %95 : tensor<?x7x24xf32>
    %97 = mblm.load [@stage_models.1.layers.1.0.norm.g] : tensor<24xf32>
    %98 = mblm.norm rms_clamp %96, %97 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %99 = mblm.load [@stage_models.1.layers.1.0.to_q.weight, @stage_models.1.layers.1.0.to_kv.weight] : tensor<72x24xf32>
    %100 = mblm.linear %98, %99 : tensor<?x7x24xf32>, tensor<72x24xf32> -> tensor<?x7x72xf32>
    %101:3 = mblm.split %100 : tensor<?x7x72xf32> -> tensor<?x7x24xf32>, tensor<?x7x24xf32>, tensor<?x7x24xf32>
    %102 = mblm.rope half_split %101#0 {heads = 3 : i64} : tensor<?x7x24xf32>
    %103 = mblm.rope half_split %101#1 {heads = 3 : i64} : tensor<?x7x24xf32>
    %result_4, %lse_5 = mblm.attention %102, %103, %101#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<?x7x24xf32>, tensor<?x7x3xf32>
    %104 = mblm.load [@stage_models.1.layers.1.0.to_out.weight] : tensor<24x24xf32>
    %105 = mblm.linear %result_4, %104 : tensor<?x7x24xf32>, tensor<24x24xf32> -> tensor<?x7x24xf32>
    %106 = mblm.add %95, %105 : tensor<?x7x24xf32>
    %107 = mblm.token_shift %106 : tensor<?x7x24xf32>
    %108 = mblm.load [@stage_models.1.layers.1.1.0.g] : tensor<24xf32>
    %109 = mblm.norm rms_clamp %107, %108 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %110 = mblm.load [@stage_models.1.layers.1.1.1.weight] : tensor<48x24xf32>
    %111 = mblm.load [@stage_models.1.layers.1.1.1.bias] : tensor<48xf32>
    %112 = mblm.linear %109, %110, %111 : tensor<?x7x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<?x7x48xf32>
    %113 = mblm.activation gelu %112 : tensor<?x7x48xf32>
    %114 = mblm.load [@stage_models.1.layers.1.1.4.weight] : tensor<24x48xf32>
    %115 = mblm.load [@stage_models.1.layers.1.1.4.bias] : tensor<24xf32>
    %116 = mblm.linear %113, %114, %115 : tensor<?x7x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %117 = mblm.add %106, %116 : tensor<?x7x24xf32>
    %118 = mblm.load [@stage_models.1.norm.g] : tensor<24xf32>
    %119 = mblm.norm rms_clamp %117, %118 {eps = 1.000000e-08 : f64} : tensor<?x7x24xf32>, tensor<24xf32> -> tensor<?x7x24xf32>
    %120 = mblm.next_byte %119 : tensor<?x7x24xf32> -> tensor<?x?x24xf32>
    %121 = mblm.load [@to_logits.weight] : tensor<256x24xf32>
    %122 = mblm.load [@to_logits.bias] : tensor<256xf32>
    %123 = mblm.linear %120, %121, %122 : tensor<?x?x24xf32>, tensor<256x24xf32>, tensor<256xf32> -> tensor<?x?x256xf32>
    %loss, %lse_6 = mblm.cross_entropy %123, %arg0 {ignore = 0 : i64} : tensor<?x?x256xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss_7, %sum, %count = mblm.mean_loss nonzero %loss, %arg1, %arg0 {ignore = 0 : i64} : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss_7, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
  func.func @empty() -> tensor<1x1x256xf32> {
    %0 = mblm.load [@start_tokens.0] : tensor<32xf32>
    %1 = mblm.start %0 : tensor<32xf32> -> tensor<1x1x32xf32>
    %2 = mblm.token_shift %1 : tensor<1x1x32xf32>
    %3 = mblm.load [@stage_models.0.layers.0.0.norm.g] : tensor<32xf32>
    %4 = mblm.norm rms_clamp %2, %3 {eps = 1.000000e-08 : f64} : tensor<1x1x32xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %5 = mblm.load [@stage_models.0.layers.0.0.to_q.weight, @stage_models.0.layers.0.0.to_kv.weight] : tensor<96x32xf32>
    %6 = mblm.linear %4, %5 : tensor<1x1x32xf32>, tensor<96x32xf32> -> tensor<1x1x96xf32>
    %7:3 = mblm.split %6 : tensor<1x1x96xf32> -> tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x1x32xf32>
    %8 = mblm.rope half_split %7#0 {heads = 4 : i64} : tensor<1x1x32xf32>
    %9 = mblm.rope half_split %7#1 {heads = 4 : i64} : tensor<1x1x32xf32>
    %result, %lse = mblm.attention %8, %9, %7#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<1x1x32xf32>, tensor<1x1x4xf32>
    %10 = mblm.load [@stage_models.0.layers.0.0.to_out.weight] : tensor<32x32xf32>
    %11 = mblm.linear %result, %10 : tensor<1x1x32xf32>, tensor<32x32xf32> -> tensor<1x1x32xf32>
    %12 = mblm.add %1, %11 : tensor<1x1x32xf32>
    %13 = mblm.token_shift %12 : tensor<1x1x32xf32>
    %14 = mblm.load [@stage_models.0.layers.0.1.0.g] : tensor<32xf32>
    %15 = mblm.norm rms_clamp %13, %14 {eps = 1.000000e-08 : f64} : tensor<1x1x32xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %16 = mblm.load [@stage_models.0.layers.0.1.1.weight] : tensor<64x32xf32>
    %17 = mblm.load [@stage_models.0.layers.0.1.1.bias] : tensor<64xf32>
    %18 = mblm.linear %15, %16, %17 : tensor<1x1x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<1x1x64xf32>
    %19 = mblm.activation gelu %18 : tensor<1x1x64xf32>
    %20 = mblm.load [@stage_models.0.layers.0.1.4.weight] : tensor<32x64xf32>
    %21 = mblm.load [@stage_models.0.layers.0.1.4.bias] : tensor<32xf32>
    %22 = mblm.linear %19, %20, %21 : tensor<1x1x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %23 = mblm.add %12, %22 : tensor<1x1x32xf32>
    %24 = mblm.token_shift %23 : tensor<1x1x32xf32>
    %25 = mblm.load [@stage_models.0.layers.1.0.norm.g] : tensor<32xf32>
    %26 = mblm.norm rms_clamp %24, %25 {eps = 1.000000e-08 : f64} : tensor<1x1x32xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %27 = mblm.load [@stage_models.0.layers.1.0.to_q.weight, @stage_models.0.layers.1.0.to_kv.weight] : tensor<96x32xf32>
    %28 = mblm.linear %26, %27 : tensor<1x1x32xf32>, tensor<96x32xf32> -> tensor<1x1x96xf32>
    %29:3 = mblm.split %28 : tensor<1x1x96xf32> -> tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x1x32xf32>
    %30 = mblm.rope half_split %29#0 {heads = 4 : i64} : tensor<1x1x32xf32>
    %31 = mblm.rope half_split %29#1 {heads = 4 : i64} : tensor<1x1x32xf32>
    %result_0, %lse_1 = mblm.attention %30, %31, %29#2 mask(causal) {heads = 4 : i64, scale = 0.35355339059327373 : f64} : tensor<1x1x32xf32>, tensor<1x1x4xf32>
    %32 = mblm.load [@stage_models.0.layers.1.0.to_out.weight] : tensor<32x32xf32>
    %33 = mblm.linear %result_0, %32 : tensor<1x1x32xf32>, tensor<32x32xf32> -> tensor<1x1x32xf32>
    %34 = mblm.add %23, %33 : tensor<1x1x32xf32>
    %35 = mblm.token_shift %34 : tensor<1x1x32xf32>
    %36 = mblm.load [@stage_models.0.layers.1.1.0.g] : tensor<32xf32>
    %37 = mblm.norm rms_clamp %35, %36 {eps = 1.000000e-08 : f64} : tensor<1x1x32xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %38 = mblm.load [@stage_models.0.layers.1.1.1.weight] : tensor<64x32xf32>
    %39 = mblm.load [@stage_models.0.layers.1.1.1.bias] : tensor<64xf32>
    %40 = mblm.linear %37, %38, %39 : tensor<1x1x32xf32>, tensor<64x32xf32>, tensor<64xf32> -> tensor<1x1x64xf32>
    %41 = mblm.activation gelu %40 : tensor<1x1x64xf32>
    %42 = mblm.load [@stage_models.0.layers.1.1.4.weight] : tensor<32x64xf32>
    %43 = mblm.load [@stage_models.0.layers.1.1.4.bias] : tensor<32xf32>
    %44 = mblm.linear %41, %42, %43 : tensor<1x1x64xf32>, tensor<32x64xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %45 = mblm.add %34, %44 : tensor<1x1x32xf32>
    %46 = mblm.load [@stage_models.0.norm.g] : tensor<32xf32>
    %47 = mblm.norm rms_clamp %45, %46 {eps = 1.000000e-08 : f64} : tensor<1x1x32xf32>, tensor<32xf32> -> tensor<1x1x32xf32>
    %48 = mblm.load [@to_next_stage_proj.0.1.weight] : tensor<144x32xf32>
    %49 = mblm.load [@to_next_stage_proj.0.1.bias] : tensor<144xf32>
    %50 = mblm.linear %47, %48, %49 : tensor<1x1x32xf32>, tensor<144x32xf32>, tensor<144xf32> -> tensor<1x1x144xf32>
    %51:2 = mblm.split %50 : tensor<1x1x144xf32> -> tensor<1x1x24xf32>, tensor<1x1x120xf32>
    %52 = mblm.load [@start_tokens.1] : tensor<24xf32>
    %53 = mblm.start %52 : tensor<24xf32> -> tensor<1x1x24xf32>
    %54 = mblm.add %53, %51#0 : tensor<1x1x24xf32>
    %55 = mblm.token_shift %54 : tensor<1x1x24xf32>
    %56 = mblm.load [@stage_models.1.layers.0.0.norm.g] : tensor<24xf32>
    %57 = mblm.norm rms_clamp %55, %56 {eps = 1.000000e-08 : f64} : tensor<1x1x24xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %58 = mblm.load [@stage_models.1.layers.0.0.to_q.weight, @stage_models.1.layers.0.0.to_kv.weight] : tensor<72x24xf32>
    %59 = mblm.linear %57, %58 : tensor<1x1x24xf32>, tensor<72x24xf32> -> tensor<1x1x72xf32>
    %60:3 = mblm.split %59 : tensor<1x1x72xf32> -> tensor<1x1x24xf32>, tensor<1x1x24xf32>, tensor<1x1x24xf32>
    %61 = mblm.rope half_split %60#0 {heads = 3 : i64} : tensor<1x1x24xf32>
    %62 = mblm.rope half_split %60#1 {heads = 3 : i64} : tensor<1x1x24xf32>
    %result_2, %lse_3 = mblm.attention %61, %62, %60#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<1x1x24xf32>, tensor<1x1x3xf32>
    %63 = mblm.load [@stage_models.1.layers.0.0.to_out.weight] : tensor<24x24xf32>
    %64 = mblm.linear %result_2, %63 : tensor<1x1x24xf32>, tensor<24x24xf32> -> tensor<1x1x24xf32>
    %65 = mblm.add %54, %64 : tensor<1x1x24xf32>
    %66 = mblm.token_shift %65 : tensor<1x1x24xf32>
    %67 = mblm.load [@stage_models.1.layers.0.1.0.g] : tensor<24xf32>
    %68 = mblm.norm rms_clamp %66, %67 {eps = 1.000000e-08 : f64} : tensor<1x1x24xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %69 = mblm.load [@stage_models.1.layers.0.1.1.weight] : tensor<48x24xf32>
    %70 = mblm.load [@stage_models.1.layers.0.1.1.bias] : tensor<48xf32>
    %71 = mblm.linear %68, %69, %70 : tensor<1x1x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<1x1x48xf32>
    %72 = mblm.activation gelu %71 : tensor<1x1x48xf32>
    %73 = mblm.load [@stage_models.1.layers.0.1.4.weight] : tensor<24x48xf32>
    %74 = mblm.load [@stage_models.1.layers.0.1.4.bias] : tensor<24xf32>
    %75 = mblm.linear %72, %73, %74 : tensor<1x1x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %76 = mblm.add %65, %75 : tensor<1x1x24xf32>
    %77 = mblm.token_shift %76 : tensor<1x1x24xf32>
    %78 = mblm.load [@stage_models.1.layers.1.0.norm.g] : tensor<24xf32>
    %79 = mblm.norm rms_clamp %77, %78 {eps = 1.000000e-08 : f64} : tensor<1x1x24xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %80 = mblm.load [@stage_models.1.layers.1.0.to_q.weight, @stage_models.1.layers.1.0.to_kv.weight] : tensor<72x24xf32>
    %81 = mblm.linear %79, %80 : tensor<1x1x24xf32>, tensor<72x24xf32> -> tensor<1x1x72xf32>
    %82:3 = mblm.split %81 : tensor<1x1x72xf32> -> tensor<1x1x24xf32>, tensor<1x1x24xf32>, tensor<1x1x24xf32>
    %83 = mblm.rope half_split %82#0 {heads = 3 : i64} : tensor<1x1x24xf32>
    %84 = mblm.rope half_split %82#1 {heads = 3 : i64} : tensor<1x1x24xf32>
    %result_4, %lse_5 = mblm.attention %83, %84, %82#2 mask(causal) {heads = 3 : i64, scale = 0.35355339059327373 : f64} : tensor<1x1x24xf32>, tensor<1x1x3xf32>
    %85 = mblm.load [@stage_models.1.layers.1.0.to_out.weight] : tensor<24x24xf32>
    %86 = mblm.linear %result_4, %85 : tensor<1x1x24xf32>, tensor<24x24xf32> -> tensor<1x1x24xf32>
    %87 = mblm.add %76, %86 : tensor<1x1x24xf32>
    %88 = mblm.token_shift %87 : tensor<1x1x24xf32>
    %89 = mblm.load [@stage_models.1.layers.1.1.0.g] : tensor<24xf32>
    %90 = mblm.norm rms_clamp %88, %89 {eps = 1.000000e-08 : f64} : tensor<1x1x24xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %91 = mblm.load [@stage_models.1.layers.1.1.1.weight] : tensor<48x24xf32>
    %92 = mblm.load [@stage_models.1.layers.1.1.1.bias] : tensor<48xf32>
    %93 = mblm.linear %90, %91, %92 : tensor<1x1x24xf32>, tensor<48x24xf32>, tensor<48xf32> -> tensor<1x1x48xf32>
    %94 = mblm.activation gelu %93 : tensor<1x1x48xf32>
    %95 = mblm.load [@stage_models.1.layers.1.1.4.weight] : tensor<24x48xf32>
    %96 = mblm.load [@stage_models.1.layers.1.1.4.bias] : tensor<24xf32>
    %97 = mblm.linear %94, %95, %96 : tensor<1x1x48xf32>, tensor<24x48xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %98 = mblm.add %87, %97 : tensor<1x1x24xf32>
    %99 = mblm.load [@stage_models.1.norm.g] : tensor<24xf32>
    %100 = mblm.norm rms_clamp %98, %99 {eps = 1.000000e-08 : f64} : tensor<1x1x24xf32>, tensor<24xf32> -> tensor<1x1x24xf32>
    %101 = mblm.load [@to_logits.weight] : tensor<256x24xf32>
    %102 = mblm.load [@to_logits.bias] : tensor<256xf32>
    %103 = mblm.linear %100, %101, %102 : tensor<1x1x24xf32>, tensor<256x24xf32>, tensor<256xf32> -> tensor<1x1x256xf32>
    return %103 : tensor<1x1x256xf32>
  }
}

{-#
  external_resources: {
    mlir_reproducer: {
      pipeline: "builtin.module(mblm-decode{prefill-rows=64}, mblm-differentiate{recompute=true recompute-hidden=true}, canonicalize{  max-iterations=10 max-num-rewrites=-1 region-simplify=normal test-convergence=false top-down=true}, cse)",
      disable_threading: true,
      verify_each: true
    }
  }
#-}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/LaunchAttributes.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

Attribute cuda::pointerAttribute(Builder &builder, const Place &place) {
  SmallVector<int64_t> pointer{place.slot};
  llvm::append_range(pointer, cast<DenseI64ArrayAttr>(formAttribute(builder.getContext(), place.offset)).asArrayRef());
  return builder.getDenseI64ArrayAttr(pointer);
}

static ArrayAttr mapsOf(Builder &builder, const Launch &launch) {
  SmallVector<Attribute> maps;
  for (const TensorMap &map : launch.maps) {
    NamedAttrList described;
    described.set("tensor", builder.getI64IntegerAttr(map.tensor));
    described.set("offset", formAttribute(builder.getContext(), map.offset));
    described.set("rows", formAttribute(builder.getContext(), map.rows));
    described.set("columns", builder.getI64IntegerAttr(map.columns));
    described.set("tile", builder.getDenseI64ArrayAttr({map.tileRows, map.tileColumns}));
    if (map.matrices) {
      described.set("matrices", formAttribute(builder.getContext(), *map.matrices));
    }
    maps.push_back(described.getDictionary(builder.getContext()));
  }
  return builder.getArrayAttr(maps);
}

NamedAttrList cuda::launchAttribute(Builder &builder, const Launch &launch, Location from, int64_t op, Attribute arguments) {
  NamedAttrList listed;
  listed.set("kernel", builder.getStringAttr(launch.function));
  listed.set("from", builder.getStringAttr(modelName(from)));
  listed.set("op", builder.getI64IntegerAttr(op));
  listed.set("grid", formAttribute(builder.getContext(), launch.grid.count));
  listed.set("divisor", builder.getI64IntegerAttr(launch.grid.divisor));
  listed.set("y", builder.getI64IntegerAttr(launch.grid.y));
  listed.set("threads", builder.getI64IntegerAttr(launch.threads));
  listed.set("shared", builder.getI64IntegerAttr(launch.sharedBytes));
  listed.set("arguments", arguments);
  listed.set("maps", mapsOf(builder, launch));
  return listed;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/ConvertToKernel/RowBuilder.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

Value RowBody::loadFrom(Value tensor, ValueRange indices, bool orZero) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  return LoadOp::create(b, element, tensor, indices, orZero);
}

Value RowBody::here(unsigned tensor) {
  switch (cast<RankedTensorType>(body.getArgument(tensor).getType()).getRank()) {
  case 0:
    return load(tensor, {});
  case 1:
    return load(tensor, {at.column});
  case 2:
    return load(tensor, {at.sequence, at.position});
  default:
    return load(tensor, {at.sequence, at.position, at.column});
  }
}

void kernel::buildRowProgram(OpBuilder &builder, Location loc, Region &region, TypeRange tensors, const RowProgram &program) {
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&region);
  for (Type type : tensors) {
    body->addArgument(type, loc);
  }
  for (int i = 0; i < 5; ++i) {
    body->addArgument(builder.getIndexType(), loc);
  }
  RowBody rowBody(builder, loc, *body);
  SmallVector<Value> values = program(rowBody);
  kernel::YieldOp::create(rowBody.b, values);
}

void kernel::buildIdentity(OpBuilder &builder, Location loc, Region &region, Type tensor) {
  buildRowProgram(builder, loc, region, tensor, [](RowBody &r) { return SmallVector<Value>{r.here(0)}; });
}

RowsOp kernel::buildRows(OpBuilder &builder, Location loc, SpaceAttr space, Columns columns, ValueRange inputs,
                         TypeRange results, const RowProgram &program, ArrayRef<int64_t> blockSums) {
  auto rows = RowsOp::create(builder, loc, results, inputs, space, columns.columns, columns.segments, columns.width,
                             blockSums);
  buildRowProgram(builder, loc, rows.getBody(), inputs.getTypes(), program);
  return rows;
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on single positions, and where parameters' gradients go.
#include "passes/ConvertToKernel/Converter.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {
// A normalised row: what the gain multiplies, the factor that made it, and whether the clamp acted.
struct Normalised {
  Value value, factor, clamped;
};
} // namespace

static Normalised normalise(RowBody &r, Value x, NormKind kind, double eps, int64_t width) {
  Value scale = r.number(1.0 / width), epsilon = r.number(eps), one = r.number(1);
  if (kind == NormKind::Layer) {
    Value mean = r.mul(r.rowSum(x), scale);
    Value centred = r.sub(x, mean);
    Value variance = r.mul(r.rowSum(r.mul(centred, centred)), scale);
    Value factor = r.div(one, math::SqrtOp::create(r.b, r.add(variance, epsilon)));
    return {r.mul(centred, factor), factor, {}};
  }
  Value meanSquare = r.mul(r.rowSum(r.mul(x, x)), scale);
  if (kind == NormKind::Rms) {
    Value factor = r.div(one, math::SqrtOp::create(r.b, r.add(meanSquare, epsilon)));
    return {r.mul(x, factor), factor, {}};
  }
  Value root = math::SqrtOp::create(r.b, meanSquare);
  Value clamped = arith::CmpFOp::create(r.b, arith::CmpFPredicate::OLT, root, epsilon);
  Value factor = r.div(one, r.select(clamped, epsilon, root));
  return {r.mul(x, factor), factor, clamped};
}

// K sequences of T*groups rows: each group of features is one.
SpaceAttr Converter::groupSpace(const SymbolicShape &shape, int64_t groups) {
  return spaceOf(shape[0], *shape[1].times(SymbolicDim::constant(groups)));
}

// [K, T, C] as [K, T*groups, C/groups].
static Value groupRows(OpBuilder &builder, Location loc, Value value, SpaceAttr space, int64_t groups) {
  if (groups == 1) {
    return value;
  }
  auto type = cast<RankedTensorType>(value.getType());
  int64_t positions = type.isDynamicDim(1) ? ShapedType::kDynamic : type.getDimSize(1) * groups;
  auto rows = RankedTensorType::get({type.getDimSize(0), positions, type.getDimSize(2) / groups}, type.getElementType());
  return ViewOp::create(builder, loc, rows, value, space);
}

// A gain or bias at the columns of the row's group.
static Value ofGroup(RowBody &r, unsigned tensor, int64_t groups, int64_t width) {
  if (groups == 1) {
    return r.here(tensor);
  }
  Value group = arith::RemUIOp::create(r.b, r.at.position, r.index(groups));
  return r.load(tensor, {r.plus(r.times(group, r.index(width)), r.at.column)});
}

void Converter::convertNorm(NormOp op) {
  int64_t groups = op.getGroups(), width = widthOf(op.getInput()) / groups;
  Location loc = op->getLoc();
  SpaceAttr space = groupSpace(resultShape(op), groups);
  SmallVector<Value> operands(op->getOperands());
  operands[0] = groupRows(builder, loc, op.getInput(), space, groups);
  auto rows = buildRows(builder, loc, space, Columns::plain(width), operands, operands[0].getType(),
                        [&](RowBody &r) {
                          Normalised row = normalise(r, r.here(0), op.getKind(), op.getEps().convertToDouble(), width);
                          Value scaled = r.mul(row.value, ofGroup(r, 1, groups, width));
                          return SmallVector<Value>{op.getBias() ? r.add(scaled, ofGroup(r, 2, groups, width)) : scaled};
                        });
  Value result = rows.getResult(0);
  if (groups > 1) {
    result = ViewOp::create(builder, loc, op.getType(), result, spaceOf(resultShape(op)));
  }
  replace(op, result);
}

void Converter::convertNormGrad(NormGradOp op) {
  int64_t groups = op.getGroups(), columns = widthOf(op.getInput()), width = columns / groups;
  Location loc = op->getLoc();
  bool layer = op.getKind() == NormKind::Layer;
  SpaceAttr whole = spaceOf(resultShape(op)), space = groupSpace(resultShape(op), groups);
  SmallVector<Value> operands(op->getOperands());
  operands[0] = groupRows(builder, loc, op.getGrad(), space, groups);
  operands[1] = groupRows(builder, loc, op.getInput(), space, groups);
  // Gains' and biases' gradients are sums over rows. Where a row is a group the terms are rows first, and sums over whole
  // positions in a kernel of their own; else they are summed here by blocks. What is left is convertGradient's.
  Type sums = RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type()), terms = operands[0].getType();
  SmallVector<Type> types{terms, groups == 1 ? sums : terms};
  SmallVector<int64_t> blockSums{1};
  if (layer && groups == 1) { // with groups the terms are the gradient itself
    types.push_back(sums);
    blockSums.push_back(2);
  }
  auto rows = buildRows(
      builder, loc, space, Columns::plain(width), operands, types,
      [&](RowBody &r) {
        Value grad = r.here(0);
        Normalised row = normalise(r, r.here(1), op.getKind(), op.getEps().convertToDouble(), width);
        Value scaled = r.mul(grad, ofGroup(r, 2, groups, width)), scale = r.number(1.0 / width);
        Value along = r.mul(row.value, r.mul(r.rowSum(r.mul(scaled, row.value)), scale));
        if (row.clamped) { // the factor is constant there
          along = r.select(row.clamped, r.number(0), along);
        }
        Value inner = r.sub(scaled, along);
        if (layer) {
          inner = r.sub(inner, r.mul(r.rowSum(scaled), scale));
        }
        SmallVector<Value> yields{r.mul(inner, row.factor), r.mul(grad, row.value)};
        if (types.size() > 2) {
          yields.push_back(grad);
        }
        return yields;
      },
      groups == 1 ? ArrayRef<int64_t>(blockSums) : ArrayRef<int64_t>());
  auto ungrouped = [&](Value value) -> Value {
    return groups == 1 ? value : ViewOp::create(builder, loc, op.getInputGrad().getType(), value, whole).getResult();
  };
  auto summed = [&](Value value) -> Value {
    return buildRows(builder, loc, whole, Columns::plain(columns), value, sums,
                     [](RowBody &r) { return SmallVector<Value>{r.here(0)}; }, {0})
        .getResult(0);
  };
  op.getInputGrad().replaceAllUsesWith(ungrouped(rows.getResult(0)));
  gradientSums[op.getGainGrad()] = {
      Parts{groups == 1 ? rows.getResult(1) : summed(ungrouped(rows.getResult(1))), whole, true}};
  if (layer) {
    gradientSums[op.getBiasGrad()] = {Parts{groups == 1 ? rows.getResult(2) : summed(op.getGrad()), whole, true}};
  }
  converted.push_back(op);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static Value sigmoid(RowBody &r, Value x) {
  Value one = r.number(1);
  return r.div(one, r.add(one, math::ExpOp::create(r.b, r.sub(r.number(0), x))));
}

// Phi(x) and x * phi(x) of the normal distribution, for the exact form; the tanh form's parts otherwise.
static Value activation(RowBody &r, Value x, ActivationKind kind) {
  Value half = r.mul(x, r.number(0.5)), one = r.number(1);
  if (kind == ActivationKind::Silu) {
    return r.mul(x, sigmoid(r, x));
  }
  if (kind == ActivationKind::Gelu) {
    return r.mul(half, r.add(one, math::ErfOp::create(r.b, r.mul(x, r.number(std::sqrt(0.5))))));
  }
  Value cube = r.mul(r.mul(x, x), x);
  Value inner = r.mul(r.add(x, r.mul(cube, r.number(0.044715))), r.number(std::sqrt(2 / M_PI)));
  return r.mul(half, r.add(one, math::TanhOp::create(r.b, inner)));
}

static Value activationSlope(RowBody &r, Value x, ActivationKind kind) {
  Value half = r.number(0.5), one = r.number(1);
  if (kind == ActivationKind::Silu) {
    Value s = sigmoid(r, x);
    return r.mul(s, r.add(one, r.mul(x, r.sub(one, s))));
  }
  if (kind == ActivationKind::Gelu) {
    Value cdf = r.mul(half, r.add(one, math::ErfOp::create(r.b, r.mul(x, r.number(std::sqrt(0.5))))));
    Value density = math::ExpOp::create(r.b, r.mul(r.mul(x, x), r.number(-0.5)));
    return r.add(cdf, r.mul(r.mul(x, density), r.number(1 / std::sqrt(2 * M_PI))));
  }
  double root = std::sqrt(2 / M_PI);
  Value square = r.mul(x, x);
  Value inner = r.mul(r.mul(x, r.add(one, r.mul(square, r.number(0.044715)))), r.number(root));
  Value tanh = math::TanhOp::create(r.b, inner);
  Value slope = r.mul(r.sub(one, r.mul(tanh, tanh)),
                      r.mul(r.number(root), r.add(one, r.mul(square, r.number(3 * 0.044715)))));
  return r.mul(half, r.add(r.add(one, tanh), r.mul(x, slope)));
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

Value Converter::dropoutKey(Location loc, Value key, FloatAttr rate, IntegerAttr site) {
  if (!key) {
    return {};
  }
  auto type = RankedTensorType::get({dropoutKeyWords}, builder.getI32Type());
  return DropoutKeyOp::create(builder, loc, type, key, rate, site);
}

void Converter::convertDropout(DropoutOp op) {
  int64_t width = widthOf(op.getInput());
  SymbolicDim positions = resultShape(op)[1];
  SmallVector<Value> inputs{op.getInput(), dropoutKey(op->getLoc(), op.getKey(), op.getRateAttr(), op.getSiteAttr())};
  replaceWithRows(op, Columns::plain(width), inputs, [&](RowBody &r) {
    Value row = r.plus(r.times(r.at.sequence, positionsOf(r.b, r.b.getLoc(), positions)), r.at.position);
    Value factor = KeepOp::create(r.b, r.b.getF32Type(), r.body.getArgument(1), row, r.at.column, width);
    return SmallVector<Value>{r.mul(r.here(0), factor)};
  });
}

//===----------------------------------------------------------------------===//
// Linear maps
//===----------------------------------------------------------------------===//

Value Converter::pack(Location loc, Value weight, bool transposed) {
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t n = type.getDimSize(transposed ? 1 : 0), depth = type.getDimSize(transposed ? 0 : 1);
  auto packed = RankedTensorType::get({ceilDiv(n, panelWidth), depth, panelWidth}, builder.getF32Type());
  return PackOp::create(builder, loc, packed, weight, transposed);
}

// Few enough rows, for a batch that one decodes, that a weight is not worth packing: it is read once, as it stands.
static bool streams(const SymbolicShape &shape) {
  bool single = shape[0] == SymbolicDim::constant(1) && shape[1] == SymbolicDim::constant(1);
  return single || (shape[0] == SymbolicDim::batch() && shape[1].isConstant());
}

static QuantizeOp quantizeWeight(OpBuilder &builder, Location loc, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  return QuantizeOp::create(builder, loc, type.clone(builder.getI8Type()),
                            RankedTensorType::get(type.getDimSize(0), type.getElementType()), weight);
}

void Converter::convertLinear(LinearOp op) {
  int64_t depth = widthOf(op.getInput()), columns = widthOf(op.getResult());
  bool streamed = streams(resultShape(op)) && !op.getTransposed();
  bool int8 = streamed && stepWeights.inInt8(op);
  Value packed = streamed ? op.getWeight() : pack(op->getLoc(), op.getWeight(), op.getTransposed());
  SmallVector<Value> epilogueInputs;
  if (int8) {
    auto quantize = quantizeWeight(builder, op->getLoc(), op.getWeight());
    packed = quantize.getNumbers();
    epilogueInputs.push_back(quantize.getScales());
  }
  if (op.getBias()) {
    epilogueInputs.push_back(op.getBias());
  }
  auto gemm = GemmOp::create(builder, op->getLoc(), op->getResultTypes(), op.getInput(), packed, epilogueInputs,
                             spaceOf(resultShape(op)), depth, 1, depth, columns, 1, columns, ArrayRef<int64_t>());
  buildIdentity(builder, op->getLoc(), gemm.getPrologue(), op.getInput().getType());
  SmallVector<Type> types{op.getType()};
  llvm::append_range(types, TypeRange(ValueRange(epilogueInputs)));
  buildRowProgram(builder, op->getLoc(), gemm.getEpilogue(), types, [&](RowBody &r) {
    Value product = int8 ? r.mul(r.here(0), r.here(1)) : r.here(0);
    return SmallVector<Value>{op.getBias() ? r.add(product, r.here(epilogueInputs.size())) : product};
  });
  replace(op, gemm.getResults());
}

//===----------------------------------------------------------------------===//
// Gradients of parameters
//===----------------------------------------------------------------------===//

LogicalResult Converter::convertGradient(Value value, ArrayAttr parameters) {
  Operation *maker = value.getDefiningOp();
  Location loc = maker ? maker->getLoc() : builder.getUnknownLoc();
  int64_t offset = offsetOf(parameters);
  SymbolicDim one = SymbolicDim::constant(1), none = SymbolicDim::constant(0);
  if (auto sums = gradientSums.find(value); sums != gradientSums.end()) {
    for (const Parts &part : sums->second) {
      kernel::ReduceOp::create(builder, loc, part.tensor, part.space, spaceOf(none, one), part.blocks, parameters,
                               offset + part.first, part.stride);
    }
    return success();
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(maker)
      .Case([&](AddOp add) {
        // Gradient buffers accumulate: no sum is needed.
        return success(succeeded(convertGradient(add.getLhs(), parameters)) &&
                       succeeded(convertGradient(add.getRhs(), parameters)));
      })
      .Case([&](WeightGradOp op) {
        Value input = op.getInput(), grad = op.getGrad();
        SymbolicShape shape = shapeOf(input);
        int64_t depth = widthOf(input);
        auto type = RankedTensorType::get({ShapedType::kDynamic, ceilDiv(depth, panelWidth), packRows, panelWidth},
                                          builder.getF32Type());
        auto packed = PackRowsOp::create(builder, loc, type, input, spaceOf(shape), depth, 1, depth);
        buildIdentity(builder, loc, packed.getBody(), input.getType());
        WeightGemmOp::create(builder, loc, grad, packed, spaceOf(shape), widthOf(grad), depth, parameters, offset);
        return success();
      })
      .Case([&](mblm::EmbedGradOp op) {
        kernel::EmbedGradOp::create(builder, loc, op.getIds(), op.getGrad(), spaceOf(shapeOf(op.getIds())), widthOf(op.getResult()),
                                    op.getSkipAttr(), parameters, offset, /*bag=*/1);
        return success();
      })
      .Case([&](EmbedBagGradOp op) {
        kernel::EmbedGradOp::create(builder, loc, op.getIds(), op.getGrad(), spaceOf(shapeOf(op.getIds())), widthOf(op.getResult()),
                                    /*skip=*/IntegerAttr(), parameters, offset, op.getBag());
        return success();
      })
      .Case([&](mblm::ReduceOp op) {
        Value input = op.getInput();
        SymbolicShape shape = shapeOf(input);
        SpaceAttr space = spaceOf(shape), sums = spaceOf(none, one);
        if (op.getOver() == ReduceOver::Rows) {
          space = spaceOf(*shape[0].times(shape[1]), one);
        } else if (op.getOver() == ReduceOver::Batch) {
          sums = spaceOf(none, shape[1]);
        }
        kernel::ReduceOp::create(builder, loc, input, space, sums, false, parameters, offset, /*stride=*/1);
        return success();
      })
      .Default([&](Operation *) {
        return emitError(loc) << "expects a parameter's gradient from a linear map, a table, a norm or a sum, but got "
                              << (maker ? maker->getName().getStringRef() : "an argument");
      });
}

LogicalResult Converter::convertPositionwise(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LinearOp linear) {
        convertLinear(linear);
        return success();
      })
      .Case([&](NormOp norm) {
        convertNorm(norm);
        return success();
      })
      .Case([&](NormGradOp grad) {
        convertNormGrad(grad);
        return success();
      })
      .Case<WeightGradOp, mblm::EmbedGradOp, EmbedBagGradOp, mblm::ReduceOp>([&](auto) {
        converted.push_back(op); // when its gradient op's turn comes
        return success();
      })
      .Case([&](EmbedOp embed) {
        int64_t bytes = embed.getBytes(), width = widthOf(embed.getTable());
        replaceWithRows(op, {bytes * width, bytes, width}, op->getOperands(), [&](RowBody &r) {
          Value byte = r.plus(r.times(r.at.position, r.index(bytes)), r.at.segment);
          Value id = r.load(0, {r.at.sequence, byte});
          Value row = arith::IndexCastOp::create(r.b, r.b.getIndexType(), id);
          return SmallVector<Value>{r.load(1, {row, r.at.offset})};
        });
        return success();
      })
      .Case([&](EmbedBagOp embed) {
        int64_t bag = embed.getBag();
        replaceWithRows(op, Columns::plain(widthOf(embed.getTable())), op->getOperands(), [&](RowBody &r) {
          Value sum, first = r.times(r.at.position, r.index(bag));
          for (int64_t j = 0; j < bag; ++j) {
            Value row = arith::IndexCastOp::create(r.b, r.b.getIndexType(), r.load(0, {r.at.sequence, r.plus(first, j)}));
            Value here = r.load(1, {row, r.at.column});
            sum = sum ? r.add(sum, here) : here;
          }
          return SmallVector<Value>{sum};
        });
        return success();
      })
      .Case([&](PositionOp position) {
        replaceWithRows(op, Columns::plain(widthOf(position.getResult())), op->getOperands(), [&](RowBody &r) {
          Value row = r.positionFrom(position.getOrigin());
          return SmallVector<Value>{r.add(r.here(0), r.load(1, {row, r.at.column}))};
        });
        return success();
      })
      .Case([&](ActivationOp act) {
        replaceWithRows(op, Columns::plain(widthOf(act.getResult())), op->getOperands(), [&](RowBody &r) {
          return SmallVector<Value>{activation(r, r.here(0), act.getKind())};
        });
        return success();
      })
      .Case([&](ActivationGradOp act) {
        replaceWithRows(op, Columns::plain(widthOf(act.getResult())), op->getOperands(), [&](RowBody &r) {
          return SmallVector<Value>{r.mul(r.here(0), activationSlope(r, r.here(1), act.getKind()))};
        });
        return success();
      })
      .Case([&](DropoutOp dropout) {
        convertDropout(dropout);
        return success();
      })
      .Case([&](AddOp add) {
        auto type = cast<RankedTensorType>(add.getType());
        if (type.getRank() != 3) {
          converted.push_back(op); // a sum of gradients of one parameter: see convertGradient
          return success();
        }
        replaceWithRows(op, Columns::plain(widthOf(add.getResult())), op->getOperands(),
                        [&](RowBody &r) { return SmallVector<Value>{r.add(r.here(0), r.here(1))}; });
        return success();
      })
      .Case([&](MultiplyOp multiply) {
        replaceWithRows(op, Columns::plain(widthOf(multiply.getResult())), op->getOperands(),
                        [&](RowBody &r) { return SmallVector<Value>{r.mul(r.here(0), r.here(1))}; });
        return success();
      })
      .Default([](Operation *op) { return op->emitOpError("has no kernel"); });
}

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op may ask for while its step is built (StatefulOpInterface): the call's place in the sequence, and states that
// last from call to call. passes/Decode answers.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace mblm {

class StepStates {
public:
  virtual ~StepStates() = default;

  // Position t of the operands is position P + origin + t of the sequence that the whole pass sees, P the call's position.
  virtual mlir::IntegerAttr origin() const = 0;
  // The state `name` of this op, as wide as `like`, an operand of the op in the whole pass. It keeps the last `positions`
  // positions; by default all that a sequence may have.
  virtual mlir::Value get(llvm::StringRef name, mlir::Value like, std::optional<int64_t> positions = std::nullopt) = 0;
  // Has the call's last positions written to a state when nothing reads it any more: at the end of the call.
  virtual void keep(mlir::Value state, mlir::Value rows) = 0;
};

} // namespace mblm

// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

namespace mblm {

// The location of what stems from an op: its name with `suffix` ("/grad") behind.
inline mlir::Location derivedLoc(mlir::Location loc, llvm::StringRef suffix) {
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(loc)) {
    return mlir::NameLoc::get(mlir::StringAttr::get(loc.getContext(), name.getName().getValue() + suffix),
                              name.getChildLoc());
  }
  return mlir::NameLoc::get(mlir::StringAttr::get(loc.getContext(), suffix.drop_front()), loc);
}

} // namespace mblm

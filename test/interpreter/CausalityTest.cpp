// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ops declare about time, against what happens when one position of an operand changes.
#include "test/interpreter/OpHarness.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

using namespace mlir;
using namespace mblm;
using namespace mblm::test;

namespace {

struct Position {
  int64_t sequence, time;
  bool operator<(const Position &other) const {
    return std::tie(sequence, time) < std::tie(other.sequence, other.time);
  }
};

// A change at `from` in an operand reached `to` in a result.
struct Influence {
  Position from, to;
};

struct Observed {
  std::vector<Influence> influences;
  bool unplaced = false; // a result without positions changed
};

// Other values for one position of an operand: all other ids, or one other vector.
std::vector<Tensor> alternatives(const test::Operand &operand, const Tensor &value, Position at,
                                 std::mt19937_64 &random) {
  std::vector<Tensor> others;
  int64_t first = at.sequence * value.shape[1] + at.time;
  for (int64_t id = 0; operand.kind == test::Operand::Ids && id < operand.vocab; ++id) {
    others.push_back(value);
    others.back().i[first] = id;
  }
  if (operand.kind != test::Operand::Ids) {
    others.push_back(value);
    int64_t width = value.rank() == 3 ? value.shape[2] : 1;
    for (int64_t c = 0; c < width; ++c) {
      others.back().f[first * width + c] += std::normal_distribution<double>(0, 1)(random);
    }
  }
  return others;
}

void compare(const OpCase &opCase, const std::vector<Tensor> &before, const std::vector<Tensor> &after, Position from,
             Observed &observed) {
  for (size_t r = 0; r < before.size(); ++r) {
    const Tensor &result = before[r];
    bool placed = opCase.results[r].placed, ids = opCase.results[r].ids;
    int64_t width = result.rank() == 3 ? result.shape[2] : opCase.results[r].each, positions = placed ? result.shape[1] / opCase.results[r].each : 1;
    for (int64_t n = 0; n < result.elements(); ++n) {
      bool same = ids ? result.i[n] == after[r].i[n]
                      : result.f[n] == after[r].f[n] || (std::isnan(result.f[n]) && std::isnan(after[r].f[n]));
      if (same) {
        continue;
      }
      if (!placed) {
        observed.unplaced = true;
        continue;
      }
      int64_t row = n / width;
      observed.influences.push_back({from, {row / positions, row % positions}});
    }
  }
}

Observed observe(const OpCase &opCase, OpFunction &function, unsigned operand) {
  std::mt19937_64 random(operand);
  std::vector<Tensor> operands;
  for (const test::Operand &each : opCase.operands) {
    operands.push_back(randomTensor(each, random));
  }
  std::vector<Tensor> before = function.run(operands);
  Observed observed;
  const Tensor value = operands[operand];
  for (int64_t k = 0; k < value.shape[0]; ++k) {
    for (int64_t t = 0; t < value.shape[1]; ++t) {
      for (Tensor &other : alternatives(opCase.operands[operand], value, {k, t}, random)) {
        operands[operand] = other;
        compare(opCase, before, function.run(operands), {k, t}, observed);
      }
    }
  }
  return observed;
}

const char *name(TimeDependence dependence) {
  switch (dependence) {
  case TimeDependence::None:
    return "None";
  case TimeDependence::Pointwise:
    return "Pointwise";
  case TimeDependence::Prefix:
    return "Prefix";
  case TimeDependence::Earlier:
    return "Earlier";
  case TimeDependence::Later:
    return "Later";
  case TimeDependence::Patch:
    return "Patch";
  }
  return "?";
}

// Positions that one of a result depends on, relative to it.
enum Reach { Past = 1, Present = 2, Future = 4 };

unsigned reach(const Observed &observed) {
  unsigned reached = observed.unplaced ? Future : 0;
  for (const Influence &influence : observed.influences) {
    int64_t from = influence.from.time, to = influence.to.time;
    reached |= from < to ? Past : from == to ? Present : Future;
  }
  return reached;
}

// The dependence that the reach amounts to.
TimeDependence classify(unsigned reached) {
  switch (reached) {
  case 0:
    return TimeDependence::None;
  case Present:
    return TimeDependence::Pointwise;
  case Past:
    return TimeDependence::Earlier;
  case Past | Present:
    return TimeDependence::Prefix;
  default:
    return TimeDependence::Later;
  }
}

bool allows(TimeDependence declared, unsigned reached) {
  switch (declared) {
  case TimeDependence::None:
    return reached == 0;
  case TimeDependence::Pointwise:
    return !(reached & ~Present);
  case TimeDependence::Earlier:
    return !(reached & ~Past);
  case TimeDependence::Prefix:
    return !(reached & ~(Past | Present));
  case TimeDependence::Later:
  case TimeDependence::Patch:
    return true;
  }
  return false;
}

// Patch: what a result's position depends on is consecutive, within one sequence of the operand.
void expectOnePatch(const Observed &observed, const std::string &what) {
  std::map<Position, std::set<Position>> sources;
  for (const Influence &influence : observed.influences) {
    sources[influence.to].insert(influence.from);
  }
  EXPECT_FALSE(sources.empty()) << what;
  for (const auto &[to, from] : sources) {
    EXPECT_EQ(from.begin()->sequence, from.rbegin()->sequence) << what;
    EXPECT_EQ(from.rbegin()->time - from.begin()->time + 1, static_cast<int64_t>(from.size())) << what;
  }
}

TEST(Causality, DeclaredIsObserved) {
  // By op, operand and declaration: the reach over all rows.
  std::map<std::tuple<std::string, unsigned, TimeDependence>, unsigned> reached;
  for (const OpCase &opCase : opCases()) {
    OpFunction function(opCase);
    auto causality = dyn_cast<CausalityOpInterface>(function.operation());
    ASSERT_TRUE(causality) << opCase.op;
    for (unsigned operand = 0; operand < opCase.operands.size(); ++operand) {
      TimeDependence declared = causality.getTimeDependence(operand);
      std::string what = opCase.label() + ", operand " + std::to_string(operand);
      if (!opCase.operands[operand].hasPositions()) {
        EXPECT_EQ(name(declared), std::string("None")) << what;
        continue;
      }
      if (opCase.operands[operand].kind == test::Operand::Given) {
        continue; // other numbers would be no lengths or ranges
      }
      Observed observed = observe(opCase, function, operand);
      if (declared == TimeDependence::Patch) {
        expectOnePatch(observed, what);
        continue;
      }
      unsigned here = reach(observed);
      EXPECT_TRUE(allows(declared, here))
          << what << ": declares " << name(declared) << ", but " << name(classify(here));
      reached[{opCase.op, operand, declared}] |= here;
      for (const Influence &influence : observed.influences) {
        EXPECT_EQ(influence.from.sequence, influence.to.sequence) << what << ": reaches another sequence";
      }
    }
  }
  for (const auto &[key, all] : reached) {
    const auto &[op, operand, declared] = key;
    // Backward ops may declare more than they need.
    if (!StringRef(op).ends_with("_grad")) {
      EXPECT_EQ(name(classify(all)), std::string(name(declared))) << op << ", operand " << operand;
    }
  }
}

TEST(Causality, TableHasEveryOpWithPositions) {
  for (const std::string &op :
       opNames([](RegisteredOperationName name) { return name.hasInterface<CausalityOpInterface>(); })) {
    bool inTable = llvm::any_of(opCases(), [&](const OpCase &opCase) { return opCase.op == op; });
    // Steps run on a state, not on whole sequences: they are compared with the ops that they stand for (test/tools, test/fuzz).
    bool onState = StringRef(op).ends_with("_step") ||
                   llvm::is_contained({"mblm.get_state", "mblm.read", "mblm.write", "mblm.recall", "mblm.cached_attention"}, op);
    EXPECT_TRUE(inTable || onState || op == "mblm.load") << op;
  }
}

} // namespace

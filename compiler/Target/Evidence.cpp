// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Target/Evidence.h"

#include "runtime/Support/Error.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace mblm;
using namespace mblm::target;
using llvm::StringRef;

// Bytes that a thread moves: ".v4.b32" and the like.
static int64_t accessBytes(StringRef opcode) {
  int64_t elements = 1, bits = 0;
  llvm::SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  for (StringRef part : parts) {
    int64_t number;
    if (part.size() < 2 || part.drop_front().getAsInteger(10, number)) {
      continue;
    }
    if (part[0] == 'v') {
      elements = number;
    } else if (StringRef("busf").contains(part[0])) {
      bits = number;
    }
  }
  return elements * bits / 8;
}

// cp.async.cg.shared.global [%r1], [%rd2], 16, %r3
static int64_t copiedBytes(StringRef instruction) {
  llvm::SmallVector<StringRef> operands;
  instruction.split(operands, ',');
  int64_t bytes = 0;
  return operands.size() > 2 && !operands[2].trim().getAsInteger(10, bytes) ? bytes : 0;
}

static void count(Accesses &accesses, int64_t bytes) { ++(bytes == 16 ? accesses.wide : accesses.narrow); }

static void countOne(StringRef instruction, InstructionCounts &counts) {
  StringRef opcode = instruction.take_until([](char c) { return c == ' ' || c == '\t'; });
  if (opcode.starts_with("mma.sync")) {
    ++counts.mma;
  } else if (opcode.starts_with("wgmma.mma_async")) {
    ++counts.wgmma;
  } else if (opcode.starts_with("ldmatrix")) {
    ++counts.ldmatrix;
  } else if (opcode.starts_with("ld.") && opcode.contains(".global")) {
    count(counts.globalLoads, accessBytes(opcode));
  } else if (opcode.starts_with("st.") && opcode.contains(".global")) {
    count(counts.globalStores, accessBytes(opcode));
  } else if (opcode.starts_with("cp.async.ca.") || opcode.starts_with("cp.async.cg.")) {
    count(counts.asyncCopies, copiedBytes(instruction));
  } else if (opcode.starts_with("cp.async.bulk.tensor") || opcode.starts_with("cp.async.bulk.shared") ||
             opcode.starts_with("cp.async.bulk.global")) {
    ++counts.bulkCopies;
  } else if ((opcode.starts_with("atom.") || opcode.starts_with("red.")) && opcode.contains(".global")) {
    ++counts.atomics;
  }
}

InstructionCounts target::countInstructions(const PtxFunction &function) {
  InstructionCounts counts;
  llvm::SmallVector<StringRef> lines, instructions;
  StringRef(function.text).split(lines, '\n');
  for (StringRef line : lines) {
    instructions.clear();
    line.split("//").first.split(instructions, ';');
    for (StringRef instruction : instructions) {
      instruction = instruction.ltrim(" \t{}");
      if (instruction.starts_with("@")) { // a predicate
        instruction = instruction.drop_until([](char c) { return c == ' ' || c == '\t'; }).ltrim();
      }
      countOne(instruction, counts);
    }
  }
  return counts;
}

Multiprocessor target::multiprocessorOf(const std::string &arch) {
  if (arch == "sm_80") {
    return {2048, 32, 65536, 164 * 1024};
  }
  return {2048, 32, 65536, 228 * 1024};
}

int64_t target::residentBlocks(const Multiprocessor &processor, int64_t threads, int64_t registers,
                               int64_t sharedBytes) {
  // Registers are given to warps in units of 256, shared memory to blocks in units of 128 bytes, 1 KiB of it for the
  // system.
  int64_t warps = llvm::divideCeil(threads, 32);
  int64_t registersOfWarp = llvm::alignTo(registers * 32, 256);
  int64_t shared = llvm::alignTo(sharedBytes, 128) + 1024;
  int64_t byThreads = processor.threads / (warps * 32);
  int64_t byRegisters = registersOfWarp ? processor.registers / registersOfWarp / warps : byThreads;
  return std::min({processor.blocks, byThreads, byRegisters, processor.sharedBytes / shared});
}

// ".maxntid 128, 1, 1"
static int64_t threadsOf(const PtxFunction &function) {
  for (StringRef directive : {".reqntid", ".maxntid"}) {
    StringRef rest = StringRef(function.text);
    size_t at = rest.find(directive);
    if (at == StringRef::npos) {
      continue;
    }
    int64_t product = 1;
    llvm::SmallVector<StringRef> sizes;
    rest.substr(at + directive.size()).split('\n').first.split(sizes, ',');
    for (StringRef size : sizes) {
      int64_t number = 1;
      size.trim().getAsInteger(10, number);
      product *= number;
    }
    return product;
  }
  return 0;
}

std::vector<KernelEvidence> target::gatherEvidence(const std::string &ptx, const std::string &arch, const Cubin *cubin,
                                                   const std::map<std::string, int64_t> &dynamicBytes) {
  std::vector<KernelEvidence> result;
  Multiprocessor processor = multiprocessorOf(arch);
  for (const PtxFunction &function : parsePtx(ptx).functions) {
    if (!function.isKernel) {
      continue;
    }
    KernelEvidence &kernel = result.emplace_back();
    kernel.name = function.name;
    kernel.threads = threadsOf(function);
    kernel.counts = countInstructions(function);
    if (auto dynamic = dynamicBytes.find(kernel.name); dynamic != dynamicBytes.end()) {
      kernel.dynamicBytes = dynamic->second;
    }
    if (!cubin) {
      continue;
    }
    auto resources = cubin->kernels.find(kernel.name);
    if (resources == cubin->kernels.end()) {
      throw Error(Exit::Internal,
                  "internal error in code generation: ptxas said nothing of kernel '" + kernel.name + "'");
    }
    kernel.resources = resources->second;
    if (kernel.threads > 0) {
      kernel.blocks = residentBlocks(processor, kernel.threads, kernel.resources->registers,
                                     kernel.resources->sharedBytes + kernel.dynamicBytes);
      kernel.occupancy = double(kernel.blocks * kernel.threads) / double(processor.threads);
    }
  }
  return result;
}

static nlohmann::json toJson(const Accesses &accesses) {
  return {{"wide", accesses.wide}, {"narrow", accesses.narrow}};
}

nlohmann::json target::toJson(const KernelEvidence &kernel) {
  nlohmann::json object = {{"kernel", kernel.name},
                           {"threads", kernel.threads},
                           {"dynamic_shared_bytes", kernel.dynamicBytes},
                           {"mma", kernel.counts.mma},
                           {"wgmma", kernel.counts.wgmma},
                           {"ldmatrix", kernel.counts.ldmatrix},
                           {"global_loads", ::toJson(kernel.counts.globalLoads)},
                           {"global_stores", ::toJson(kernel.counts.globalStores)},
                           {"async_copies", ::toJson(kernel.counts.asyncCopies)},
                           {"bulk_copies", kernel.counts.bulkCopies},
                           {"atomics", kernel.counts.atomics}};
  if (kernel.resources) {
    object.update({{"registers", kernel.resources->registers},
                   {"spill_stores", kernel.resources->spillStores},
                   {"spill_loads", kernel.resources->spillLoads},
                   {"stack", kernel.resources->stack},
                   {"static_shared_bytes", kernel.resources->sharedBytes},
                   {"barriers", kernel.resources->barriers},
                   {"blocks", kernel.blocks},
                   {"occupancy", kernel.occupancy}});
  }
  return object;
}

static std::string pairText(const Accesses &accesses) {
  return std::to_string(accesses.wide) + "/" + std::to_string(accesses.narrow);
}

static std::vector<std::string> row(const KernelEvidence &kernel) {
  auto known = [&](int64_t Resources::*field) {
    return kernel.resources ? std::to_string((*kernel.resources).*field) : "-";
  };
  std::string spills = "-", occupancy = "-";
  if (kernel.resources) {
    spills = std::to_string(kernel.resources->spillStores + kernel.resources->spillLoads);
    occupancy = std::to_string(kernel.blocks) + " (" + std::to_string(int(100 * kernel.occupancy + 0.5)) + "%)";
  }
  const InstructionCounts &counts = kernel.counts;
  return {kernel.name,
          std::to_string(kernel.threads),
          known(&Resources::registers),
          spills,
          known(&Resources::stack),
          std::to_string(kernel.dynamicBytes + (kernel.resources ? kernel.resources->sharedBytes : 0)),
          occupancy,
          std::to_string(counts.mma),
          std::to_string(counts.wgmma),
          std::to_string(counts.ldmatrix),
          pairText(counts.globalLoads),
          pairText(counts.globalStores),
          pairText(counts.asyncCopies),
          std::to_string(counts.bulkCopies),
          std::to_string(counts.atomics)};
}

// "12 kernels, 2 of them with tensor-core instructions; 1 spill; 80% of the global accesses move 16 bytes"
std::string target::evidenceSummary(const std::vector<KernelEvidence> &kernels) {
  int64_t tensor = 0, spilling = 0, wide = 0, all = 0;
  for (const KernelEvidence &kernel : kernels) {
    const InstructionCounts &counts = kernel.counts;
    tensor += counts.mma + counts.wgmma > 0;
    spilling += kernel.resources && kernel.resources->spillStores + kernel.resources->spillLoads > 0;
    for (const Accesses &accesses : {counts.globalLoads, counts.globalStores, counts.asyncCopies}) {
      wide += accesses.wide;
      all += accesses.wide + accesses.narrow;
    }
  }
  return std::to_string(kernels.size()) + " kernels, " + std::to_string(tensor) +
         " of them with tensor-core instructions; " + std::to_string(spilling) + " spill; " +
         std::to_string(all ? 100 * wide / all : 100) + "% of the global accesses move 16 bytes\n";
}

std::string target::evidenceTable(const std::vector<KernelEvidence> &kernels) {
  std::vector<std::vector<std::string>> rows = {{"kernel", "threads", "regs", "spilled", "stack", "shared", "blocks/SM",
                                                 "mma", "wgmma", "ldmatrix", "ld 16B/less", "st 16B/less",
                                                 "cp.async 16B/less", "bulk", "atomics"}};
  for (const KernelEvidence &kernel : kernels) {
    rows.push_back(row(kernel));
  }
  std::vector<size_t> widths(rows.front().size());
  for (const std::vector<std::string> &cells : rows) {
    for (size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  }
  std::string text;
  for (const std::vector<std::string> &cells : rows) {
    std::string line = cells[0] + std::string(widths[0] - cells[0].size(), ' ');
    for (size_t i = 1; i < cells.size(); ++i) {
      line += "  " + std::string(widths[i] - cells[i].size(), ' ') + cells[i];
    }
    text += line + "\n";
  }
  return text + evidenceSummary(kernels);
}

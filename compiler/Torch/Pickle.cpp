// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The opcodes that torch.save writes at protocols 2 to 4, for state dicts and what stands around them.
#include "compiler/Torch/Pickle.h"

#include "runtime/Support/Error.h"

#include <cstring>
#include <map>

using namespace mblm;
using namespace mblm::torch;
using Kind = Value::Kind;

// Names are data here: they say what a REDUCE makes.
static const std::map<std::string, rt::DType> storageTypes = {
    {"torch.DoubleStorage", rt::DType::F64}, {"torch.FloatStorage", rt::DType::F32},
    {"torch.HalfStorage", rt::DType::F16},   {"torch.BFloat16Storage", rt::DType::BF16},
    {"torch.LongStorage", rt::DType::I64},   {"torch.IntStorage", rt::DType::I32},
    {"torch.CharStorage", rt::DType::I8},    {"torch.ByteStorage", rt::DType::U8},
    {"torch.BoolStorage", rt::DType::Bool},
};
static constexpr size_t maxValues = size_t(1) << 21;
static constexpr size_t maxDims = 64; // PyTorch's own limit
static const char *const rebuildTensor = "torch._utils._rebuild_tensor_v2";
static const char *const rebuildParameter = "torch._utils._rebuild_parameter";
static const char *const orderedDict = "collections.OrderedDict";

namespace {

class Machine {
public:
  Machine(const std::string &bytes, const std::string &file, std::deque<Value> &values)
      : bytes(bytes), file(file), values(values) {}

  const Value *run() {
    while (!stopped) {
      step(take(1)[0]);
    }
    return pop();
  }

private:
  [[noreturn]] void corrupt(const std::string &why) const {
    throw Error(Exit::Integrity,
                "'" + file + "' is corrupt: its pickle " + why + " at byte " + std::to_string(opcodeAt));
  }
  [[noreturn]] void refuse(const std::string &what) const {
    throw Error(Exit::BadInput, "'" + file + "': its pickle " + what +
                                    ", which is no part of weights; nothing was executed; expected a state dict of "
                                    "tensors as torch.save writes it");
  }

  const char *take(size_t count) {
    if (count > bytes.size() - at) {
      corrupt("ends too early");
    }
    at += count;
    return bytes.data() + at - count;
  }
  uint64_t natural(size_t width) {
    uint64_t value = 0;
    std::memcpy(&value, take(width), width); // little-endian, as the machine
    return value;
  }
  std::string text(size_t width) {
    size_t count = natural(width);
    return std::string(take(count), count);
  }
  std::string line() {
    size_t end = bytes.find('\n', at);
    if (end == std::string::npos) {
      corrupt("ends too early");
    }
    std::string found = bytes.substr(at, end - at);
    at = end + 1;
    return found;
  }

  Value *pop() {
    if (stack.empty() || (!marks.empty() && stack.size() <= marks.back())) {
      corrupt("takes from an empty stack");
    }
    Value *value = stack.back();
    stack.pop_back();
    return value;
  }
  Value *top() {
    Value *value = pop();
    stack.push_back(value);
    return value;
  }
  // All above the last mark.
  std::vector<const Value *> popToMark() {
    if (marks.empty() || marks.back() > stack.size()) {
      corrupt("misses a mark");
    }
    std::vector<const Value *> items(stack.begin() + long(marks.back()), stack.end());
    stack.resize(marks.back());
    marks.pop_back();
    return items;
  }
  Value *push(Kind kind) {
    if (values.size() >= maxValues) {
      throw Error(Exit::Resource, "'" + file + "': its pickle makes more than " + std::to_string(maxValues) +
                                      " values, more than weights need");
    }
    Value *value = &values.emplace_back();
    value->kind = kind;
    stack.push_back(value);
    return value;
  }
  void pushInteger(int64_t integer, Kind kind = Kind::Integer) { push(kind)->integer = integer; }
  void pushTuple(size_t count) {
    std::vector<const Value *> items(count);
    for (size_t i = count; i-- > 0;) {
      items[i] = pop();
    }
    push(Kind::Tuple)->items = std::move(items);
  }
  void extend(Kind kind, const std::vector<const Value *> &items) {
    Value *container = top();
    if (container->kind != kind || (kind == Kind::Dict && items.size() % 2 != 0)) {
      corrupt("fills something else than a container");
    }
    container->items.insert(container->items.end(), items.begin(), items.end());
  }
  void recall(uint64_t index) {
    auto found = memo.find(index);
    if (found == memo.end()) {
      corrupt("recalls what it never kept");
    }
    stack.push_back(found->second);
  }

  void pushGlobal(const std::string &module, const std::string &name) {
    std::string full = module + "." + name;
    if (full != rebuildTensor && full != rebuildParameter && full != orderedDict && !storageTypes.count(full)) {
      std::string shown = full.substr(0, 80);
      for (char &c : shown) {
        c = c >= 32 && c < 127 ? c : '?';
      }
      refuse("names '" + shown + "'");
    }
    push(Kind::Global)->text = full;
  }

  void step(unsigned char opcode);
  void pushStorage(const Value *id);
  void reduce();
  void buildTensor(const std::vector<const Value *> &arguments);
  std::vector<int64_t> sizes(const Value *tuple) const;

  const std::string &bytes;
  const std::string &file;
  std::deque<Value> &values;
  size_t at = 0, opcodeAt = 0;
  bool stopped = false;
  std::vector<Value *> stack;
  std::vector<size_t> marks; // heights of the stack
  std::map<uint64_t, Value *> memo;
};

// ("storage", type, key, device, elements).
void Machine::pushStorage(const Value *id) {
  const std::vector<const Value *> &parts = id->items;
  bool fits = id->kind == Kind::Tuple && parts.size() == 5 && parts[0]->text == "storage" &&
              parts[1]->kind == Kind::Global && parts[2]->kind == Kind::Text && parts[4]->kind == Kind::Integer &&
              parts[4]->integer >= 0;
  auto type = fits ? storageTypes.find(parts[1]->text) : storageTypes.end();
  if (type == storageTypes.end()) {
    refuse("refers to something outside that is no storage");
  }
  Value *storage = push(Kind::Storage);
  storage->text = parts[2]->text;
  storage->dtype = type->second;
  storage->elements = parts[4]->integer;
}

std::vector<int64_t> Machine::sizes(const Value *tuple) const {
  std::vector<int64_t> result;
  for (const Value *item : tuple->items) {
    if (tuple->kind != Kind::Tuple || item->kind != Kind::Integer || item->integer < 0) {
      corrupt("makes a tensor of sizes that are no whole numbers from 0");
    }
    result.push_back(item->integer);
  }
  return result;
}

// (storage, offset, shape, strides, requires_grad, hooks[, metadata]).
void Machine::buildTensor(const std::vector<const Value *> &arguments) {
  if (arguments.size() < 4 || arguments[0]->kind != Kind::Storage || arguments[1]->kind != Kind::Integer ||
      arguments[1]->integer < 0) {
    corrupt("makes a tensor of wrong arguments");
  }
  std::vector<int64_t> shape = sizes(arguments[2]), strides = sizes(arguments[3]);
  if (shape.size() != strides.size() || shape.size() > maxDims) {
    corrupt("makes a tensor with " + std::to_string(shape.size()) + " sizes and " + std::to_string(strides.size()) +
            " strides");
  }
  Value *tensor = push(Kind::Tensor);
  tensor->storage = arguments[0];
  tensor->dtype = arguments[0]->dtype;
  tensor->elements = arguments[0]->elements;
  tensor->offset = arguments[1]->integer;
  tensor->shape = std::move(shape);
  tensor->strides = std::move(strides);
}

void Machine::reduce() {
  const Value *arguments = pop();
  const Value *callee = pop();
  if (callee->kind != Kind::Global || arguments->kind != Kind::Tuple) {
    corrupt("calls what is no name");
  }
  if (callee->text == rebuildTensor) {
    buildTensor(arguments->items);
  } else if (callee->text == rebuildParameter && !arguments->items.empty() &&
             arguments->items[0]->kind == Kind::Tensor) {
    *push(Kind::Tensor) = *arguments->items[0];
  } else if (callee->text == orderedDict && arguments->items.empty()) {
    push(Kind::Dict);
  } else {
    refuse("calls '" + callee->text + "' with other arguments");
  }
}

void Machine::step(unsigned char opcode) {
  opcodeAt = at - 1;
  switch (opcode) {
  case 0x80: // PROTO
    if (uint64_t protocol = natural(1); protocol < 2 || protocol > 5) {
      refuse("has protocol " + std::to_string(protocol));
    }
    return;
  case 0x95: // FRAME
    take(8);
    return;
  case '.': // STOP
    stopped = true;
    return;
  case '(': // MARK
    marks.push_back(stack.size());
    return;
  case '0': // POP
    pop();
    return;
  case 'N': // NONE
    push(Kind::None);
    return;
  case 0x88: // NEWTRUE
  case 0x89: // NEWFALSE
    return pushInteger(opcode == 0x88, Kind::Boolean);
  case 'J': // BININT
    return pushInteger(int32_t(natural(4)));
  case 'K': // BININT1
    return pushInteger(int64_t(natural(1)));
  case 'M': // BININT2
    return pushInteger(int64_t(natural(2)));
  case 0x8a: { // LONG1: two's complement
    size_t width = natural(1);
    if (width > 8) {
      corrupt("holds a whole number beyond 64 bits");
    }
    uint64_t value = width == 0 ? 0 : natural(width);
    unsigned unused = unsigned(64 - 8 * width);
    return pushInteger(width == 0 ? 0 : int64_t(value << unused) >> unused);
  }
  case 'G': { // BINFLOAT: big-endian
    uint64_t bits = __builtin_bswap64(natural(8));
    std::memcpy(&push(Kind::Real)->real, &bits, sizeof bits);
    return;
  }
  case 'X':    // BINUNICODE
  case 0x8c: { // SHORT_BINUNICODE
    std::string word = text(opcode == 'X' ? 4 : 1);
    push(Kind::Text)->text = std::move(word);
    return;
  }
  case ')': // EMPTY_TUPLE
    push(Kind::Tuple);
    return;
  case 0x85: // TUPLE1
  case 0x86: // TUPLE2
  case 0x87: // TUPLE3
    return pushTuple(opcode - 0x84u);
  case 't': { // TUPLE
    std::vector<const Value *> items = popToMark();
    push(Kind::Tuple)->items = std::move(items);
    return;
  }
  case ']': // EMPTY_LIST
    push(Kind::List);
    return;
  case 'a': { // APPEND
    const Value *item = pop();
    return extend(Kind::List, {item});
  }
  case 'e': // APPENDS
    return extend(Kind::List, popToMark());
  case '}': // EMPTY_DICT
    push(Kind::Dict);
    return;
  case 's': { // SETITEM
    const Value *value = pop(), *key = pop();
    return extend(Kind::Dict, {key, value});
  }
  case 'u': // SETITEMS
    return extend(Kind::Dict, popToMark());
  case 'q':    // BINPUT
  case 'r':    // LONG_BINPUT
  case 0x94: { // MEMOIZE
    uint64_t index = opcode == 0x94 ? memo.size() : natural(opcode == 'q' ? 1 : 4);
    memo[index] = top();
    return;
  }
  case 'h': // BINGET
  case 'j': // LONG_BINGET
    return recall(natural(opcode == 'h' ? 1 : 4));
  case 'c': { // GLOBAL
    std::string module = line();
    return pushGlobal(module, line());
  }
  case 0x93: { // STACK_GLOBAL
    const Value *name = pop(), *module = pop();
    return pushGlobal(module->text, name->text);
  }
  case 'Q': // BINPERSID
    return pushStorage(pop());
  case 'R': // REDUCE
    return reduce();
  case 'b': // BUILD: attributes of a state dict, its `_metadata`
    if (const Value *state = pop(); state->kind != Kind::Dict || top()->kind != Kind::Dict) {
      refuse("sets the state of an object");
    }
    return;
  default:
    refuse("uses opcode " + std::to_string(opcode));
  }
}

} // namespace

Pickle::Pickle(const std::string &bytes, const std::string &file) { top = Machine(bytes, file, values).run(); }

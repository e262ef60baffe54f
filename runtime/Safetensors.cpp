// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format: eight bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data without
// gaps.
#include "runtime/Safetensors.h"

#include "runtime/Support/Convert.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <cstring>

namespace mblm::rt {

using nlohmann::json;

static constexpr int64_t lengthBytes = 8;
static constexpr int64_t maxHeader = 100'000'000;

struct DTypeRow {
  DType type;
  const char *name;
  int64_t bytes;
};
static constexpr DTypeRow dtypes[] = {{DType::F64, "F64", 8},   {DType::F32, "F32", 4}, {DType::F16, "F16", 2},
                                      {DType::BF16, "BF16", 2}, {DType::I64, "I64", 8}, {DType::I32, "I32", 4},
                                      {DType::I8, "I8", 1},     {DType::U8, "U8", 1},   {DType::Bool, "BOOL", 1}};

const char *dtypeName(DType type) { return dtypes[int(type)].name; }
int64_t dtypeBytes(DType type) { return dtypes[int(type)].bytes; }

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

// Names in messages: one line, bounded, no control characters.
static std::string showName(const std::string &name) {
  std::string text = name.substr(0, 120);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }, '?');
  return "'" + text + (name.size() > 120 ? "..." : "") + "'";
}

namespace {
// Reads one header entry; `dataBytes` is the size of the data after the header.
class HeaderReader {
public:
  HeaderReader(const std::string &path, int64_t dataBytes) : path(path), dataBytes(dataBytes) {}

  TensorInfo tensor(const std::string &name, const json &value) const {
    Error wrong = fail(name, "expected an object with dtype, shape and data_offsets");
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets") || !value["dtype"].is_string() || !value["shape"].is_array()) {
      throw wrong;
    }
    TensorInfo info;
    info.name = name;
    info.dtype = dtype(name, value["dtype"]);
    int64_t elements = 1;
    for (const json &d : value["shape"]) {
      int64_t size = natural(name, d);
      info.shape.push_back(size);
      if (__builtin_mul_overflow(elements, size, &elements)) {
        throw fail(name, "its shape " + shapeText(info.shape) + " has more elements than can be counted");
      }
    }
    info.elements = elements;
    const json &offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) {
      throw wrong;
    }
    int64_t begin = natural(name, offsets[0]);
    int64_t end = natural(name, offsets[1]);
    int64_t needed;
    if (begin > end || end > dataBytes) {
      throw fail(name, "its offsets " + std::to_string(begin) + ".." + std::to_string(end) + " lie outside the " +
                           std::to_string(dataBytes) + " bytes of data (file cut short?)");
    }
    if (__builtin_mul_overflow(elements, dtypeBytes(info.dtype), &needed) || needed != end - begin) {
      throw fail(name, std::string(dtypeName(info.dtype)) + " " + shapeText(info.shape) + " does not fill its " +
                           std::to_string(end - begin) + " bytes");
    }
    info.begin = begin;
    return info;
  }

  Error fail(const std::string &name, const std::string &why) const {
    return Error(Exit::Integrity, "'" + path + "' is corrupt: tensor " + showName(name) + ": " + why);
  }

private:
  int64_t natural(const std::string &name, const json &value) const {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t(INT64_MAX)) {
      throw fail(name, "expected a whole number from 0, got " + value.dump(-1, ' ', true).substr(0, 40));
    }
    return value.get<int64_t>();
  }

  DType dtype(const std::string &name, const json &value) const {
    const std::string &text = value.get_ref<const std::string &>();
    for (const DTypeRow &row : dtypes) {
      if (text == row.name) {
        return row.type;
      }
    }
    throw fail(name, "dtype " + showName(text) + " is not one of F64, F32, F16, BF16, I64, I32, I8, U8, BOOL");
  }

  const std::string &path;
  int64_t dataBytes;
};
} // namespace

static json readHeader(const InputFile &file, int64_t &dataStart) {
  auto corrupt = [&](const std::string &why) {
    return Error(Exit::Integrity, "'" + file.path() + "' is no safetensors file: " + why);
  };
  if (file.size() < lengthBytes + 2) {
    throw corrupt("it has only " + std::to_string(file.size()) + " bytes");
  }
  uint64_t length;
  file.read(0, &length, lengthBytes);
  if ((length & 0xffff) == 0x4b50) { // "PK"
    throw corrupt("it is a zip file, perhaps PyTorch's; 'mblm import' converts those (--weights, --weights-out)");
  }
  if (length > uint64_t(maxHeader)) {
    throw corrupt("its header claims " + std::to_string(length) + " bytes, at most " + std::to_string(maxHeader) +
                  " are allowed");
  }
  if (int64_t(length) > file.size() - lengthBytes) {
    throw corrupt("its header claims " + std::to_string(length) + " bytes, the file has " +
                  std::to_string(file.size() - lengthBytes) + " (cut short?)");
  }
  std::string text(length, '\0');
  file.read(lengthBytes, text.data(), length);
  if (text.empty() || text[0] != '{') {
    throw corrupt("its header does not start with '{'");
  }
  json header = parseJson(text, "'" + file.path() + "' is corrupt: header", Exit::Integrity);
  dataStart = lengthBytes + int64_t(length);
  return header;
}

SafetensorsFile::SafetensorsFile(const std::string &path) : file(path) {
  int64_t dataStart = 0;
  json header = readHeader(file, dataStart);
  int64_t dataBytes = file.size() - dataStart;
  HeaderReader reader(path, dataBytes);
  for (const auto &[name, value] : header.items()) {
    if (name != "__metadata__") {
      list.push_back(reader.tensor(name, value));
      continue;
    }
    if (!value.is_object()) {
      throw reader.fail(name, "expected an object of strings");
    }
    for (const auto &[key, note] : value.items()) {
      if (!note.is_string()) {
        throw reader.fail(name, "expected an object of strings");
      }
      notes[key] = note.get<std::string>();
    }
  }
  auto bytes = [](const TensorInfo &t) { return t.elements * dtypeBytes(t.dtype); };
  // Empty tensors sort before the one that starts at the same place.
  std::sort(list.begin(), list.end(), [&](const TensorInfo &a, const TensorInfo &b) {
    return std::make_tuple(a.begin, bytes(a), a.name) < std::make_tuple(b.begin, bytes(b), b.name);
  });
  int64_t at = 0;
  for (TensorInfo &tensor : list) {
    if (tensor.begin != at) {
      throw reader.fail(tensor.name, tensor.begin < at
                                         ? "it overlaps the tensor before it"
                                         : std::to_string(tensor.begin - at) + " unused bytes lie before it");
    }
    at += bytes(tensor);
    tensor.begin += dataStart;
    index[tensor.name] = &tensor - list.data();
  }
  if (at != dataBytes) {
    throw Error(Exit::Integrity, "'" + path + "' is corrupt: " + std::to_string(dataBytes - at) +
                                     " bytes follow the last tensor" +
                                     (list.empty() ? "" : " " + showName(list.back().name)));
  }
}

const TensorInfo *SafetensorsFile::find(const std::string &name) const {
  auto found = index.find(name);
  return found == index.end() ? nullptr : &list[found->second];
}

const TensorInfo &SafetensorsFile::get(const std::string &name) const {
  const TensorInfo *tensor = find(name);
  if (!tensor) {
    std::string has;
    for (const TensorInfo &t : list) {
      has += has.size() > 200 ? "" : (has.empty() ? " (it has " : ", ") + showName(t.name);
    }
    throw Error(Exit::BadInput, "'" + path() + "' has no tensor '" + name + "'" + has + (has.empty() ? "" : ")"));
  }
  return *tensor;
}

// Calls `convert(raw, count, first)` on pieces of the tensor, so that conversion takes a bounded buffer.
template <typename Convert>
static void inPieces(const InputFile &file, const TensorInfo &tensor, Convert convert) {
  static constexpr int64_t piece = 1 << 18;
  int64_t width = dtypeBytes(tensor.dtype);
  std::vector<char> raw(std::min(piece, tensor.elements) * width);
  for (int64_t first = 0; first < tensor.elements; first += piece) {
    int64_t count = std::min(piece, tensor.elements - first);
    file.read(tensor.begin + first * width, raw.data(), count * width);
    convert(raw.data(), count, first);
  }
}

void SafetensorsFile::readFloats(const TensorInfo &tensor, float *out) const {
  if (tensor.dtype == DType::F32) {
    file.read(tensor.begin, out, tensor.elements * int64_t(sizeof(float)));
    return;
  }
  inPieces(file, tensor, [&](const char *raw, int64_t count, int64_t first) {
    for (int64_t i = 0; i < count; ++i) {
      out[first + i] = float(elementAsDouble(tensor.dtype, raw, i));
    }
  });
}

std::vector<float> SafetensorsFile::floats(const std::string &name) const {
  const TensorInfo &tensor = get(name);
  std::vector<float> values(tensor.elements);
  readFloats(tensor, values.data());
  return values;
}

std::vector<int32_t> SafetensorsFile::integers(const std::string &name) const {
  const TensorInfo &tensor = get(name);
  if (tensor.dtype <= DType::BF16) {
    throw Error(Exit::BadInput, "'" + path() + "': tensor '" + name + "' has dtype " + dtypeName(tensor.dtype) +
                                    ", expected whole numbers (I32)");
  }
  std::vector<int32_t> values(tensor.elements);
  inPieces(file, tensor, [&](const char *raw, int64_t count, int64_t first) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t value = elementAsInteger(tensor.dtype, raw, i);
      if (value != int32_t(value)) {
        throw Error(Exit::BadInput, "'" + path() + "': tensor '" + name + "' holds " + std::to_string(value) +
                                        " at element " + std::to_string(first + i) + ", which is no 32-bit number");
      }
      values[first + i] = int32_t(value);
    }
  });
  return values;
}

void writeSafetensors(const std::string &path, const std::vector<TensorView> &tensors,
                      const std::map<std::string, std::string> &metadata) {
  writeSafetensors(path, tensors, metadata, [&](size_t index) { return tensors[index].data; });
}

void writeSafetensors(const std::string &path, const std::vector<TensorView> &tensors,
                      const std::map<std::string, std::string> &metadata,
                      const std::function<const void *(size_t index)> &data) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  int64_t at = 0;
  std::vector<int64_t> sizes;
  for (const TensorView &tensor : tensors) {
    int64_t bytes = dtypeBytes(tensor.dtype);
    for (int64_t d : tensor.shape) {
      bytes *= d;
    }
    sizes.push_back(bytes);
    header[tensor.name] = {
        {"dtype", dtypeName(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // readers may map the data as aligned
  uint64_t length = text.size();
  OutputFile file(path);
  file.write(&length, lengthBytes);
  file.write(text.data(), text.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    file.write(data(i), sizes[i]);
  }
  file.commit();
}

} // namespace mblm::rt

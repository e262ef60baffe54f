// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The zip's checksums catch damage; sizes are compared before memory is spent on them.
#include "compiler/Torch/TorchFile.h"

#include "runtime/Support/Convert.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstring>
#include <zip.h>

using namespace mblm;
using namespace mblm::torch;

static constexpr int64_t maxPickle = int64_t(16) << 20;

bool torch::isZipFile(const std::string &path) {
  rt::InputFile file(path);
  char magic[2] = {};
  file.read(0, magic, std::min<int64_t>(file.size(), 2));
  return magic[0] == 'P' && magic[1] == 'K';
}

static Error corrupt(const std::string &path, const std::string &why) {
  return Error(Exit::Integrity, "'" + path + "' is corrupt: " + why);
}

static Error unfit(const std::string &path, const std::string &why) {
  return Error(Exit::BadInput, "'" + path + "' " + why);
}

static zip_t *openZip(const std::string &path) {
  if (!isZipFile(path)) {
    throw unfit(path, "is no zip file; expected weights as torch.save writes them since PyTorch 1.6, or safetensors");
  }
  int code = 0;
  zip_t *archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw corrupt(path, "its list of contents cannot be read, " + why + " (cut short?)");
  }
  return archive;
}

// The key is quoted in messages.
static std::string shown(const std::string &name) {
  std::string text = name.substr(0, 80);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }, '?');
  return "'" + text + "'";
}

static bool holdsTensors(const Value &value) {
  for (size_t i = 1; value.kind == Value::Kind::Dict && i < value.items.size(); i += 2) {
    if (value.items[i]->kind == Value::Kind::Tensor) {
      return true;
    }
  }
  return false;
}

static const Value &stateDict(const Value &root, const std::string &path) {
  if (holdsTensors(root)) {
    return root;
  }
  std::vector<const Value *> found;
  std::string names;
  for (size_t i = 1; root.kind == Value::Kind::Dict && i < root.items.size(); i += 2) {
    if (holdsTensors(*root.items[i])) {
      found.push_back(root.items[i]);
      names += (names.empty() ? "" : ", ") + shown(root.items[i - 1]->text);
    }
  }
  if (found.size() != 1) {
    throw unfit(path, found.empty() ? "holds no state dict; expected a dictionary of tensors, or one under 'MODEL'"
                                    : "holds several state dicts, " + names + "; expected one");
  }
  return *found[0];
}

TorchFile::TorchFile(const std::string &path) : path(path), archive(openZip(path), zip_close) {
  static const std::string end = "/data.pkl";
  for (int64_t i = 0; i < zip_get_num_entries(archive.get(), 0) && !pickle; ++i) {
    const char *raw = zip_get_name(archive.get(), uint64_t(i), ZIP_FL_ENC_RAW);
    std::string name = raw ? raw : "";
    if (name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0) {
      folder = name.substr(0, name.size() - end.size() + 1);
      pickle = std::make_unique<Pickle>(readEntry("data.pkl", maxPickle), path);
    }
  }
  if (!pickle) {
    throw unfit(path, "is a zip file without 'data.pkl'; expected weights as torch.save writes them");
  }
  if (zip_name_locate(archive.get(), (folder + "byteorder").c_str(), ZIP_FL_ENC_RAW) >= 0 &&
      readEntry("byteorder", 16) != "little") {
    throw unfit(path, "was written on a big-endian machine; expected little-endian numbers");
  }
  const Value &state = stateDict(pickle->root(), path);
  for (size_t i = 0; i < state.items.size(); i += 2) {
    const Value &key = *state.items[i];
    if (key.kind != Value::Kind::Text || state.items[i + 1]->kind != Value::Kind::Tensor) {
      throw unfit(path, "holds entry " + shown(key.text) + " in its state dict, which is no tensor with a name");
    }
    addTensor(key.text, *state.items[i + 1]);
  }
}

// A whole file of the archive.
std::string TorchFile::readEntry(const std::string &name, int64_t limit) const {
  std::string full = folder + name;
  zip_stat_t status;
  if (zip_stat(archive.get(), full.c_str(), ZIP_FL_ENC_RAW, &status) != 0 ||
      (status.valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD)) != (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD)) {
    throw corrupt(path, "it has no file " + shown(full));
  }
  if (status.comp_method != ZIP_CM_STORE) { // and so no file is larger than the archive
    throw unfit(path, "holds " + shown(full) + " compressed; expected it stored, as torch.save does");
  }
  if (status.size > uint64_t(limit)) {
    throw Error(Exit::Resource, "'" + path + "': file " + shown(full) + " has " + std::to_string(status.size) +
                                    " bytes, at most " + std::to_string(limit) + " are read");
  }
  std::string bytes(status.size, '\0');
  zip_file_t *file = zip_fopen_index(archive.get(), status.index, 0);
  // One byte more than there is: the checksum is compared at the end of the file.
  bool whole = file && zip_fread(file, bytes.data(), bytes.size()) == int64_t(bytes.size());
  char more;
  whole = whole && zip_fread(file, &more, 1) == 0;
  std::string why = file ? zip_file_strerror(file) : zip_strerror(archive.get());
  if (file) {
    zip_fclose(file);
  }
  if (!whole) {
    throw corrupt(path, "file " + shown(full) + ": " + why);
  }
  return bytes;
}

void TorchFile::addTensor(const std::string &name, const Value &value) {
  rt::TensorInfo info;
  info.name = name;
  info.dtype = value.dtype;
  info.shape = value.shape;
  info.elements = 1;
  int64_t last = value.offset;
  bool counted = true;
  for (size_t d = 0; d < value.shape.size(); ++d) {
    int64_t reach = 0;
    counted = counted && !__builtin_mul_overflow(info.elements, value.shape[d], &info.elements) &&
              !__builtin_mul_overflow(std::max<int64_t>(value.shape[d] - 1, 0), value.strides[d], &reach) &&
              !__builtin_add_overflow(last, reach, &last);
  }
  if (!counted || (info.elements > 0 && last >= value.elements)) {
    throw corrupt(path, "tensor " + shown(name) + " of shape " + rt::shapeText(value.shape) + " and strides " +
                            rt::shapeText(value.strides) + " from element " + std::to_string(value.offset) +
                            " reaches beyond its storage of " + std::to_string(value.elements) + " elements");
  }
  if (info.elements > value.elements) {
    throw unfit(path, "holds tensor " + shown(name) + " of shape " + rt::shapeText(value.shape) +
                          ", which repeats elements of its storage; expected it saved after contiguous()");
  }
  list.push_back(std::move(info));
  values.push_back(&value);
}

std::vector<float> TorchFile::floats(const std::string &name) const {
  size_t index = 0;
  while (list[index].name != name) {
    ++index;
  }
  const Value &value = *values[index];
  std::string raw = readEntry("data/" + value.storage->text, INT64_MAX);
  int64_t width = rt::dtypeBytes(value.dtype);
  if (value.elements > INT64_MAX / width || int64_t(raw.size()) != value.elements * width) {
    throw corrupt(path, "the storage of tensor " + shown(name) + " has " + std::to_string(raw.size()) +
                            " bytes, its pickle says " + std::to_string(value.elements) + " elements of " +
                            rt::dtypeName(value.dtype));
  }
  std::vector<float> result(list[index].elements);
  std::vector<int64_t> at(value.shape.size()); // counts through the shape, last dimension fastest
  int64_t element = value.offset;
  for (float &out : result) {
    out = float(rt::elementAsDouble(value.dtype, raw.data(), element));
    for (size_t d = at.size(); d-- > 0;) {
      element += value.strides[d];
      if (++at[d] < value.shape[d]) {
        break;
      }
      element -= value.strides[d] * at[d];
      at[d] = 0;
    }
  }
  return result;
}

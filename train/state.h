// All that a training needs to go on to the same bits: tensors and values under names. It goes into one safetensors
// file, values as metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mien/core/named_tensor.h"

namespace mien {

class TrainingState {
 public:
  void set(const std::string& name, const Tensor& tensor);  ///< a copy on the CPU
  void set(const std::string& name, double number);         ///< exact: the shortest text that reads back the same
  void set(const std::string& name, std::int64_t number);
  void set(const std::string& name, const std::string& text);

  bool has(std::string_view name) const;
  /// Each throws Error where there is nothing of that name, or it does not read as what is asked for.
  Tensor tensor(std::string_view name) const;
  double number(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  const std::string& text(std::string_view name) const;

  /// The tensors whose names start with `prefix`, the prefix cut off.
  std::vector<NamedTensor> tensors_under(std::string_view prefix) const;

  void write(const std::filesystem::path& path) const;
  static TrainingState read(const std::filesystem::path& path);

 private:
  std::vector<NamedTensor> tensors_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace mien

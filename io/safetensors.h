// safetensors: a file of named tensors. Eight bytes of length, a JSON header that says name, dtype, shape and place of
// each, then the numbers. (github.com/huggingface/safetensors describes the format.)
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mien/core/named_tensor.h"

namespace mien {

struct WeightsFile {
  std::vector<NamedTensor> tensors;             ///< float32, int32 or uint8, on the CPU
  std::map<std::string, std::string> metadata;  ///< the header's "__metadata__"
};

/// Reads a whole file. float64, float16 and bfloat16 become float32, int64 int32 where every value fits.
///
/// Either every name and shape is right, or Error says the file, the place in it and what was expected: the tensors
/// must cover the data without gap or overlap, as the format demands. Takes no more memory than a few times the file's
/// size.
WeightsFile read_safetensors(const std::filesystem::path& path);

/// Writes beside and renames. The same contents give the same bytes: tensors in the order given, metadata sorted.
void write_safetensors(const std::filesystem::path& path, const WeightsFile& file);

}  // namespace mien

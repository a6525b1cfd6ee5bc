#include "mien/kernels/precision.h"

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "mien/kernels/error.h"

namespace mien {

namespace {

constexpr int not_set = -1;
std::atomic<int> chosen{not_set};

std::optional<Float32Precision> from_environment() {
  const char* const value = std::getenv("MIEN_FLOAT32_PRECISION");
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string_view name = value;
  check(name == "highest" || name == "high", "precision", "MIEN_FLOAT32_PRECISION is highest or high. Got \"", name,
        "\".");
  return name == "high" ? Float32Precision::high : Float32Precision::highest;
}

}  // namespace

void set_float32_precision(Float32Precision precision) { chosen = static_cast<int>(precision); }

Float32Precision float32_precision(Device device) {
  const int set = chosen;
  if (set != not_set) return static_cast<Float32Precision>(set);
  if (const std::optional<Float32Precision> named = from_environment()) return *named;
  return device == Device::cuda ? Float32Precision::high : Float32Precision::highest;
}

}  // namespace mien

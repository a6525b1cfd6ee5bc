// What the tests of the CUDA kernels share: arrays on a device, and a comparison of every CUDA device there is (the
// emulator, a GPU) with the CPU.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "mien/core/device.h"
#include "mien/tests/kernel_testing.h"

namespace mien::testing {

/// Elements in the memory of a device.
template <class T>
class DeviceArray {
 public:
  DeviceArray(Device device, const std::vector<T>& values)
      : device_(device), size_(static_cast<std::int64_t>(values.size())) {
    kernels::allocate(device)(bytes(), &block_);
    kernels::copy_from_host(device)(values.data(), block_, bytes());
  }
  /// Poisoned: an element that a kernel leaves out is found.
  DeviceArray(Device device, std::int64_t size)
      : DeviceArray(device, std::vector<T>(static_cast<std::size_t>(size), poison<T>())) {}
  ~DeviceArray() { kernels::release(device_)(block_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  View<T> view() const { return {static_cast<T*>(block_), size_}; }
  std::vector<T> values() const {
    std::vector<T> values(static_cast<std::size_t>(size_));
    kernels::copy_to_host(device_)(block_, values.data(), bytes());
    return values;
  }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

  Device device_;
  std::int64_t size_;
  void* block_ = nullptr;
};

/// The CUDA devices that this build and this machine have.
inline std::vector<Device> cuda_devices() {
  std::vector<Device> devices;
  for (const Device device : {Device::cuda_emulated, Device::cuda})
    if (is_available(device)) devices.push_back(device);
  return devices;
}

/// Small whole numbers: sums of their products are exact, in any order.
inline Floats draw_whole(std::int64_t size, std::uint64_t which) {
  Floats values = draw(size, which, -4.0f, 5.0f);
  for (float& value : values) value = std::floor(value);
  return values;
}

/// run(device) gives the same bits on every CUDA device as on the CPU.
template <class Run>
void check_same(const Run& run) {
  const auto expected = run(Device::cpu);
  REQUIRE(!expected.empty());
  for (const Device device : cuda_devices()) {
    INFO(device);
    const auto actual = run(device);
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (std::memcmp(&actual[i], &expected[i], sizeof actual[i]) == 0) continue;
      INFO("element " << i << " of " << actual.size());
      REQUIRE(actual[i] == expected[i]);  // 0 and -0 are the same number
    }
  }
}

/// run(device) gives on every CUDA device what it gives on the CPU, but for rounding.
template <class Run>
void check_near(const Run& run, double tolerance = 2e-6) {
  const Values expected = doubled(run(Device::cpu));
  for (const Device device : cuda_devices()) {
    INFO(device);
    check_close(run(device), expected, tolerance);
  }
}

}  // namespace mien::testing

// Where ops are tested: on the CPU, and on the CUDA emulator or the device that MIEN_TEST_DEVICE names (cuda).
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "mien/core/device.h"

namespace mien::testing {

/// The devices to test. The CPU comes first; one that this build lacks is left out, and the output says so.
inline std::vector<Device> tested_devices() {
  const char* const chosen = std::getenv("MIEN_TEST_DEVICE");
  const bool named = chosen && *chosen;
  const Device other = named ? parse_device(chosen) : Device::cuda_emulated;
  if (is_available(other)) return {Device::cpu, other};
  if (named) FAIL("MIEN_TEST_DEVICE: " << describe(other));
  static const bool said = [&] {
    std::cerr << "ops are tested on the CPU alone: " << describe(other) << "\n";
    return true;
  }();
  (void)said;
  return {Device::cpu};
}

}  // namespace mien::testing

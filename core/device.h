// Devices: names, what is there, how many threads the CPU uses.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "mien/kernels/kernels.h"

namespace mien {

/// "cpu", "cuda" or "cuda_emulated".
std::string_view name(Device device);
std::ostream& operator<<(std::ostream& out, Device device);

/// The device of that name; Error with the names there are otherwise.
Device parse_device(std::string_view name);

/// Whether tensors can be made there: its kernels are built, and for `cuda` a GPU answers.
bool is_available(Device device);

/// A line for people: "cpu (2 threads, avx512)", "cuda (NVIDIA H100)", "cuda (emulated)", or why it cannot be used.
std::string describe(Device device);

/// Sets how many threads the CPU kernels use, at least 1. Results do not depend on it.
void set_threads(int count);
int threads();

}  // namespace mien

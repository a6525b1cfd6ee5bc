// CUDA's atomic functions under the emulator, for whole numbers, in memory of either kind. A thread runs on until it
// meets a barrier, so plain arithmetic is atomic; in shared memory they may meet each other, but no plain access
// (emulated_shared.h). Of floats there are none: which sum they give depends on the order of the threads.
#pragma once

#include <algorithm>
#include <type_traits>

#include "mien/kernels/cuda/emulated_shared.h"

namespace mien::kernels::emulated {

/// The integers that CUDA has atomic functions for.
template <class T>
concept AtomicInteger = std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long long>;

/// Adds `value` to *address and returns what was there before.
template <AtomicInteger T>
T atomicAdd(T* address, std::type_identity_t<T> value, SourcePlace place = SourcePlace::here()) {
  note_shared_atomic(address, sizeof(T), place);
  // As unsigned numbers, which wrap around as on a GPU.
  using Unsigned = std::make_unsigned_t<T>;
  const T before = *address;
  *address = static_cast<T>(static_cast<Unsigned>(before) + static_cast<Unsigned>(value));
  return before;
}

/// *address becomes the larger of both. Returns what was there before.
template <AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value, SourcePlace place = SourcePlace::here()) {
  note_shared_atomic(address, sizeof(T), place);
  const T before = *address;
  *address = std::max(before, value);
  return before;
}

/// Where *address is `expected` it becomes `value`. Returns what was there before.
template <AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value,
            SourcePlace place = SourcePlace::here()) {
  note_shared_atomic(address, sizeof(T), place);
  const T before = *address;
  if (before == expected) *address = value;
  return before;
}

}  // namespace mien::kernels::emulated

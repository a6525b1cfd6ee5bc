// Shared memory, declared so that the emulator can watch over it:
//
//   __shared__ shared_array<float, 16, 65> tile;                                a static array, float tile[16][65]
//   const shared_pointer<float> cells = dynamic_shared<float>();                into the launch's dynamic memory
//
// For a GPU these are the plain array and the plain pointer, and cost nothing. The emulator's have the same uses
// (tile[i][j], &tile[i][j], a row as a pointer) and report each read of what the block has not written, each index
// outside, and each element that one thread writes and another reads or writes with no barrier between
// (emulated_shared.h). Their elements are values: say float, not auto, for what is read.
#pragma once

#if defined(MIEN_KERNELS_EMULATED)
#include "mien/kernels/cuda/emulated_atomics.h"
#include "mien/kernels/cuda/emulated_shared.h"
#else

namespace mien::kernels::cuda {

template <class T, int... extents>
struct SharedArrayType {
  using type = T;
};
template <class T, int extent, int... rest>
struct SharedArrayType<T, extent, rest...> {
  using type = typename SharedArrayType<T, rest...>::type[extent];
};

/// An array in a block's shared memory, of constant extents.
template <class T, int... extents>
using shared_array = typename SharedArrayType<T, extents...>::type;

/// A pointer into a block's shared memory.
template <class T>
using shared_pointer = T*;

}  // namespace mien::kernels::cuda

#endif

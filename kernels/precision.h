// How exactly products of float32 numbers are computed, where a device has a faster way that rounds its factors.
#pragma once

#include <cstdint>

#include "mien/kernels/kernels.h"

namespace mien {

/// The names are PyTorch's (torch.set_float32_matmul_precision).
enum class Float32Precision : std::uint8_t {
  highest,  ///< float32 throughout
  high,     ///< factors may be rounded to TF32, which keeps 10 of their 23 bits, for tensor cores; sums stay float32
};

/// Sets the precision of the convolutions and matrix products to come, on every device and thread. An algorithm that is
/// named (Conv2dAlgorithm) is taken all the same: this is about the choice that is left to the library.
void set_float32_precision(Float32Precision precision);

/// What was set; else what the environment variable MIEN_FLOAT32_PRECISION says (highest or high; Error for anything
/// else); else `high` on a GPU and `highest` elsewhere: the emulator is for comparing to the bit.
Float32Precision float32_precision(Device device);

}  // namespace mien

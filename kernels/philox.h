// Philox4x32-10, a counter-based random generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// A value depends on (seed, stream, index) alone: no state to carry, so host and device, one thread and many, a fresh
// run and a resumed one all draw the same numbers.
#pragma once

#include <cstdint>

#include "mien/kernels/scalar.h"

namespace mien {

/// The four 32-bit words of block `block` of stream `stream` under `seed`.
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Ten rounds of Philox. counter = (block, stream), key = seed; each word is uniform over all 2^32 values.
MIEN_HOST_DEVICE inline PhiloxBlock philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t block) {
  std::uint32_t x0 = static_cast<std::uint32_t>(block), x1 = static_cast<std::uint32_t>(block >> 32);
  std::uint32_t x2 = static_cast<std::uint32_t>(stream), x3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * x0, p1 = std::uint64_t{0xCD9E8D57u} * x2;
    const std::uint32_t y0 = static_cast<std::uint32_t>(p1 >> 32) ^ x1 ^ k0, y1 = static_cast<std::uint32_t>(p1);
    const std::uint32_t y2 = static_cast<std::uint32_t>(p0 >> 32) ^ x3 ^ k1, y3 = static_cast<std::uint32_t>(p0);
    x0 = y0, x1 = y1, x2 = y2, x3 = y3;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{x0, x1, x2, x3}};
}

/// Word `index` of a stream: word index % 4 of block index / 4.
MIEN_HOST_DEVICE inline std::uint32_t philox_word(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return philox(seed, stream, index / 4).word[index % 4];
}

/// A float in [0, 1) from the upper 24 bits of a word: every value is a multiple of 2^-24, exact on every backend.
MIEN_HOST_DEVICE inline float uniform_from_word(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 5.9604644775390625e-8f;
}

}  // namespace mien

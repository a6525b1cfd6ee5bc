// Random numbers for the host: uniforms, normals, integers and permutations from (seed, stream, index).
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "mien/kernels/philox.h"

namespace mien {

/// What a draw is for. Different purposes never share numbers, even under one seed.
enum class Purpose : std::uint32_t { weights = 1, dropout, shuffle, split, faces, augmentation, test, bootstrap };

/// The stream number of (purpose, which): `which` tells streams of one purpose apart (layer, epoch, picture …).
constexpr std::uint64_t stream_of(Purpose purpose, std::uint64_t which = 0) {
  return static_cast<std::uint64_t>(purpose) << 48 ^ which;
}

/// A sequence of draws from one (seed, stream). Copying it copies the position; `at` draws without moving.
class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t which = 0)
      : seed_(seed), stream_(stream_of(purpose, which)) {}

  /// The next 32 uniform bits.
  std::uint32_t bits() { return philox_word(seed_, stream_, next_++); }

  /// The next uniform float in [0, 1).
  float uniform() { return uniform_from_word(bits()); }

  /// The next uniform float in [low, high).
  float uniform(float low, float high) { return low + (high - low) * uniform(); }

  /// The next normal double of mean 0 and deviation 1 (Box and Muller; takes two words).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log((bits() + 1.0) * 0x1p-32));
    return radius * std::cos(6.283185307179586 * (bits() * 0x1p-32));
  }

  /// The next integer in [0, bound), bound >= 1 (multiply-shift; bias under bound / 2^32).
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(bits()) * bound >> 32);
  }

  /// Shuffles in place (Fisher and Yates).
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
  }

  /// 0 … count-1 in random order.
  std::vector<int> permutation(int count) {
    std::vector<int> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    shuffle(order);
    return order;
  }

 private:
  std::uint64_t seed_, stream_;
  std::uint64_t next_ = 0;
};

}  // namespace mien

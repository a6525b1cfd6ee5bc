// Initialisers: how a weight's first numbers are drawn. They are plain data, drawn on the host from (seed, index of the
// weight in its network, index of the element), so they are the same on every device.
#pragma once

#include <cstdint>
#include <string_view>

#include "mien/core/tensor.h"

namespace mien {

/// Keras's initialisers. glorot, he and lecun scale by fan-in and fan-out: variance 2 / (in + out), 2 / in, 1 / in;
/// the normal ones are cut at two deviations and widened so that the variance holds.
struct Initializer {
  enum class Kind : std::uint8_t {
    zeros,
    ones,
    constant,
    glorot_uniform,
    glorot_normal,
    he_uniform,
    he_normal,
    lecun_uniform,
    lecun_normal,
  };
  Kind kind = Kind::zeros;
  float value = 0;  ///< of constant
};

inline constexpr Initializer zeros{Initializer::Kind::zeros};
inline constexpr Initializer ones{Initializer::Kind::ones};
inline constexpr Initializer glorot_uniform{Initializer::Kind::glorot_uniform};
inline constexpr Initializer glorot_normal{Initializer::Kind::glorot_normal};
inline constexpr Initializer he_uniform{Initializer::Kind::he_uniform};
inline constexpr Initializer he_normal{Initializer::Kind::he_normal};
inline constexpr Initializer lecun_uniform{Initializer::Kind::lecun_uniform};
inline constexpr Initializer lecun_normal{Initializer::Kind::lecun_normal};
constexpr Initializer constant(float value) { return {Initializer::Kind::constant, value}; }

/// A tensor on the host with its first numbers. Fans come from the shape, as in Keras: the last two axes are in and
/// out, those before them the receptive field. `which` is the number of the weight in its network.
Tensor draw(Initializer initializer, const Shape& shape, std::uint64_t seed, std::uint64_t which);

}  // namespace mien

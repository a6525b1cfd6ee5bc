// Changes of a picture's values, in place: what augmentation does besides moving pixels.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// The lowest and the highest value of a picture.
struct ValueRange {
  float low, high;
};

/// NaN is passed over; a picture of nothing else gives low > high.
ValueRange value_range(const float* x, std::int64_t count);

/// x = x + amount, clipped to the range.
void shift_values(float* x, std::int64_t count, float amount, ValueRange range);

/// x = x * factor.
void scale_values(float* x, std::int64_t count, float factor);

/// x = x * factor, clipped to 0 … 255.
void brighten(float* x, std::int64_t count, float factor);

/// As `brighten`, of bytes: cut to a whole number before and after, as Pillow's ImageEnhance.Brightness does.
void brighten_bytes(float* x, std::int64_t count, float factor);

}  // namespace mien::kernels::cpu

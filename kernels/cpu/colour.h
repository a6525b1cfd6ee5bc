// Bytes of three colours: apart, together, and as grey.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// planes[c][i] = colours[3 * i + c], for 0 <= i < count.
void split_colours(const std::uint8_t* colours, std::int64_t count, std::uint8_t* const planes[3]);

/// colours[3 * i + c] = planes[c][i].
void join_colours(const std::uint8_t* const planes[3], std::int64_t count, std::uint8_t* colours);

/// grey[i] = (19595 R + 38470 G + 7471 B + 32768) >> 16: ITU-R 601 in fixed point.
void grey_of_colours(const std::uint8_t* colours, std::int64_t count, std::uint8_t* grey);

}  // namespace mien::kernels::cpu

// What the kernels take a core's caches to hold, in floats.
#pragma once

#include <cstdint>

namespace mien::kernels::cpu {

/// Of a cache line.
inline constexpr std::int64_t line_floats = 16;
/// That the second cache is sure to hold: 1 MB.
inline constexpr std::int64_t second_cache_floats = std::int64_t{1} << 18;
/// That an op's result may take and still be found in a cache by the next op: 16 MB. More than that is streamed.
inline constexpr std::int64_t cached_floats = std::int64_t{1} << 22;
/// By how much weights that are read once are asked for before they are read: they come from memory no faster than they
/// are asked for, and of itself the processor asks for no more than the page that it is in.
inline constexpr std::int64_t memory_ahead = std::int64_t{1} << 12;

}  // namespace mien::kernels::cpu

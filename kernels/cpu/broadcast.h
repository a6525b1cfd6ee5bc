// Walking a broadcast: the elements of the result in order, in runs along its last axis.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Calls body(index, a, b, count) for the runs that make up result elements begin … end-1: `count` elements from
/// `index` on, whose operands start at offsets `a` and `b` and move by the strides of the last axis.
template <class Body>
void for_each_run(const BroadcastGeometry& g, std::int64_t begin, std::int64_t end, const Body& body) {
  const int last = g.axes - 1;
  std::int64_t place[max_broadcast_axes], a = 0, b = 0;
  std::int64_t rest = begin;
  for (int axis = last; axis >= 0; --axis) {
    place[axis] = rest % g.extent[axis];
    rest /= g.extent[axis];
    a += place[axis] * g.a_stride[axis];
    b += place[axis] * g.b_stride[axis];
  }
  for (std::int64_t index = begin; index < end;) {
    const std::int64_t count = std::min(end - index, g.extent[last] - place[last]);
    body(index, a, b, count);
    index += count;
    // To the start of the next run, carrying over like an odometer.
    a -= place[last] * g.a_stride[last];
    b -= place[last] * g.b_stride[last];
    place[last] = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      a += g.a_stride[axis];
      b += g.b_stride[axis];
      if (++place[axis] < g.extent[axis]) break;
      a -= place[axis] * g.a_stride[axis];
      b -= place[axis] * g.b_stride[axis];
      place[axis] = 0;
    }
  }
}

/// Runs shorter than this are brought together into long ones first.
inline constexpr std::int64_t short_run = 64;

/// Repeats the first `columns` values over all of `size`; the copies double in length.
inline void repeat_run(float* values, std::int64_t columns, std::int64_t size) {
  for (std::int64_t done = columns; done < size; done *= 2)
    std::copy_n(values, std::min(done, size - done), values + done);
}

/// Each of `count` values, `columns` times.
inline void stretch_values(const float* from, std::int64_t count, std::int64_t columns, float scale, float* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = scale * from[i];
    for (std::int64_t c = 0; c < columns; ++c) to[i * columns + c] = value;
  }
}

}  // namespace mien::kernels::cpu

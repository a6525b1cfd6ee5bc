// A correlation's weights in memory as the register tile reads them (panels.h): group after group, panel after panel,
// all of k in each. The panel that starts at column j of its group lies depth * j floats into the group's.
#pragma once

#include <cstdint>

#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/conv2d_correlate.h"
#include "mien/kernels/cpu/panels.h"

namespace mien::kernels::cpu {

/// Values of k: taps times channels of the source's group.
inline std::int64_t correlation_depth(const Correlation& c) {
  return std::int64_t{c.height.taps} * c.width.taps * c.in_per_group;
}

/// Every group a single channel: nothing to make a product of (conv2d_depthwise.h).
inline bool is_depthwise(const Correlation& c) { return c.groups > 1 && c.in_per_group == 1 && c.out_per_group == 1; }

/// Whether positions lie in the result as they are numbered, with nothing between them.
inline bool runs_on(const Correlation& c) {
  return c.result_column_step == 1 && c.result_row_step == 1 && c.result_width == c.width.positions &&
         c.result_height == c.height.positions;
}

/// Whether the result is more than the caches hold.
inline bool is_streamed(const Correlation& c) {
  return !c.pool &&
         std::int64_t{c.batch} * c.result_height * c.result_width * c.groups * c.out_per_group > cached_floats;
}

/// Where the weight of a tap lies for source channel `in` (within its group) and result channel `out` (of all).
std::int64_t weight_place(const Correlation& c, int tap, int in, int out);

/// Packs the columns begin … end-1 of a group (begin where a panel starts), the first of them at `packed`.
void pack_columns(const Correlation& c, int group, int begin, int end, float* packed);

}  // namespace mien::kernels::cpu

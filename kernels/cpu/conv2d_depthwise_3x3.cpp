// Depthwise convolution with nine taps (conv2d_depthwise.h), compiled once per instruction set: the kernel that the
// networks use. Four results side by side share the cells between them, and leave from the registers; all channels of
// four results come before the next four, as memory has them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_depthwise_3x3.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/activation-inl.h"
#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The three rows of cells under a row of results.
struct Rows3x3 {
  const float* x[3];      ///< a row outside of the picture: zeros
  std::int64_t pitch[3];  ///< from one cell to the next: 0 for zeros
  float* y;
};

/// `count` results of one vector of channels, from `position` on. `checked`: taps may reach past the row's ends.
template <int step, int count, bool checked, ActivationKind kind, class D>
HWY_INLINE void results_3x3(D d, const Depthwise3x3& g, const Rows3x3& rows, int position, std::int64_t c) {
  using V = hn::Vec<D>;
  V sum[count];
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) sum[i] = hn::Zero(d);
  constexpr int columns = (count - 1) * step + 3;
  const int first = position * step + g.left;
  MIEN_UNROLL
  for (int r = 0; r < 3; ++r) {
    V cell[columns];
    MIEN_UNROLL
    for (int k = 0; k < columns; ++k) {
      const bool inside = !checked || (first + k >= 0 && first + k < g.width);
      cell[k] = inside ? hn::LoadU(d, rows.x[r] + std::int64_t{first + k} * rows.pitch[r] + c) : hn::Zero(d);
    }
    // Each sum meets its taps in their order.
    MIEN_UNROLL
    for (int tap = 0; tap < 3; ++tap) {
      const V weight = hn::LoadU(d, g.w[3 * r + tap] + c);
      MIEN_UNROLL
      for (int i = 0; i < count; ++i) sum[i] = hn::MulAdd(cell[i * step + tap], weight, sum[i]);
    }
  }
  if (g.bias) {
    const V bias = hn::LoadU(d, g.bias + c);
    MIEN_UNROLL
    for (int i = 0; i < count; ++i) sum[i] = hn::Add(sum[i], bias);
  }
  MIEN_UNROLL
  for (int i = 0; i < count; ++i) {
    const V result = activate_vector<kind>(d, sum[i], g.activation);
    float* const to = rows.y + std::int64_t{position + i} * g.channels + c;
    if (g.streamed && hn::MaxLanes(d) >= 4)
      hn::Stream(result, d, to);
    else
      hn::StoreU(result, d, to);
  }
}

template <int step, int count, bool checked, ActivationKind kind>
HWY_INLINE void channels_3x3(const Depthwise3x3& g, const Rows3x3& rows, int position) {
  for_each_vector(0, g.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    results_3x3<step, count, checked, kind>(d, g, rows, position, c);
  });
}

template <int step, ActivationKind kind>
void rows_3x3(const Depthwise3x3& g) {
  constexpr int count = 4;
  // The positions all of whose taps are inside.
  const int begin = std::clamp((-g.left + step - 1) / step, 0, g.positions);
  const int room = g.width - 3 - g.left;
  const int end = room < 0 ? begin : std::clamp(room / step + 1, begin, g.positions);
  for (int i = g.row_begin; i < g.row_end; ++i) {
    Rows3x3 rows;
    for (int r = 0; r < 3; ++r) {
      const int y = i * g.row_step + g.top + r;
      const bool inside = y >= 0 && y < g.height;
      rows.x[r] = inside ? g.x + std::int64_t{y} * g.width * g.channels : g.zeros;
      rows.pitch[r] = inside ? g.channels : 0;
    }
    rows.y = g.y + std::int64_t{i - g.row_begin} * g.positions * g.channels;
    int position = 0;
    for (; position < begin; ++position) channels_3x3<step, 1, true, kind>(g, rows, position);
    for (; position + count <= end; position += count) channels_3x3<step, count, false, kind>(g, rows, position);
    for (; position < end; ++position) channels_3x3<step, 1, false, kind>(g, rows, position);
    for (; position < g.positions; ++position) channels_3x3<step, 1, true, kind>(g, rows, position);
  }
}

void all_rows_3x3(const Depthwise3x3& g) {
  with_gate(g.activation.kind,
            [&]<ActivationKind kind>() { g.column_step == 1 ? rows_3x3<1, kind>(g) : rows_3x3<2, kind>(g); });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(all_rows_3x3);

void depthwise_3x3(const Depthwise3x3& rows) {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  HWY_DYNAMIC_DISPATCH(all_rows_3x3)(rows);
}

}  // namespace mien::kernels::cpu
#endif

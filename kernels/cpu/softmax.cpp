// Softmax of each row, its gradient, and the largest of each row. rows.h says when vectors run along a row and when
// across rows.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/softmax.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <limits>

#include "mien/kernels/cpu/elementary-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/row_vectors-inl.h"
#include "mien/kernels/cpu/rows.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

// The largest is subtracted before exp: it cancels, and nothing overflows. A NaN that the maximum passes over comes
// back through its own exp and the sum.

void softmax_rows(const float* x, float* y, const RowsGeometry& g) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns columns;
    columns.take(x + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      auto largest = hn::LoadU(d, columns[0] + row);
      for (int c = 1; c < g.channels; ++c) largest = hn::Max(largest, hn::LoadU(d, columns[c] + row));
      auto sum = hn::Zero(d);
      for (int c = 0; c < g.channels; ++c) {
        const auto share = exp_vector(d, hn::Sub(hn::LoadU(d, columns[c] + row), largest));
        hn::StoreU(share, d, columns[c] + row);
        sum = hn::Add(sum, share);
      }
      const auto scale = hn::Div(hn::Set(d, 1.0f), sum);
      for (int c = 0; c < g.channels; ++c)
        hn::StoreU(hn::Mul(hn::LoadU(d, columns[c] + row), scale), d, columns[c] + row);
    });
    columns.give(y + first * g.channels, count, g.channels);
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    const float* const from = x + row * g.channels;
    float* const to = y + row * g.channels;
    const float largest = row_maximum(from, g.channels);
    double sum[1];
    sum_row(g.channels, sum, [=](auto d, std::int64_t c) HWY_ATTR {
      const auto share = exp_vector(d, hn::Sub(hn::LoadU(d, from + c), hn::Set(d, largest)));
      hn::StoreU(share, d, to + c);
      return Terms<decltype(share), 1>{{share}};
    });
    const float scale = static_cast<float>(1.0 / sum[0]);
    for_each_vector(0, g.channels, [=](auto d, std::int64_t c) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, to + c), hn::Set(d, scale)), d, to + c);
    });
  };
  for_each_row(g, across, along);
}

/// dx = y * (dy - sum(y * dy))
void softmax_gradient_rows(const float* y, const float* dy, float* dx, const RowsGeometry& g) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns share, upstream;
    share.take(y + first * g.channels, count, g.channels);
    upstream.take(dy + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      auto mean = hn::Zero(d);
      for (int c = 0; c < g.channels; ++c)
        mean = hn::MulAdd(hn::LoadU(d, share[c] + row), hn::LoadU(d, upstream[c] + row), mean);
      for (int c = 0; c < g.channels; ++c) {
        const auto distance = hn::Sub(hn::LoadU(d, upstream[c] + row), mean);
        hn::StoreU(hn::Mul(hn::LoadU(d, share[c] + row), distance), d, share[c] + row);
      }
    });
    share.give(dx + first * g.channels, count, g.channels);
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    const float* const share = y + row * g.channels;
    const float* const upstream = dy + row * g.channels;
    double sum[1];
    sum_row(g.channels, sum, [=](auto d, std::int64_t c) HWY_ATTR {
      const auto product = hn::Mul(hn::LoadU(d, share + c), hn::LoadU(d, upstream + c));
      return Terms<decltype(product), 1>{{product}};
    });
    const float mean = static_cast<float>(sum[0]);
    for_each_vector(0, g.channels, [&, mean](auto d, std::int64_t c) HWY_ATTR {
      const auto distance = hn::Sub(hn::LoadU(d, upstream + c), hn::Set(d, mean));
      hn::StoreU(hn::Mul(hn::LoadU(d, share + c), distance), d, dx + row * g.channels + c);
    });
  };
  for_each_row(g, across, along);
}

/// Whether `value` takes the place of `best`: it is larger, or the first NaN.
template <class D, class V>
HWY_INLINE hn::Mask<D> beats(D, V value, V best) {
  return hn::AndNot(hn::Le(value, best), hn::Eq(best, best));
}

void argmax_of_rows(const float* x, std::int32_t* index, const RowsGeometry& g) {
  const auto across = [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    Columns columns;
    columns.take(x + first * g.channels, count, g.channels);
    for_each_vector(0, count, [&](auto d, std::int64_t row) HWY_ATTR {
      const hn::RebindToSigned<decltype(d)> integers;
      auto best = hn::LoadU(d, columns[0] + row);
      auto place = hn::Zero(integers);
      for (int c = 1; c < g.channels; ++c) {
        const auto value = hn::LoadU(d, columns[c] + row);
        const auto better = beats(d, value, best);
        best = hn::IfThenElse(better, value, best);
        place = hn::IfThenElse(hn::RebindMask(integers, better), hn::Set(integers, c), place);
      }
      hn::StoreU(place, integers, index + first + row);
    });
  };
  const auto along = [&](std::int64_t row) HWY_ATTR {
    const float* const from = x + row * g.channels;
    const hn::ScalableTag<float> d;
    const hn::RebindToSigned<hn::ScalableTag<float>> integers;
    const int lanes = static_cast<int>(hn::Lanes(d));
    // Each lane has its own first maximum, then the first of the best lanes; the last vector may overlap others.
    auto best = hn::LoadU(d, from);
    auto place = hn::Iota(integers, 0);
    const auto meet = [&](int c) HWY_ATTR {
      const auto value = hn::LoadU(d, from + c);
      const auto better = beats(d, value, best);
      best = hn::IfThenElse(better, value, best);
      place = hn::IfThenElse(hn::RebindMask(integers, better), hn::Iota(integers, c), place);
    };
    int c = lanes;
    for (; c + lanes <= g.channels; c += lanes) meet(c);
    if (c < g.channels) meet(g.channels - lanes);
    const auto none = hn::IsNaN(best);
    const auto wins = hn::AllFalse(d, none) ? hn::Eq(best, hn::MaxOfLanes(d, best)) : none;
    const auto far = hn::Set(integers, std::numeric_limits<std::int32_t>::max());
    const auto found = hn::IfThenElse(hn::RebindMask(integers, wins), place, far);
    index[row] = hn::GetLane(hn::MinOfLanes(integers, found));
  };
  for_each_row(g, across, along);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_gradient_rows);
HWY_EXPORT(argmax_of_rows);

void softmax_forward(View<const float> x, View<float> y, RowsGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(softmax_rows)(x.data, y.data, g);
}

void softmax_backward(View<const float> y, View<const float> dy, View<float> dx, RowsGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(softmax_gradient_rows)(y.data, dy.data, dx.data, g);
}

void argmax_rows(View<const float> x, View<std::int32_t> index, RowsGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(argmax_of_rows)(x.data, index.data, g);
}

}  // namespace mien::kernels::cpu
#endif

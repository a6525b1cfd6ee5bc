// Average pooling over the cells inside the picture, as Keras has it: padding does not count. pool_lines-inl.h walks
// the windows. Back, dy is divided by the cells of its windows first, a line of it at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/average_pool2d.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/pool_lines-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// The mean over `count` taps, for elements begin … end-1; 0 where there are none.
HWY_INLINE void take_mean(const float* cells, const Meeting* taps, int count, std::int64_t begin, std::int64_t end,
                          float* y) {
  const float scale = count > 0 ? 1.0f / static_cast<float>(count) : 0.0f;
  for_each_vector(begin, end, [&](auto d, std::int64_t i) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (int t = 0; t < count; ++t) sum = hn::Add(sum, hn::LoadU(d, cells + taps[t].offset + i));
    hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, y + i);
  });
}

/// One line of dy, each element divided by the cells of its window; `rows` of them in a column.
HWY_INLINE void share_out(const Pool2dGeometry& g, const float* dy, int rows, float* shares) {
  const WholeWindows whole(g.width);
  const auto columns = [&](int first, int last, int cells) HWY_ATTR {
    const float scale = cells > 0 ? 1.0f / static_cast<float>(cells) : 0.0f;
    for_each_vector(std::int64_t{first} * g.channels, std::int64_t{last} * g.channels,
                    [=](auto d, std::int64_t i)
                        HWY_ATTR { hn::StoreU(hn::Mul(hn::LoadU(d, dy + i), hn::Set(d, scale)), d, shares + i); });
  };
  for (int column = 0; column < whole.first; ++column)
    columns(column, column + 1, rows * cells_inside(g.width, column));
  columns(whole.first, whole.last, rows * g.width.kernel);
  for (int column = whole.last; column < g.width.output; ++column)
    columns(column, column + 1, rows * cells_inside(g.width, column));
}

void average_pool(const float* x, float* y, const Pool2dGeometry& g) {
  struct Scratch;
  const std::int64_t x_picture = std::int64_t{g.height.input} * g.width.input * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) HWY_ATTR {
    const float* const picture = x + line / g.height.output * x_picture;
    const int row = static_cast<int>(line % g.height.output);
    pool_line<Scratch>(picture, g, row, line * g.width.output * g.channels,
                       [=](const float* cells, const Meeting* taps, int count, std::int64_t begin, std::int64_t end,
                           std::int64_t place) HWY_ATTR { take_mean(cells, taps, count, begin, end, y + place); });
  });
}

void average_pool_gradient(const float* dy, float* dx, const Pool2dGeometry& g) {
  struct Scratch;
  struct Shares;
  const std::int64_t y_line = std::int64_t{g.width.output} * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t x_line) HWY_ATTR {
    const float* const picture = dy + x_line / g.height.input * g.height.output * y_line;
    const int row = static_cast<int>(x_line % g.height.input);
    // Lines of dy that have a tap on this row follow one another, counted from the first.
    const int from = std::max(0, row + g.height.padding_begin - g.height.extent() + g.height.stride) / g.height.stride;
    float* const shares = thread_scratch<Shares>(g.height.kernel * g.height.dilation * y_line);
    for (int tap_row = 0; tap_row < g.height.kernel; ++tap_row) {
      const int line = position_over(g.height, row, tap_row);
      if (line >= 0)
        share_out(g, picture + line * y_line, cells_inside(g.height, line), shares + (line - from) * y_line);
    }
    spread_line<Scratch>(g, row, dx + x_line * g.width.input * g.channels,
                         [=](auto d, std::int64_t place, int)
                             HWY_ATTR { return hn::LoadU(d, shares + place - from * y_line); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(average_pool);
HWY_EXPORT(average_pool_gradient);

void average_pool2d_forward(View<const float> x, View<float> y, Pool2dGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(average_pool)(x.data, y.data, g);
}

void average_pool2d_backward(View<const float> dy, View<float> dx, Pool2dGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(average_pool_gradient)(dy.data, dx.data, g);
}

}  // namespace mien::kernels::cpu
#endif

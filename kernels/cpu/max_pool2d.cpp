// Max pooling. The place of each maximum is kept, so that the backward pass needs neither x nor y. pool_lines-inl.h
// walks the windows; a vector of them goes through its taps in registers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/max_pool2d.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <limits>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/pool_lines-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// The maximum over `count` taps and its place, for elements begin … end-1.
HWY_INLINE void take_maximum(const float* cells, const Meeting* taps, int count, std::int64_t begin, std::int64_t end,
                             float* y, std::int32_t* argmax) {
  for_each_vector(begin, end, [&](auto d, std::int64_t i) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> integers;
    auto best = hn::LoadU(d, cells + taps[0].offset + i);
    auto place = hn::Set(integers, taps[0].tap);
    for (int t = 1; t < count; ++t) {
      const auto value = hn::LoadU(d, cells + taps[t].offset + i);
      // Larger, or the window's first NaN: nothing is larger than a NaN that is already there.
      const auto better = hn::AndNot(hn::Le(value, best), hn::Eq(best, best));
      best = hn::IfThenElse(better, value, best);
      place = hn::IfThenElse(hn::RebindMask(integers, better), hn::Set(integers, taps[t].tap), place);
    }
    hn::StoreU(best, d, y + i);
    hn::StoreU(place, integers, argmax + i);
  });
}

void max_pool(const float* x, float* y, std::int32_t* argmax, const Pool2dGeometry& g) {
  struct Scratch;
  const std::int64_t x_picture = std::int64_t{g.height.input} * g.width.input * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) HWY_ATTR {
    const float* const picture = x + line / g.height.output * x_picture;
    const int row = static_cast<int>(line % g.height.output);
    pool_line<Scratch>(picture, g, row, line * g.width.output * g.channels,
                       [=](const float* cells, const Meeting* taps, int count, std::int64_t begin, std::int64_t end,
                           std::int64_t place) HWY_ATTR {
                         if (count > 0) {
                           take_maximum(cells, taps, count, begin, end, y + place, argmax + place);
                         } else {  // a window that lies in the padding alone has no maximum and passes no gradient
                           std::fill(y + place + begin, y + place + end, -std::numeric_limits<float>::infinity());
                           std::fill(argmax + place + begin, argmax + place + end, -1);
                         }
                       });
  });
}

void max_pool_gradient(const std::int32_t* argmax, const float* dy, float* dx, const Pool2dGeometry& g) {
  struct Scratch;
  const std::int64_t y_line = std::int64_t{g.width.output} * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t x_line) HWY_ATTR {
    const std::int64_t picture = x_line / g.height.input * g.height.output * y_line;
    spread_line<Scratch>(g, static_cast<int>(x_line % g.height.input), dx + x_line * g.width.input * g.channels,
                         [=](auto d, std::int64_t place, int tap) HWY_ATTR {
                           const hn::RebindToSigned<decltype(d)> integers;
                           const auto is_here =
                               hn::Eq(hn::LoadU(integers, argmax + picture + place), hn::Set(integers, tap));
                           return hn::IfThenElseZero(hn::RebindMask(d, is_here), hn::LoadU(d, dy + picture + place));
                         });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(max_pool);
HWY_EXPORT(max_pool_gradient);

void max_pool2d_forward(View<const float> x, View<float> y, View<std::int32_t> argmax, Pool2dGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(max_pool)(x.data, y.data, argmax.data, g);
}

void max_pool2d_backward(View<const std::int32_t> argmax, View<const float> dy, View<float> dx, Pool2dGeometry g) {
  instruction_set();
  HWY_DYNAMIC_DISPATCH(max_pool_gradient)(argmax.data, dy.data, dx.data, g);
}

}  // namespace mien::kernels::cpu
#endif

// Max pooling. The place of each maximum is kept, so that the backward pass needs neither x nor y.
//
// The taps of a window are gathered first; then a vector of channels at a time goes through them in registers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/max_pool2d.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <limits>
#include <vector>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/pool_window.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {

/// A tap, and the offset of the cell (forward) or the window (backward) that it meets.
struct Meeting {
  std::int32_t tap;
  std::int64_t offset;
};

/// Room for the taps of one window; each thread's own.
Meeting* meetings(const Pool2dGeometry& g) {
  static thread_local std::vector<Meeting> storage;
  const std::size_t size = static_cast<std::size_t>(g.height.kernel) * static_cast<std::size_t>(g.width.kernel);
  if (storage.size() < size) storage.resize(size);
  return storage.data();
}

/// The maximum over `count` taps of one window, for every channel.
HWY_INLINE void take_maximum(const float* picture, const Meeting* taps, int count, int channels, float* y,
                             std::int32_t* argmax) {
  for_each_vector(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> integers;
    auto best = hn::LoadU(d, picture + taps[0].offset + c);
    auto place = hn::Set(integers, taps[0].tap);
    for (int i = 1; i < count; ++i) {
      const auto value = hn::LoadU(d, picture + taps[i].offset + c);
      // Larger, or the window's first NaN: nothing is larger than a NaN that is already there.
      const auto first_nan = hn::AndNot(hn::IsNaN(best), hn::IsNaN(value));
      const auto better = hn::Or(hn::Gt(value, best), first_nan);
      best = hn::IfThenElse(better, value, best);
      place = hn::IfThenElse(hn::RebindMask(integers, better), hn::Set(integers, taps[i].tap), place);
    }
    hn::StoreU(best, d, y + c);
    hn::StoreU(place, integers, argmax + c);
  });
}

/// The gradients of the windows over one cell that have their maximum there, for every channel.
HWY_INLINE void gather_gradient(const std::int32_t* argmax, const float* dy, const Meeting* windows, int count,
                                int channels, float* dx) {
  for_each_vector(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
    const hn::RebindToSigned<decltype(d)> integers;
    auto sum = hn::Zero(d);
    for (int i = 0; i < count; ++i) {
      const auto place = hn::LoadU(integers, argmax + windows[i].offset + c);
      const auto here = hn::RebindMask(d, hn::Eq(place, hn::Set(integers, windows[i].tap)));
      sum = hn::Add(sum, hn::IfThenElseZero(here, hn::LoadU(d, dy + windows[i].offset + c)));
    }
    hn::StoreU(sum, d, dx + c);
  });
}

void max_pool(const float* x, float* y, std::int32_t* argmax, const Pool2dGeometry& g) {
  const std::int64_t x_picture = std::int64_t{g.height.input} * g.width.input * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.output, [&](std::int64_t line) HWY_ATTR {
    Meeting* const taps = meetings(g);
    for (int column = 0; column < g.width.output; ++column) {
      int count = 0;
      for_each_cell(g, static_cast<int>(line % g.height.output), column, [&](int tap, std::int64_t cell) {
        taps[count++] = {tap, cell};
      });
      const std::int64_t place = (line * g.width.output + column) * g.channels;
      if (count > 0) {
        take_maximum(x + line / g.height.output * x_picture, taps, count, g.channels, y + place, argmax + place);
      } else {  // a window that lies in the padding alone has no maximum and passes no gradient
        std::fill_n(y + place, g.channels, -std::numeric_limits<float>::infinity());
        std::fill_n(argmax + place, g.channels, -1);
      }
    }
  });
}

void max_pool_gradient(const std::int32_t* argmax, const float* dy, float* dx, const Pool2dGeometry& g) {
  const std::int64_t y_picture = std::int64_t{g.height.output} * g.width.output * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height.input, [&](std::int64_t line) HWY_ATTR {
    Meeting* const windows = meetings(g);
    const std::int64_t picture = line / g.height.input * y_picture;
    for (int column = 0; column < g.width.input; ++column) {
      int count = 0;
      for_each_window(g, static_cast<int>(line % g.height.input), column, [&](int tap, std::int64_t window) {
        windows[count++] = {tap, window};
      });
      gather_gradient(argmax + picture, dy + picture, windows, count, g.channels,
                      dx + (line * g.width.input + column) * g.channels);
    }
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

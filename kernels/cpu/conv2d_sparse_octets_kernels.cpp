// The inner loop of the pool-sparse weight gradient for one input channel and octets of output channels
// (conv2d_sparse_octets.h), compiled once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_sparse_octets_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/conv2d_octets-inl.h"
#include "mien/kernels/cpu/conv2d_sparse_octets.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if MIEN_OCTETS

/// The octets of a group's windows, each out_channels after the one before.
template <class D>
HWY_INLINE hn::Vec<D> load_octets(D d, const hn::TFromD<D>* from, std::int64_t out_channels) {
  if (windows == 1 || out_channels == octet) return hn::LoadU(d, from);
  const hn::Half<D> half;
  return hn::Combine(d, hn::LoadU(half, from + out_channels), hn::LoadU(half, from));
}

struct Sums {
  V tap[9], dy;
};

/// Adds a group's: x is its place in the first row under it.
HWY_INLINE void add_group(const float* x, std::int64_t x_pitch, hn::Vec<Bytes> argmax, V dy, Sums& sums) {
  const Whole d;
  const Indices d_int;
  const hn::Half<Whole> half;
  // Two rows of the group side by side: where in them the pixel of a maximum is, by its place, for the first window.
  alignas(64) static constexpr std::int32_t pixel_of_place[16] = {0, windows, group_floats, group_floats + windows};
  alignas(64) static constexpr std::int32_t window_of_lane[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  const auto place = hn::PromoteTo(d_int, argmax);
  const auto killed = hn::RebindMask(d, hn::Eq(place, hn::Set(d_int, argmax_killed)));
  const V gradient = hn::IfThenZeroElse(killed, dy);
  const auto of_place = hn::TableLookupLanes(hn::Load(d_int, pixel_of_place), hn::IndicesFromVec(d_int, place));
  const auto pixel = hn::Add(of_place, hn::Load(d_int, window_of_lane));
  sums.dy = hn::Add(sums.dy, gradient);
  MIEN_UNROLL
  for (int i = 0; i < 3; ++i) {
    const float* const upper = x + i * x_pitch;
    const V rows = hn::Combine(d, hn::Load(half, upper + x_pitch), hn::Load(half, upper));
    MIEN_UNROLL
    for (int j = 0; j < 3; ++j) {
      const auto index = hn::IndicesFromVec(d, hn::Add(pixel, hn::Set(d_int, j * windows)));
      sums.tap[3 * i + j] = hn::MulAdd(gradient, hn::TableLookupLanes(rows, index), sums.tap[3 * i + j]);
    }
  }
}

void multiply(const SparseOctetsProduct& product) {
  const Whole d;
  const Bytes d_byte;
  Sums sums;
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) sums.tap[tap] = hn::Zero(d);
  sums.dy = hn::Zero(d);
  const std::int64_t out_channels = product.out_channels, x_pitch = product.x_pitch;
  for (int row = 0; row < product.rows; ++row) {
    const float* x = product.x + 2 * row * x_pitch;
    const std::uint8_t* argmax = product.argmax + row * product.pitch;
    const float* dy = product.dy + row * product.pitch;
    int window = 0;
    for (; window + windows <= product.windows; window += windows) {
      add_group(x, x_pitch, load_octets(d_byte, argmax, out_channels), load_octets(d, dy, out_channels), sums);
      x += group_floats;
      argmax += windows * out_channels;
      dy += windows * out_channels;
    }
    if (window < product.windows) {  // the last group is made up by killed entries
      alignas(64) std::uint8_t last_argmax[lanes];
      alignas(64) float last_dy[lanes] = {};
      std::fill_n(last_argmax, lanes, argmax_killed);
      std::copy_n(argmax, octet, last_argmax);
      std::copy_n(dy, octet, last_dy);
      add_group(x, x_pitch, hn::Load(d_byte, last_argmax), hn::Load(d, last_dy), sums);
    }
  }
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) hn::Store(sums.tap[tap], d, product.sums + tap * lanes);
  hn::Store(sums.dy, d, product.sums + 9 * lanes);
}

const SparseOctetsKernels* sparse_octets_table() {
  static constexpr SparseOctetsKernels table = {multiply};
  return &table;
}

#else

const SparseOctetsKernels* sparse_octets_table() {
  static constexpr SparseOctetsKernels table = {};
  return &table;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sparse_octets_table);

const SparseOctetsKernels& sparse_octets_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(sparse_octets_table)();
}

}  // namespace mien::kernels::cpu
#endif

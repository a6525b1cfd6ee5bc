// The inner loops of the direct convolution of one input channel to octets of output channels (conv2d_octets.h),
// compiled once per instruction set.
//
// In here a vector's windows alternate: lane k is channel k / windows of window k % windows. So the pixels that a tap
// reads in a group are one broadcast from memory, of a float or of a pair of floats, which serves up to four
// multiply-adds; only the maxima and their places are put in order before they are stored.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_octets_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "mien/kernels/cpu/conv2d_epilogue-inl.h"
#include "mien/kernels/cpu/conv2d_octets-inl.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if MIEN_OCTETS

/// Two groups, from the columns of the row that start at `first`: 4 * windows neighbours for the one, as many for the
/// other, and two more.
class TwoGroups {
 public:
  TwoGroups() {
    struct Columns {
      alignas(64) std::int32_t of_lane[lanes];
    };
    static constexpr Columns columns = [] {
      Columns result = {};
      for (int lane = 0; lane < lanes; ++lane) {
        const int group = lane / group_floats, tap_column = lane % group_floats / windows, window = lane % windows;
        result.of_lane[lane] = 2 * (windows * group + window) + tap_column;
      }
      return result;
    }();
    column_ = hn::Load(Indices(), columns.of_lane);
  }

  HWY_INLINE V inside(const float* x, int first) const {
    return hn::TableLookupLanes(hn::LoadU(Whole(), x + first), hn::IndicesFromVec(Whole(), column_));
  }

  /// Zero where a column is outside the row.
  HWY_INLINE V partly_inside(const float* x, int width, int first) const {
    const Whole d;
    const Indices d_int;
    const int loaded = std::max(first, 0), count = std::min(lanes, width - loaded);
    if (count <= 0 || first <= -lanes) return hn::Zero(d);
    const V pixels = hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, x + loaded);
    const auto place = hn::Add(column_, hn::Set(d_int, first - loaded));
    const auto order = hn::IndicesFromVec(d, hn::Max(place, hn::Zero(d_int)));
    return hn::IfThenZeroElse(hn::RebindMask(d, hn::Lt(place, hn::Zero(d_int))), hn::TableLookupLanes(pixels, order));
  }

 private:
  hn::Vec<Indices> column_;
};

void fill_groups(const OctetsFill& fill) {
  const Whole d;
  const int count = static_cast<int>(block_count(fill.windows, 2 * windows));
  if (!fill.x) return std::fill_n(fill.groups, std::int64_t{count} * lanes, 0.0f), void();
  const TwoGroups groups;
  const float* const x = fill.x;
  const int width = fill.width;
  int first = fill.left;
  for (float* to = fill.groups; to < fill.groups + std::int64_t{count} * lanes; to += lanes, first += 4 * windows)
    hn::Store(first >= 0 && first + lanes <= width ? groups.inside(x, first) : groups.partly_inside(x, width, first), d,
              to);
}

/// The group's pixels of a column, repeated for every channel.
HWY_INLINE V broadcast_pixels(const float* pixels) {
  const Whole d;
  if constexpr (windows == 1) return hn::Set(d, *pixels);
  double pair;
  std::memcpy(&pair, pixels, sizeof pair);
  return hn::BitCast(d, hn::Set(hn::Repartition<double, Whole>(), pair));
}

/// An octet's values, each repeated for every window.
HWY_INLINE V load_channels(const float* values) {
  const Whole d;
  if constexpr (windows == 1) return hn::LoadU(d, values);
  alignas(64) static constexpr std::int32_t channel[16] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
  const auto once = hn::LoadU(hn::Half<Whole>(), values);
  return hn::TableLookupLanes(hn::Combine(d, once, once), hn::SetTableIndices(d, channel));
}

/// The sums, at places 2 * row + column, of a group's windows for an octet.
HWY_INLINE void sum_group(const OctetsRow& row, std::int64_t group, const V (&w)[9], V (&sum)[4]) {
  MIEN_UNROLL
  for (int place = 0; place < 4; ++place) sum[place] = hn::Zero(Whole());
  MIEN_UNROLL
  for (int r = 0; r < 4; ++r) {
    const float* const x = row.x[r] + group * group_floats;
    MIEN_UNROLL
    for (int c = 0; c < 4; ++c) {
      const V pixels = broadcast_pixels(x + c * windows);
      // Each sum meets its taps in their order.
      MIEN_UNROLL
      for (int place = 0; place < 4; ++place) {
        const int i = r - place / 2, j = c - place % 2;
        if (i >= 0 && i < 3 && j >= 0 && j < 3) sum[place] = hn::MulAdd(pixels, w[3 * i + j], sum[place]);
      }
    }
  }
}

/// Stores the octets of `count` windows, in order, each out_channels after the one before.
template <class D>
HWY_INLINE void store_octets(D d, hn::Vec<D> v, int count, std::int64_t out_channels, hn::TFromD<D>* to) {
  if (count == windows && (windows == 1 || out_channels == octet)) return hn::StoreU(v, d, to);
  const hn::Half<D> half;
  hn::StoreU(hn::LowerHalf(half, v), half, to);
  if (count == windows) hn::StoreU(hn::UpperHalf(half, v), half, to + out_channels);
}

/// The row's windows for an octet of channels. With `numbers_alone`, every sum is taken for a number, and false
/// returned where one was none: a look at the end of the row costs less than one at each window.
template <ActivationKind kind, bool wants_argmax, bool numbers_alone>
HWY_INLINE bool pooled_octet(const OctetsRow& row, int first) {
  const Whole d;
  const Bytes d_byte;
  V w[9];
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) w[tap] = load_channels(row.w + std::int64_t{tap} * row.out_channels + first);
  const V bias = row.bias ? load_channels(row.bias + first) : hn::Zero(d);
  alignas(64) std::int32_t lane_of[lanes];
  for (int lane = 0; lane < lanes; ++lane) lane_of[lane] = lane % octet * windows + lane / octet;
  const auto order = hn::SetTableIndices(d, lane_of);
  const auto byte_order =
      hn::TruncateTo(d_byte, hn::BitCast(hn::RebindToUnsigned<Indices>(), hn::Load(Indices(), lane_of)));
  NanProbe<Whole> probe(d);
  if constexpr (numbers_alone) probe.add({hn::Zero(d), bias, hn::Zero(d), bias});
  for (int window = 0; window < row.windows; window += windows) {
    V sum[4];
    sum_group(row, window / windows, w, sum);
    PooledVector<Whole> pooled;
    if constexpr (numbers_alone && !wants_argmax) {
      // The greatest sum, with the bias, is the greatest of the sums with it.
      probe.add(sum);
      const V greatest = hn::Max(hn::Max(sum[0], sum[1]), hn::Max(sum[2], sum[3]));
      pooled.maximum = activate_vector<kind>(d, hn::Add(greatest, bias), row.activation);
    } else {
      MIEN_UNROLL
      for (int place = 0; place < 4; ++place) sum[place] = hn::Add(sum[place], bias);
      if constexpr (numbers_alone) {
        probe.add(sum);
        pooled = pool_numbers<kind, wants_argmax>(d, sum, row.activation);
      } else {
        pooled = pool_vectors<kind, wants_argmax>(d, sum, row.activation);
      }
    }
    const int count = std::min(windows, row.windows - window);
    const std::int64_t to = std::int64_t{window} * row.out_channels + first;
    store_octets(d, hn::TableLookupLanes(pooled.maximum, order), count, row.out_channels, row.y + to);
    if constexpr (wants_argmax)
      store_octets(d_byte, hn::TableLookupBytes(pooled.argmax, byte_order), count, row.out_channels, row.argmax + to);
  }
  return !numbers_alone || !probe.found(d);
}

template <ActivationKind kind, bool wants_argmax>
HWY_NOINLINE void pooled_octets(const OctetsRow& row) {
  for (int first = 0; first < row.out_channels; first += octet) {
    if constexpr (activates_last<kind>)
      if (HWY_LIKELY((pooled_octet<kind, wants_argmax, true>(row, first)))) continue;
    pooled_octet<kind, wants_argmax, false>(row, first);
  }
}

void pooled_row(const OctetsRow& row) {
  with_kind(row.activation.kind, [&]<ActivationKind kind>() {
    row.argmax ? pooled_octets<kind, true>(row) : pooled_octets<kind, false>(row);
  });
}

const OctetsKernels* octets_table() {
  static constexpr OctetsKernels table = {windows, fill_groups, pooled_row};
  return &table;
}

#else

const OctetsKernels* octets_table() {
  static constexpr OctetsKernels table = {};
  return &table;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(octets_table);

const OctetsKernels& octets_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(octets_table)();
}

}  // namespace mien::kernels::cpu
#endif

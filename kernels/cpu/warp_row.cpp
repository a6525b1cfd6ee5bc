// The loops of a warped row (warp_row.h), compiled once per instruction set. Places are computed in double, whatever
// the picture's type: a float would be off by a thousandth of a pixel's weight at the far end of a large picture.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/warp_row.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/warp_row.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Whether a place along an axis of `size` pixels lies outside.
template <class D, class V>
HWY_INLINE hn::Mask<D> is_outside(D d, V place, int size) {
  return hn::Or(hn::Lt(place, hn::Zero(d)), hn::Gt(place, hn::Set(d, size - 1.0)));
}

/// Brings places along an axis of `size` pixels into 0 … size-1 (WarpFill::wrap: below size).
template <WarpFill fill, class D, class V>
HWY_INLINE V inside(D d, V place, int size) {
  const V zero = hn::Zero(d), last = hn::Set(d, size - 1.0);
  if constexpr (fill == WarpFill::wrap) {
    const V length = hn::Set(d, static_cast<double>(size));
    place = hn::NegMulAdd(hn::Floor(hn::Div(place, length)), length, place);
    return hn::IfThenElse(hn::Lt(place, length), place, zero);
  }
  if constexpr (fill == WarpFill::reflect) {  // a triangle wave of period 2 size, from edge to edge
    const auto outside = is_outside(d, place, size);
    if (!hn::AllFalse(d, outside)) {
      const V half = hn::Set(d, 0.5), period = hn::Set(d, 2.0 * size), from_edge = hn::Add(place, half);
      const V wave = hn::NegMulAdd(hn::Floor(hn::Div(from_edge, period)), period, from_edge);
      place = hn::IfThenElse(outside, hn::Sub(hn::Min(wave, hn::Sub(period, wave)), half), place);
    }
  }
  if constexpr (fill == WarpFill::wrap_middle) {  // below 0 into 0 … last but not 0 itself, as scipy
    const auto outside = is_outside(d, place, size);
    if (!hn::AllFalse(d, outside) && size > 1) {
      const V turns_up = hn::Add(hn::Floor(hn::Div(hn::Neg(place), last)), hn::Set(d, 1.0));
      const V turns = hn::IfThenElse(hn::Lt(place, zero), turns_up, hn::Neg(hn::Floor(hn::Div(place, last))));
      place = hn::IfThenElse(outside, hn::MulAdd(turns, last, place), place);
    }
  }
  return hn::Min(hn::Max(place, zero), last);
}

/// The pixel next to a place that lies inside. Between the last one and the first (WarpFill::wrap) that is either.
template <class D, class V>
HWY_INLINE V nearest_pixel(D d, V place, int size) {
  const V pixel = hn::Floor(hn::Add(place, hn::Set(d, 0.5)));
  return hn::IfThenElse(hn::Lt(pixel, hn::Set(d, static_cast<double>(size))), pixel, hn::Zero(d));
}

template <WarpFill fill>
void places_filled(const Warp& warp, int row, WarpRow& to) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<std::int32_t, decltype(d)> d_int;
  const hn::Rebind<float, decltype(d)> d_float;
  const double result_row = warp.flip_rows ? warp.height - 1 - row : row;
  const auto row_start = hn::Set(d, warp.row_map[2] + warp.row_map[0] * result_row);
  const auto column_start = hn::Set(d, warp.column_map[2] + warp.column_map[0] * result_row);
  const auto row_step = hn::Set(d, warp.row_map[1]), column_step = hn::Set(d, warp.column_map[1]);
  const auto pitch = hn::Set(d_int, plane_pitch(warp));
  const int height = warp.height, width = warp.width, lanes = static_cast<int>(hn::Lanes(d));
  const double direction = warp.flip_columns ? -1 : 1;
  auto column = hn::Mul(hn::Iota(d, 0.0), hn::Set(d, direction));
  if (warp.flip_columns) column = hn::Add(column, hn::Set(d, width - 1.0));
  const auto next_columns = hn::Set(d, direction * lanes);
  // To the end of the last vector of floats, so that `blend` finds good places behind the row's end too.
  const int floats = 2 * lanes, end = (width + floats - 1) / floats * floats;
  for (int i = 0; i < end; i += lanes, column = hn::Add(column, next_columns)) {
    // Rounded step by step as scipy does, not fused: a place on the very edge falls on the same side of it.
    const auto row_place = hn::Add(row_start, hn::Mul(row_step, column));
    const auto column_place = hn::Add(column_start, hn::Mul(column_step, column));
    auto down = inside<fill>(d, row_place, height), right = inside<fill>(d, column_place, width);
    if (!warp.interpolate) {
      down = nearest_pixel(d, down, height);
      right = nearest_pixel(d, right, width);
    }
    const auto upper = hn::DemoteTo(d_int, down), left = hn::DemoteTo(d_int, right);  // from 0 on: cut is floor
    auto offset = hn::Add(hn::Mul(upper, pitch), left);
    if constexpr (fill == WarpFill::constant) {
      const auto outside = hn::Or(is_outside(d, row_place, height), is_outside(d, column_place, width));
      const auto out = hn::DemoteTo(d_int, hn::IfThenElseZero(outside, hn::Set(d, 1.0)));
      offset = hn::IfThenElse(hn::Eq(out, hn::Zero(d_int)), offset, hn::Set(d_int, -1));
    }
    hn::StoreU(offset, d_int, to.offsets.data() + i);
    hn::StoreU(hn::DemoteTo(d_float, hn::Sub(down, hn::PromoteTo(d, upper))), d_float, to.down.data() + i);
    hn::StoreU(hn::DemoteTo(d_float, hn::Sub(right, hn::PromoteTo(d, left))), d_float, to.right.data() + i);
  }
}

void places_of_row(const Warp& warp, int row, WarpRow& to) {
  switch (warp.fill) {
    case WarpFill::nearest:
      return places_filled<WarpFill::nearest>(warp, row, to);
    case WarpFill::constant:
      return places_filled<WarpFill::constant>(warp, row, to);
    case WarpFill::reflect:
      return places_filled<WarpFill::reflect>(warp, row, to);
    case WarpFill::wrap:
      return places_filled<WarpFill::wrap>(warp, row, to);
    case WarpFill::wrap_middle:
      return places_filled<WarpFill::wrap_middle>(warp, row, to);
  }
}

/// pairs[i] = upper[i] + 256 * lower[i].
void pair_rows(const std::uint8_t* upper, const std::uint8_t* lower, int width, std::uint16_t* pairs) {
  const hn::ScalableTag<std::uint16_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + lanes <= width; i += lanes) {
    const auto above = hn::PromoteTo(d, hn::LoadU(d_byte, upper + i)),
               below = hn::PromoteTo(d, hn::LoadU(d_byte, lower + i));
    hn::StoreU(hn::Or(above, hn::ShiftLeft<8>(below)), d, pairs + i);
  }
  for (; i < width; ++i) pairs[i] = static_cast<std::uint16_t>(upper[i] | lower[i] << 8);
}

/// Calls neighbours(d, offsets, upper_left, upper_right, lower_left, lower_right) for each vector of the row and stores
/// the blend. Equal neighbours give their value exactly, whatever the weights.
template <class Neighbours>
HWY_INLINE void blend(const Warp& warp, const WarpRow& row, float* values, const Neighbours& neighbours) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> d_int;
  for (int i = 0; i < warp.width; i += static_cast<int>(hn::Lanes(d))) {
    const auto stored = hn::LoadU(d_int, row.offsets.data() + i);
    const auto offsets = warp.fill == WarpFill::constant ? hn::Max(stored, hn::Zero(d_int)) : stored;
    auto upper_left = hn::Zero(d), upper_right = hn::Zero(d), lower_left = hn::Zero(d), lower_right = hn::Zero(d);
    neighbours(d, offsets, upper_left, upper_right, lower_left, lower_right);
    const auto right = hn::LoadU(d, row.right.data() + i), down = hn::LoadU(d, row.down.data() + i);
    const auto upper = hn::MulAdd(right, hn::Sub(upper_right, upper_left), upper_left);
    const auto lower = hn::MulAdd(right, hn::Sub(lower_right, lower_left), lower_left);
    auto value = hn::MulAdd(down, hn::Sub(lower, upper), upper);
    if (warp.fill == WarpFill::constant)
      value = hn::IfThenElse(hn::RebindMask(d, hn::Lt(stored, hn::Zero(d_int))), hn::Set(d, warp.fill_value), value);
    hn::StoreU(value, d, values + i);
  }
}

void byte_values(const std::uint16_t* plane, const Warp& warp, const WarpRow& places, float* values) {
  blend(warp, places, values,
        [&](auto d, auto offsets, auto& upper_left, auto& upper_right, auto& lower_left, auto& lower_right) HWY_ATTR {
          const hn::RebindToSigned<decltype(d)> d_int;
          const auto four =
              hn::GatherOffset(d_int, reinterpret_cast<const std::int32_t*>(plane), hn::ShiftLeft<1>(offsets));
          const auto byte = hn::Set(d_int, 255);
          upper_left = hn::ConvertTo(d, hn::And(four, byte));
          lower_left = hn::ConvertTo(d, hn::And(hn::ShiftRight<8>(four), byte));
          upper_right = hn::ConvertTo(d, hn::And(hn::ShiftRight<16>(four), byte));
          lower_right = hn::ConvertTo(d, hn::And(hn::ShiftRight<24>(four), byte));
        });
}

void float_values(const float* plane, const Warp& warp, const WarpRow& places, float* values) {
  const float* const below = plane + plane_pitch(warp);
  blend(warp, places, values,
        [&](auto d, auto offsets, auto& upper_left, auto& upper_right, auto& lower_left, auto& lower_right) HWY_ATTR {
          upper_left = hn::GatherIndex(d, plane, offsets);
          upper_right = hn::GatherIndex(d, plane + 1, offsets);
          lower_left = hn::GatherIndex(d, below, offsets);
          lower_right = hn::GatherIndex(d, below + 1, offsets);
        });
}

void join_colours_of_row(const float* red, const float* green, const float* blue, int width, float* colours) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + lanes <= width; i += lanes)
    hn::StoreInterleaved3(hn::LoadU(d, red + i), hn::LoadU(d, green + i), hn::LoadU(d, blue + i), d, colours + 3 * i);
  for (; i < width; ++i) colours[3 * i] = red[i], colours[3 * i + 1] = green[i], colours[3 * i + 2] = blue[i];
}

const WarpKernels* warp_table() {
  static constexpr WarpKernels table = {places_of_row, byte_values, float_values, pair_rows, join_colours_of_row};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(warp_table);

const WarpKernels& warp_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(warp_table)();
}

void WarpRow::resize(int width, int channels) {
  const std::size_t room = static_cast<std::size_t>(width) + 64;  // no vector has more elements
  offsets.resize(room), down.resize(room), right.resize(room);
  values.resize(room * static_cast<std::size_t>(channels));
}

}  // namespace mien::kernels::cpu
#endif

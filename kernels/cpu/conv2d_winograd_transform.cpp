// Winograd's transforms of input and weights (conv2d_winograd_kernels.h), compiled once per instruction set. Both are
// separable: one function of six cells (or three weights), along the columns of a patch, then along its rows. Tiles
// side by side share the columns between them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_winograd_transform.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/conv2d_winograd_kernels.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int patch = winograd_patch;

/// B' d for the points 0, +-a, +-b, infinity, where a = 1/sqrt(2), b = sqrt(2): row i holds the coefficients of
/// the product of (x - p) over all other points p, so that a^2 b^2 = 1 and a^2 + b^2 = 5/2.
template <class D, class V>
HWY_INLINE void transform_cells(D d, const V (&cell)[patch], V (&value)[patch]) {
  const V a = hn::Set(d, 0.70710678118654752440f), b = hn::Set(d, 1.41421356237309504880f);
  const V a_squared = hn::Set(d, 0.5f), b_squared = hn::Set(d, 2.0f), both = hn::Set(d, 2.5f);
  value[0] = hn::NegMulAdd(both, cell[2], hn::Add(cell[0], cell[4]));
  const V even_a = hn::NegMulAdd(b_squared, cell[2], cell[4]), odd_a = hn::NegMulAdd(b_squared, cell[1], cell[3]);
  value[1] = hn::MulAdd(a, odd_a, even_a);
  value[2] = hn::NegMulAdd(a, odd_a, even_a);
  const V even_b = hn::NegMulAdd(a_squared, cell[2], cell[4]), odd_b = hn::NegMulAdd(a_squared, cell[1], cell[3]);
  value[3] = hn::MulAdd(b, odd_b, even_b);
  value[4] = hn::NegMulAdd(b, odd_b, even_b);
  value[5] = hn::NegMulAdd(both, cell[3], hn::Add(cell[1], cell[5]));
}

/// G w: the polynomial w0 + w1 x + w2 x^2 at each point p, divided by the product of (p - q) over the finite points
/// q other than p: 1 for 0, -3/2 for +-a, 6 for +-b.
template <class D, class V>
HWY_INLINE void transform_taps(D d, const V (&tap)[3], V (&value)[patch]) {
  const V a_share = hn::Set(d, static_cast<float>(-1.0 / 1.5)), b_share = hn::Set(d, static_cast<float>(1.0 / 6.0));
  const V a_even = hn::Mul(a_share, hn::MulAdd(hn::Set(d, 0.5f), tap[2], tap[0]));
  const V b_even = hn::Mul(b_share, hn::MulAdd(hn::Set(d, 2.0f), tap[2], tap[0]));
  const V a_odd = hn::Set(d, static_cast<float>(-0.70710678118654752440 / 1.5));
  const V b_odd = hn::Set(d, static_cast<float>(1.41421356237309504880 / 6.0));
  value[0] = tap[0];
  value[1] = hn::MulAdd(a_odd, tap[1], a_even);
  value[2] = hn::NegMulAdd(a_odd, tap[1], a_even);
  value[3] = hn::MulAdd(b_odd, tap[1], b_even);
  value[4] = hn::NegMulAdd(b_odd, tap[1], b_even);
  value[5] = tap[2];
}

constexpr int strip_columns = winograd_strip * winograd_tile + patch - winograd_tile;

/// The columns of a strip after the first half of the transform, down the columns: row after row, column after column,
/// some channels of each.
struct Halves {
  alignas(64) float value[patch][strip_columns * HWY_MAX_BYTES / sizeof(float)];
};

/// That half for one vector of cells: `place` floats into the rows of the picture, and to `to` in those of halves.
template <class D>
HWY_INLINE void transform_columns(D d, const WinogradInput& input, int column, std::int64_t channel, std::int64_t to,
                                  Halves& halves) {
  using V = hn::Vec<D>;
  V cell[patch], value[patch];
  MIEN_UNROLL
  for (int row = 0; row < patch; ++row)
    cell[row] = hn::LoadU(d, input.row[row] + std::int64_t{input.left + column} * input.column_pitch[row] + channel);
  transform_cells(d, cell, value);
  MIEN_UNROLL
  for (int row = 0; row < patch; ++row) hn::StoreU(value[row], d, halves.value[row] + to);
}

/// Zeros in the columns that are not in the picture, of `size` floats each.
HWY_INLINE void clear_outside(const WinogradInput& input, int size, Halves& halves) {
  const int columns = input.tiles * winograd_tile + patch - winograd_tile;
  if (input.first == 0 && input.last == columns) return;
  for (float* const row :
       {halves.value[0], halves.value[1], halves.value[2], halves.value[3], halves.value[4], halves.value[5]}) {
    std::fill(row, row + input.first * size, 0.0f);
    std::fill(row + input.last * size, row + columns * size, 0.0f);
  }
}

/// The input transform of one vector of channels.
template <class D>
HWY_INLINE void input_vector(D d, const WinogradInput& input, std::int64_t channel) {
  constexpr int lanes = static_cast<int>(hn::MaxLanes(D()));
  Halves halves;
  clear_outside(input, lanes, halves);
  for (int column = input.first; column < input.last; ++column)
    transform_columns(d, input, column, channel, std::int64_t{column} * lanes, halves);
  float* v = input.v + channel / input.block * input.v_block_step + channel % input.block;
  for (int i = 0; i < input.tiles; ++i, v += input.block)
    for (int row = 0; row < patch; ++row) {
      hn::Vec<D> cell[patch], value[patch];
      MIEN_UNROLL
      for (int column = 0; column < patch; ++column)
        cell[column] = hn::LoadU(d, halves.value[row] + (winograd_tile * i + column) * lanes);
      transform_cells(d, cell, value);
      MIEN_UNROLL
      for (int column = 0; column < patch; ++column)
        hn::StoreU(value[column], d, v + (row * patch + column) * input.v_step);
    }
}

#if HWY_MAX_BYTES == 64
/// The same where two cells of all channels fill a vector: first two columns of one tile, then a column of two tiles.
void transform_octets(const WinogradInput& input) {
  const hn::CappedTag<float, 16> d;
  const hn::Half<decltype(d)> half;
  using V = hn::Vec<decltype(d)>;
  constexpr int octet = 8;
  Halves halves;
  clear_outside(input, octet, halves);
  // A row of zeros has no second column; it can only be at the top or the bottom.
  const bool pairs = input.column_pitch[0] > 0 && input.column_pitch[patch - 1] > 0;
  int column = input.first;
  for (; pairs && column + 2 <= input.last; column += 2) transform_columns(d, input, column, 0, column * octet, halves);
  for (; column < input.last; ++column) transform_columns(half, input, column, 0, column * octet, halves);
  for (int i = 0; i < input.tiles; i += 2)
    for (int row = 0; row < patch; ++row) {
      // Behind the last of an odd number of tiles lies what was left there: its result is not stored.
      const float* const from = halves.value[row] + winograd_tile * i * octet;
      V two[5], cell[patch], value[patch];
      MIEN_UNROLL
      for (int k = 0; k < 5; ++k) two[k] = hn::LoadU(d, from + 2 * octet * k);
      MIEN_UNROLL
      for (int k = 0; k < 3; ++k) {
        cell[2 * k] = hn::ConcatLowerLower(d, two[k + 2], two[k]);
        cell[2 * k + 1] = hn::ConcatUpperUpper(d, two[k + 2], two[k]);
      }
      transform_cells(d, cell, value);
      float* v = input.v + i * octet + row * patch * input.v_step;
      MIEN_UNROLL
      for (int k = 0; k < patch; ++k, v += input.v_step) {
        if (i + 2 <= input.tiles)
          hn::StoreU(value[k], d, v);
        else
          hn::StoreU(hn::LowerHalf(half, value[k]), half, v);
      }
    }
}
#endif

void transform_input(const WinogradInput& input) {
#if HWY_MAX_BYTES == 64
  if (input.channels == 8 && input.block == 8) return transform_octets(input);
#endif
  for_each_vector(0, input.channels, [&](auto d, std::int64_t channel) HWY_ATTR { input_vector(d, input, channel); });
}

/// The weight transform of one vector of out-channels.
template <class D>
HWY_INLINE void weights_vector(D d, const float* w, std::int64_t tap_step, float* u, std::int64_t u_step) {
  using V = hn::Vec<D>;
  V half[patch][3];
  MIEN_UNROLL
  for (int column = 0; column < 3; ++column) {
    const V tap[3] = {hn::LoadU(d, w + column * tap_step), hn::LoadU(d, w + (3 + column) * tap_step),
                      hn::LoadU(d, w + (6 + column) * tap_step)};
    V value[patch];
    transform_taps(d, tap, value);
    MIEN_UNROLL
    for (int row = 0; row < patch; ++row) half[row][column] = value[row];
  }
  MIEN_UNROLL
  for (int row = 0; row < patch; ++row) {
    V value[patch];
    transform_taps(d, half[row], value);
    MIEN_UNROLL
    for (int column = 0; column < patch; ++column, u += u_step) hn::StoreU(value[column], d, u);
  }
}

void transform_weights(const WinogradWeights& weights) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 8> narrow;
  const int lanes = static_cast<int>(hn::Lanes(wide)), narrow_lanes = static_cast<int>(hn::Lanes(narrow));
  for (int in = 0; in < weights.in_channels; ++in) {
    const float* const w = weights.w + in * weights.in_step;
    float* const u = weights.u + std::int64_t{in} * weights.panel_columns;
    if (weights.panel_columns >= lanes) {
      for (int c = 0; c < weights.panel_columns; c += lanes)
        weights_vector(wide, w + c, weights.tap_step, u + c, weights.u_step);
    } else {
      for (int c = 0; c < weights.panel_columns; c += narrow_lanes)
        weights_vector(narrow, w + c, weights.tap_step, u + c, weights.u_step);
    }
  }
}

const WinogradTransforms* transforms_table() {
  static constexpr WinogradTransforms table = {transform_input, transform_weights};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(transforms_table);

const WinogradTransforms& winograd_transforms() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(transforms_table)();
}

}  // namespace mien::kernels::cpu
#endif

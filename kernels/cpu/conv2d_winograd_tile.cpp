// Winograd's products, and the way from them to the result (conv2d_winograd_kernels.h), compiled once per instruction
// set. The products are small matrix products over a register tile of their own: unlike gemm_tile.h's its rows lie
// evenly spaced, and one call does all frequencies. The result's transform, bias, activation and pool happen in
// registers; only y (and the argmax bytes) are written.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_winograd_tile.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/conv2d_epilogue-inl.h"
#include "mien/kernels/cpu/conv2d_winograd_kernels.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
/// Half a wide vector, where a panel of eight columns would waste it.
using Narrow = hn::CappedTag<float, 8>;

constexpr int tile = winograd_tile, patch = winograd_patch;
/// Tiles of a register tile of two vectors: 16 accumulators of 32 registers, or 12 of 16.
constexpr int pair_rows = HWY_TARGET == HWY_AVX3 ? 8 : 6;
/// Tiles of one of a single vector, and of a block: V and M of so few stay in the second cache beside U.
constexpr int single_rows = 2 * pair_rows;
static_assert(single_rows <= winograd_block_tiles);

constexpr int wide_lanes = static_cast<int>(hn::MaxLanes(Wide()));
constexpr int narrow_lanes = static_cast<int>(hn::MaxLanes(Narrow()));

/// Floats of a panel's U that are found in a cache, if any are: 256 KB.
constexpr std::int64_t cached_panel = 1 << 16;

int panel_columns(int remaining) {
  if (remaining <= narrow_lanes) return narrow_lanes;
  const bool pair = remaining > wide_lanes && (narrow_lanes == wide_lanes || remaining > wide_lanes + narrow_lanes);
  return pair ? 2 * wide_lanes : wide_lanes;
}

int channel_block(int in_channels) { return in_channels <= narrow_lanes ? narrow_lanes : wide_lanes; }

/// M of `rows` tiles at one frequency: each element one chain of multiply-adds over the in-channels, in order. `block`
/// is how many channels of a tile lie side by side. `fetches`: U may come from memory, and is asked for early;
/// frequency by frequency, a panel's lies in one piece.
template <int rows, int vectors, int block, bool fetches, class D>
HWY_INLINE void multiply_rows(D d, const float* v, std::int64_t v_block_step, const float* u, int in_channels,
                              float* m) {
  using V = hn::Vec<D>;
  constexpr int columns = vectors * static_cast<int>(hn::MaxLanes(D()));
  V sum[rows][vectors];
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    MIEN_UNROLL
    for (int c = 0; c < vectors; ++c) sum[r][c] = hn::Zero(d);
  }
  for (int in = 0; in < in_channels; in += block, v += v_block_step) {
    const int count = std::min(block, in_channels - in);
    for (int i = 0; i < count; ++i, u += columns) {
      V factor[vectors];
      MIEN_UNROLL
      for (int c = 0; c < vectors; ++c) {
        factor[c] = hn::LoadU(d, u + c * hn::Lanes(d));
        if constexpr (fetches) __builtin_prefetch(u + c * hn::Lanes(d) + memory_ahead, 0, 2);
      }
      MIEN_UNROLL
      for (int r = 0; r < rows; ++r) {
        const V value = hn::Set(d, v[r * block + i]);
        MIEN_UNROLL
        for (int c = 0; c < vectors; ++c) sum[r][c] = hn::MulAdd(value, factor[c], sum[r][c]);
      }
    }
  }
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    MIEN_UNROLL
    for (int c = 0; c < vectors; ++c) hn::StoreU(sum[r][c], d, m + r * columns + c * hn::Lanes(d));
  }
}

template <int rows, int vectors, int block, bool fetches, class D>
HWY_NOINLINE void multiply_panel(D d, const WinogradProduct& p) {
  for (int frequency = 0; frequency < winograd_frequencies; ++frequency) {
    const float* const v = p.v + frequency * p.v_step;
    const float* const u = p.u + frequency * p.u_step;
    float* const m = p.m + frequency * p.m_step;
    int row = 0;
    if (rows / 2 < p.tiles) {
      multiply_rows<rows, vectors, block, fetches>(d, v, p.v_block_step, u, p.in_channels, m);
      row = rows;
    }
    for (; row + rows / 2 < p.tiles; row += rows)
      multiply_rows<rows, vectors, block, false>(d, v + row * block, p.v_block_step, u, p.in_channels,
                                                 m + row * p.panel_columns);
    if (row < p.tiles)
      multiply_rows<rows / 2, vectors, block, fetches>(d, v + row * block, p.v_block_step, u, p.in_channels,
                                                       m + row * p.panel_columns);
  }
}

template <int block, bool fetches>
void multiply_blocks(const WinogradProduct& product) {
  if (product.panel_columns > wide_lanes) return multiply_panel<pair_rows, 2, block, fetches>(Wide(), product);
  if (product.panel_columns == wide_lanes) return multiply_panel<single_rows, 1, block, fetches>(Wide(), product);
  multiply_panel<single_rows, 1, block, fetches>(Narrow(), product);
}

void multiply(const WinogradProduct& product) {
  // A panel of few in-channels stays in a cache from one block of tiles to the next.
  if (winograd_frequencies * product.u_step > cached_panel) return multiply_blocks<wide_lanes, true>(product);
  if (channel_block(product.in_channels) == wide_lanes) return multiply_blocks<wide_lanes, false>(product);
  multiply_blocks<narrow_lanes, false>(product);
}

/// A' m: row i holds the powers p^i of the points 0, +-1/sqrt(2), +-sqrt(2); infinity counts in the last row alone.
/// With a bias, each of the four gets it.
template <bool has_bias, class D, class V>
HWY_INLINE void transform_back(D d, const V (&value)[patch], V bias, V (&result)[tile]) {
  const V a = hn::Set(d, 0.70710678118654752440f), b = hn::Set(d, 1.41421356237309504880f);
  const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f);
  const V a_cubed = hn::Set(d, 0.35355339059327376220f), b_cubed = hn::Set(d, 2.82842712474619009760f);
  const auto scaled = [&](V factor, V term)
                          HWY_ATTR { return has_bias ? hn::MulAdd(factor, term, bias) : hn::Mul(factor, term); };
  const auto plus_bias = [&](V term) HWY_ATTR { return has_bias ? hn::Add(term, bias) : term; };
  const V even_a = hn::Add(value[1], value[2]), even_b = hn::Add(value[3], value[4]);
  const V odd_a = hn::Sub(value[1], value[2]), odd_b = hn::Sub(value[3], value[4]);
  result[0] = hn::Add(plus_bias(value[0]), hn::Add(even_a, even_b));
  result[1] = hn::MulAdd(a, odd_a, scaled(b, odd_b));
  result[2] = hn::MulAdd(half, even_a, scaled(two, even_b));
  result[3] = hn::MulAdd(a_cubed, odd_a, hn::MulAdd(b_cubed, odd_b, plus_bias(value[5])));
}

/// Writes the first `count` lanes; nearly always that is all of them.
template <class D, class V, class T>
HWY_INLINE void store(D d, V value, T* to, int count) {
  if (count >= static_cast<int>(hn::Lanes(d))) return hn::StoreU(value, d, to);
  alignas(64) T lane[hn::MaxLanes(D())];
  hn::Store(value, d, lane);
  std::copy_n(lane, count, to);
}

/// Reads the first `count` lanes.
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float* from, int count) {
  if (count >= static_cast<int>(hn::Lanes(d))) return hn::LoadU(d, from);
  alignas(64) float lane[hn::MaxLanes(D())] = {};
  std::copy_n(from, count, lane);
  return hn::Load(d, lane);
}

/// The result of one tile and one vector of channels. With `numbers_alone`, a pool takes every value for a number, and
/// false is returned where one was none.
template <ActivationKind kind, bool pool, bool wants_argmax, bool numbers_alone, class D>
HWY_INLINE bool output_vector(D d, const WinogradOutput& o, const WinogradPlace& place, const float* m, int channel) {
  using V = hn::Vec<D>;
  const hn::Rebind<std::uint8_t, D> d_byte;
  V half[tile][patch];
  MIEN_UNROLL
  for (int column = 0; column < patch; ++column) {
    V value[patch], result[tile];
    MIEN_UNROLL
    for (int row = 0; row < patch; ++row) value[row] = hn::LoadU(d, m + (row * patch + column) * o.m_step);
    transform_back<false>(d, value, value[0], result);
    MIEN_UNROLL
    for (int row = 0; row < tile; ++row) half[row][column] = result[row];
  }
  const V bias = hn::LoadU(d, o.bias + channel);
  const int count = o.channels - channel;
  const std::int64_t first = place.first + channel;
  NanProbe<D> probe(d);
  MIEN_UNROLL
  for (int row = 0; row < tile; row += 2) {
    V z[2][tile];
    MIEN_UNROLL
    for (int i = 0; i < 2; ++i) transform_back<true>(d, half[row + i], bias, z[i]);
    if constexpr (pool) {
      MIEN_UNROLL
      for (int column = 0; column < tile; column += 2) {
        const V block[4] = {z[0][column], z[0][column + 1], z[1][column], z[1][column + 1]};
        PooledVector<D> pooled;
        if constexpr (numbers_alone) {
          probe.add(block);
          pooled = pool_numbers<kind, wants_argmax>(d, block, o.activation);
        } else {
          pooled = pool_vectors<kind, wants_argmax>(d, block, o.activation);
        }
        if (row / 2 >= place.rows || column / 2 >= place.columns) continue;
        const std::int64_t to = first + row / 2 * o.row_pitch + column / 2 * o.column_pitch;
        store(d, pooled.maximum, o.y + to, count);
        if constexpr (wants_argmax) store(d_byte, pooled.argmax, o.argmax + to, count);
      }
    } else {
      MIEN_UNROLL
      for (int i = 0; i < 2; ++i) {
        MIEN_UNROLL
        for (int column = 0; column < tile; ++column) {
          if (row + i >= place.rows || column >= place.columns) continue;
          const std::int64_t to = first + (row + i) * o.row_pitch + column * o.column_pitch;
          if (o.residual) z[i][column] = hn::Add(z[i][column], load(d, o.residual + to, count));
          store(d, activate_vector<kind>(d, z[i][column], o.activation), o.y + to, count);
        }
      }
    }
  }
  return !numbers_alone || !probe.found(d);
}

template <ActivationKind kind, bool pool, bool wants_argmax, class D>
HWY_NOINLINE void output_panel(D d, const WinogradOutput& o) {
  for (int i = 0; i < o.tiles; ++i)
    for (int channel = 0; channel < o.channels; channel += hn::Lanes(d)) {
      const float* const m = o.m + std::int64_t{i} * o.panel_columns + channel;
      if constexpr (pool && activates_last<kind>)
        if (HWY_LIKELY((output_vector<kind, pool, wants_argmax, true>(d, o, o.places[i], m, channel)))) continue;
      output_vector<kind, pool, wants_argmax, false>(d, o, o.places[i], m, channel);
    }
}

template <class D>
void output_with(D d, const WinogradOutput& o) {
  with_kind(o.activation.kind, [&]<ActivationKind kind>() {
    if (!o.pool) return output_panel<kind, false, false>(d, o);
    o.argmax ? output_panel<kind, true, true>(d, o) : output_panel<kind, true, false>(d, o);
  });
}

void output(const WinogradOutput& o) {
  if (o.panel_columns < wide_lanes) return output_with(Narrow(), o);
  output_with(Wide(), o);
}

const WinogradProducts* products_table() {
  static constexpr WinogradProducts table = {single_rows, panel_columns, channel_block, multiply, output};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(products_table);

const WinogradProducts& winograd_products() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(products_table)();
}

}  // namespace mien::kernels::cpu
#endif

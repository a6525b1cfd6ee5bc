// The inner loops of the direct convolution for one input channel (conv2d_narrow.h), compiled once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_narrow_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "mien/kernels/cpu/conv2d_epilogue-inl.h"
#include "mien/kernels/cpu/conv2d_narrow.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<float>;
using V = hn::Vec<Whole>;
using Bytes = hn::Rebind<std::uint8_t, Whole>;

constexpr int most_lanes = HWY_MAX_BYTES / sizeof(float);
/// Output channels whose results change their order together.
constexpr int tile_channels = 4;

/// The 16 pixels under a vector of blocks; they stay in registers for all output channels.
HWY_INLINE void load_pixels(const NarrowRow& row, std::int64_t block, V (&pixel)[4][4]) {
  const Whole d;
  MIEN_UNROLL
  for (int r = 0; r < 4; ++r) {
    MIEN_UNROLL
    for (int c = 0; c < 4; ++c) pixel[r][c] = hn::Load(d, row.x[r] + c * row.pitch + block);
  }
}

/// Output channels summed at once: their chains of multiply-adds, and then their epilogues, fill each other's waits.
constexpr int pair = 2;

/// The four sums, at places 2 * row + column, of a vector of blocks for two output channels, with their bias.
HWY_INLINE void sum_blocks(const NarrowRow& row, const V (&pixel)[4][4], const int (&channel)[pair],
                           V (&sum)[pair][4]) {
  const Whole d;
  MIEN_UNROLL
  for (int k = 0; k < pair; ++k) {
    MIEN_UNROLL
    for (int place = 0; place < 4; ++place) sum[k][place] = hn::Zero(d);
  }
  const float* w = row.w;
  MIEN_UNROLL
  for (int i = 0; i < 3; ++i) {
    MIEN_UNROLL
    for (int j = 0; j < 3; ++j, w += row.out_channels) {
      MIEN_UNROLL
      for (int k = 0; k < pair; ++k) {
        const V factor = hn::Set(d, w[channel[k]]);
        MIEN_UNROLL
        for (int place = 0; place < 4; ++place)
          sum[k][place] = hn::MulAdd(pixel[i + place / 2][j + place % 2], factor, sum[k][place]);
      }
    }
  }
  if (!row.bias) return;
  MIEN_UNROLL
  for (int k = 0; k < pair; ++k) {
    const V bias = hn::Set(d, row.bias[channel[k]]);
    MIEN_UNROLL
    for (int place = 0; place < 4; ++place) sum[k][place] = hn::Add(sum[k][place], bias);
  }
}

/// Stores four vectors, of a channel each, so that each lane's four values lie side by side.
template <class D, class Vector>
HWY_INLINE void store_side_by_side(D d, const Vector (&v)[tile_channels], hn::TFromD<D>* to) {
#if HWY_TARGET == HWY_SCALAR
  for (int c = 0; c < tile_channels; ++c) hn::StoreU(v[c], d, to + c);
#else
  hn::StoreInterleaved4(v[0], v[1], v[2], v[3], d, to);
#endif
}

/// Copies `channels` of each four values to places `pitch` apart.
template <class T>
HWY_INLINE void copy_apart(const T* from, int count, int channels, T* to, std::int64_t pitch) {
  if (channels == tile_channels) {
    for (int k = 0; k < count; ++k, to += pitch) std::memcpy(to, from + tile_channels * k, tile_channels * sizeof(T));
  } else {
    for (int k = 0; k < count; ++k, to += pitch) std::copy_n(from + tile_channels * k, channels, to);
  }
}

/// Calls result(channel of the tile, sums) for each channel of a vector of blocks and tile of channels, and then
/// store(block, first channel, channels). A tile that has fewer channels than others repeats its last.
template <class Result, class Store>
HWY_INLINE void for_each_tile(const NarrowRow& row, const Result& result, const Store& store) {
  const int lanes = static_cast<int>(hn::Lanes(Whole()));
  for (int block = 0; block < row.blocks; block += lanes) {
    V pixel[4][4];
    load_pixels(row, block, pixel);
    for (int first = 0; first < row.out_channels; first += tile_channels) {
      const int channels = std::min(tile_channels, row.out_channels - first);
      for (int c = 0; c < tile_channels; c += pair) {
        V sum[pair][4];
        const int last = first + channels - 1;
        sum_blocks(row, pixel, {std::min(first + c, last), std::min(first + c + 1, last)}, sum);
        MIEN_UNROLL
        for (int k = 0; k < pair; ++k) result(c + k, sum[k]);
      }
      store(block, first, channels);
    }
  }
}

template <ActivationKind kind>
void pooled_row(const NarrowRow& row) {
  const Whole d;
  const Bytes d_byte;
  const int lanes = static_cast<int>(hn::Lanes(d));
  V maximum[tile_channels];
  hn::Vec<Bytes> argmax[tile_channels];
  for_each_tile(
      row,
      [&](int c, const V(&sum)[4]) HWY_ATTR {
        const PooledVector<Whole> pooled = pool_vectors<kind>(d, sum, row.activation);
        maximum[c] = pooled.maximum;
        argmax[c] = pooled.argmax;
      },
      [&](int block, int first, int channels) HWY_ATTR {
        alignas(64) float y[tile_channels * most_lanes];
        store_side_by_side(d, maximum, y);
        const int count = std::min(lanes, row.blocks - block);
        const std::int64_t to = std::int64_t{block} * row.out_channels + first;
        copy_apart(y, count, channels, row.y + to, row.out_channels);
        if (!row.argmax) return;
        alignas(64) std::uint8_t places[tile_channels * most_lanes];
        store_side_by_side(d_byte, argmax, places);
        copy_apart(places, count, channels, row.argmax + to, row.out_channels);
      });
}

template <ActivationKind kind>
void plain_row(const NarrowRow& row) {
  const Whole d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  V y[4][tile_channels];
  for_each_tile(
      row,
      [&](int c, const V(&sum)[4]) HWY_ATTR {
        MIEN_UNROLL
        for (int place = 0; place < 4; ++place) y[place][c] = activate_vector<kind>(d, sum[place], row.activation);
      },
      [&](int block, int first, int channels) HWY_ATTR {
        for (int place = 0; place < 4; ++place) {
          float* const line = place < 2 ? row.y : row.lower;
          if (!line) continue;
          alignas(64) float values[tile_channels * most_lanes];
          store_side_by_side(d, y[place], values);
          const int column = 2 * block + place % 2, count = std::min(lanes, (row.columns - column + 1) / 2);
          copy_apart(values, count, channels, line + std::int64_t{column} * row.out_channels + first,
                     std::int64_t{2} * row.out_channels);
        }
      });
}

void narrow_plain(const NarrowRow& row) {
  with_kind(row.activation.kind, [&]<ActivationKind kind>() { plain_row<kind>(row); });
}

void narrow_pooled(const NarrowRow& row) {
  with_kind(row.activation.kind, [&]<ActivationKind kind>() { pooled_row<kind>(row); });
}

const NarrowKernels* narrow_table() {
  static constexpr NarrowKernels table = {narrow_plain, narrow_pooled};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(narrow_table);

const NarrowKernels& narrow_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(narrow_table)();
}

}  // namespace mien::kernels::cpu
#endif

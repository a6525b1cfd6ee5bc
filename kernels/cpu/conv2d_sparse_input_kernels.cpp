// The pool-sparse input gradient's inner loops (conv2d_sparse_input.h), compiled once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_sparse_input_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "mien/kernels/cpu/conv2d_sparse_input.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<float>;

/// The bits of those of 32 bytes that equal `value`.
HWY_INLINE std::uint32_t equal_bits(const std::uint8_t* bytes, std::uint8_t value) {
  const hn::CappedTag<std::uint8_t, sparse_channels> d;
  std::uint32_t bits = 0;
  if constexpr (HWY_MAX_BYTES >= 16) {
    for (std::size_t i = 0; i < sparse_channels; i += hn::Lanes(d))
      hn::StoreMaskBits(d, hn::Eq(hn::LoadU(d, bytes + i), hn::Set(d, value)),
                        reinterpret_cast<std::uint8_t*>(&bits) + i / 8);
  } else {
    for (int i = 0; i < sparse_channels; ++i) bits |= std::uint32_t{bytes[i] == value} << i;
  }
  return bits;
}

void mask_windows(const SparseMasking& masking) {
  const std::uint32_t wanted = ~std::uint32_t{0} >> (sparse_channels - masking.channels);
  const std::uint8_t* argmax = masking.argmax;
  for (int window = 0; window < masking.windows; ++window, argmax += masking.pitch) {
    std::uint8_t copy[sparse_channels];
    const std::uint8_t* bytes = argmax;
    if (masking.end - argmax < sparse_channels) bytes = copy, std::copy_n(argmax, masking.channels, copy);
    for (std::uint8_t place = 0; place < 4; ++place)
      masking.masks[window].place[place] = equal_bits(bytes, place) & wanted;
  }
}

/// Adds a list's gradients times their weights to the nine pixels round place (row, column) of the patch.
template <int row, int column, class D, class V>
HWY_INLINE void add_list(D d, std::uint32_t list, const float* dy, const float* w, V (&patch)[4][4]) {
  while (list != 0) {
    const int channel = std::countr_zero(list);
    list &= list - 1;
    const V gradient = hn::Set(d, dy[channel]);
    const float* const weights = w + static_cast<std::size_t>(channel) * (9 * hn::Lanes(d));
    MIEN_UNROLL
    for (int i = 0; i < 3; ++i) {
      MIEN_UNROLL
      for (int j = 0; j < 3; ++j)
        patch[row + i][column + j] =
            hn::MulAdd(gradient, hn::Load(d, weights + (3 * i + j) * hn::Lanes(d)), patch[row + i][column + j]);
    }
  }
}

/// The 4x4 patch under a window stays in registers, and slides right with the windows: its right half becomes the next
/// one's left half.
template <class D>
void scatter_row(const SparseScatter& scatter) {
  const D d;
  using V = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const float* dy = scatter.dy;
  float* row[4];
  V patch[4][4];
  MIEN_UNROLL
  for (int r = 0; r < 4; ++r) {
    row[r] = scatter.dx + r * scatter.row_pitch;
    patch[r][0] = hn::Load(d, row[r]);
    patch[r][1] = hn::Load(d, row[r] + lanes);
  }
  for (int window = 0; window < scatter.windows; ++window, dy += scatter.pitch) {
    const std::uint32_t* const list = scatter.masks[window].place;
    MIEN_UNROLL
    for (int r = 0; r < 4; ++r) {
      patch[r][2] = hn::Load(d, row[r] + 2 * lanes);
      patch[r][3] = hn::Load(d, row[r] + 3 * lanes);
    }
    add_list<0, 0>(d, list[0], dy, scatter.w, patch);
    add_list<0, 1>(d, list[1], dy, scatter.w, patch);
    add_list<1, 0>(d, list[2], dy, scatter.w, patch);
    add_list<1, 1>(d, list[3], dy, scatter.w, patch);
    MIEN_UNROLL
    for (int r = 0; r < 4; ++r) {
      hn::Store(patch[r][0], d, row[r]);
      hn::Store(patch[r][1], d, row[r] + lanes);
      patch[r][0] = patch[r][2];
      patch[r][1] = patch[r][3];
      row[r] += 2 * lanes;
    }
  }
  MIEN_UNROLL
  for (int r = 0; r < 4; ++r) {
    hn::Store(patch[r][0], d, row[r]);
    hn::Store(patch[r][1], d, row[r] + lanes);
  }
}

const SparseInputKernels* sparse_input_table() {
  static const SparseInputKernels table = {.lanes = static_cast<int>(hn::Lanes(Whole())),
                                           .mask = mask_windows,
                                           .scatter = {scatter_row<Whole>, scatter_row<hn::Half<Whole>>}};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sparse_input_table);

const SparseInputKernels& sparse_input_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(sparse_input_table)();
}

}  // namespace mien::kernels::cpu
#endif

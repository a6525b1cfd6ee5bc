// The inner loops of the pool-sparse weight gradient by lists (conv2d_sparse_lists.h), compiled once per instruction
// set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_sparse_lists_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/conv2d_sparse_lists.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/cpu/vectors-inl.h"
#include "mien/kernels/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<float>;
using Halved = hn::Half<Whole>;

/// Lanes are windows: a vector of codes, shifted, gives one channel's codes of as many windows; what is live among them
/// is compressed to the front, written, and the next vector's overwrites what lies behind.
void list_entries(const SparseListing& listing) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::RebindToSigned<decltype(d)> d_signed;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto row_pitch = hn::Set(d, listing.row_pitch), one = hn::Set(d, 1), byte = hn::Set(d, 0xff);
  const auto killed = hn::Set(d_signed, argmax_killed);
  for (int channel = 0; channel < listing.channels; ++channel) {
    const std::uint32_t* const codes = listing.codes + channel / 4 * listing.stride;
    std::uint32_t* const entries = listing.entries + channel * listing.stride;
    const int shift = channel % 4 * 8;
    std::size_t count = 0;
    for (int j = 0; j < listing.windows; j += lanes) {
      const auto code = hn::And(hn::ShiftRightSame(hn::LoadU(d, codes + j), shift), byte);
      const auto live = hn::RebindMask(d, hn::Lt(hn::BitCast(d_signed, code), killed));
      // A place is 2 * row + column.
      const auto place = hn::Add(hn::And(code, one), hn::Mul(hn::ShiftRight<1>(code), row_pitch));
      const auto entry = hn::Add(hn::LoadU(d, listing.corner + j), place);
      hn::StoreU(hn::Compress(entry, live), d, entries + count);
      count += hn::CountTrue(d, live);
    }
    listing.counts[channel] = static_cast<std::int32_t>(count);
  }
}

/// Lanes are input channels: each entry's gradient times the nine pixels under its taps.
template <class D>
void multiply(const SparseProduct& product) {
  const D d;
  const std::int64_t row_pitch = product.row_pitch * hn::Lanes(d);
  hn::Vec<D> sum[9];
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) sum[tap] = hn::Zero(d);
  for (int k = 0; k < product.count; ++k) {
    const std::size_t entry = product.entries[k];
    const float* const x = product.x + entry % 65536 * hn::Lanes(d);
    const auto gradient = hn::Set(d, product.dy[entry / 65536 * 4]);
    MIEN_UNROLL
    for (int i = 0; i < 3; ++i) {
      MIEN_UNROLL
      for (int j = 0; j < 3; ++j)
        sum[3 * i + j] = hn::MulAdd(gradient, hn::Load(d, x + i * row_pitch + j * hn::Lanes(d)), sum[3 * i + j]);
    }
  }
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) {
    float* const dw = product.dw + tap * hn::Lanes(d);
    hn::Store(hn::Add(hn::Load(d, dw), sum[tap]), d, dw);
  }
}

template <class D>
void pack(const SparsePacking& packing) {
  const D d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float* x = packing.x;
  float* to = packing.packed;
  if (packing.pitch == lanes) {
    std::copy_n(x, packing.pixels * lanes, to);
    return;
  }
  if (packing.channels == lanes) {
    for (float* const end = to + packing.pixels * lanes; to != end; x += packing.pitch, to += lanes)
      hn::Store(hn::LoadU(d, x), d, to);
    return;
  }
  for (std::int64_t pixel = 0; pixel < packing.pixels; ++pixel, x += packing.pitch, to += lanes) {
    for (int c = 0; c < packing.channels; ++c) to[c] = x[c];
    for (std::int64_t c = packing.channels; c < lanes; ++c) to[c] = 0.0f;
  }
}

void add_bias(const SparseBias& bias) {
  for_each_vector(0, bias.channels, [&](auto d, std::int64_t c) HWY_ATTR {
    const hn::Rebind<std::int32_t, decltype(d)> d_int;
    const hn::Rebind<std::uint8_t, decltype(d)> d_byte;
    const auto killed = hn::Set(d_int, argmax_killed);
    auto sum = hn::Zero(d);
    for (int window = 0; window < bias.windows; ++window) {
      const auto code = hn::PromoteTo(d_int, hn::LoadU(d_byte, bias.argmax + window * bias.pitch + c));
      const auto live = hn::RebindMask(d, hn::Lt(code, killed));
      sum = hn::Add(sum, hn::IfThenElseZero(live, hn::LoadU(d, bias.dy + window * bias.pitch + c)));
    }
    hn::StoreU(hn::Add(hn::LoadU(d, bias.dbias + c), sum), d, bias.dbias + c);
  });
}

const SparseListKernels* sparse_list_table() {
  static const SparseListKernels table = {.lanes = static_cast<int>(hn::Lanes(Whole())),
                                          .list = list_entries,
                                          .multiply = {multiply<Whole>, multiply<Halved>},
                                          .pack = {pack<Whole>, pack<Halved>},
                                          .bias = add_bias};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sparse_list_table);

const SparseListKernels& sparse_list_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(sparse_list_table)();
}

}  // namespace mien::kernels::cpu
#endif

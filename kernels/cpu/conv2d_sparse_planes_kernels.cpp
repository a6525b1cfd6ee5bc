// The inner loops of the pool-sparse weight gradient for few input channels (conv2d_sparse_planes.h), compiled once per
// instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/conv2d_sparse_planes_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/conv2d_sparse_planes.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"
#include "mien/kernels/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Whole = hn::ScalableTag<float>;
using V = hn::Vec<Whole>;
using Codes = hn::RebindToUnsigned<Whole>;

/// Where the code of a channel, `shift` bits up, has the bits of `flag`.
HWY_INLINE hn::Mask<Whole> code_mask(hn::Vec<Codes> codes, std::uint32_t flag, int shift) {
  return hn::RebindMask(Whole(), hn::TestBit(codes, hn::Set(Codes(), flag << shift)));
}

/// Loads the four neighbours of each of a vector's windows into four vectors.
HWY_INLINE void load_four(const float* from, V (&four)[4]) {
  const Whole d;
#if HWY_TARGET == HWY_SCALAR
  for (int c = 0; c < 4; ++c) four[c] = hn::LoadU(d, from + c);
#else
  hn::LoadInterleaved4(d, from, four[0], four[1], four[2], four[3]);
#endif
}

void spread_gradients(const SparseSpread& spread) {
  const Whole d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  V sum[4];
  MIEN_UNROLL
  for (int c = 0; c < 4; ++c) sum[c] = hn::Zero(d);
  for (int j = 0; j < spread.windows; j += lanes) {
    const auto codes = hn::LoadU(Codes(), spread.codes + j);
    V four[4];
    load_four(spread.dy + 4 * j, four);
    MIEN_UNROLL
    for (int c = 0; c < 4; ++c) {
      // argmax_killed is the only code with its bit.
      const V live = hn::IfThenZeroElse(code_mask(codes, argmax_killed, 8 * c), four[c]);
      sum[c] = hn::Add(sum[c], live);
      hn::StoreU(live, d, spread.rows + c * spread.pitch + j);
    }
  }
  MIEN_UNROLL
  for (int c = 0; c < 4; ++c)
    if (c < spread.channels) spread.dbias[c] += hn::GetLane(hn::SumOfLanes(d, sum[c]));
}

/// Lanes are windows. A tap's x is chosen by the argmax: of each row, between a column and the next, and then between a
/// row and the next.
void multiply(const SparsePlanesProduct& product) {
  const Whole d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  V sum[9];
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) sum[tap] = hn::Zero(d);
  const float* x = product.x;
  const float* dy = product.dy;
  const std::uint32_t* codes_of_row = product.codes;
  for (int row = 0; row < product.rows; ++row) {
    for (int j = 0; j < product.windows; j += lanes) {
      const auto codes = hn::LoadU(Codes(), codes_of_row + j);
      const auto right = code_mask(codes, 1, product.shift), lower = code_mask(codes, 2, product.shift);
      const V gradient = hn::LoadU(d, dy + j);
      V upper_row[3];
      MIEN_UNROLL
      for (int r = 0; r < 4; ++r) {
        const float* const planes = x + r * product.row_pitch + j;
        V column[4];
        MIEN_UNROLL
        for (int c = 0; c < 4; ++c) column[c] = hn::Load(d, planes + c * product.pitch);
        MIEN_UNROLL
        for (int i = 0; i < 3; ++i) {
          const V chosen = hn::IfThenElse(right, column[i + 1], column[i]);
          if (r > 0)
            sum[3 * (r - 1) + i] =
                hn::MulAdd(gradient, hn::IfThenElse(lower, chosen, upper_row[i]), sum[3 * (r - 1) + i]);
          upper_row[i] = chosen;
        }
      }
    }
    x += 2 * product.row_pitch;
    dy += product.windows;
    codes_of_row += product.windows;
  }
  MIEN_UNROLL
  for (int tap = 0; tap < 9; ++tap) {
    float* const dw = product.dw + tap * lanes;
    hn::Store(hn::Add(hn::Load(d, dw), sum[tap]), d, dw);
  }
}

const SparsePlanesKernels* sparse_planes_table() {
  static constexpr SparsePlanesKernels table = {spread_gradients, multiply};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(sparse_planes_table);

const SparsePlanesKernels& sparse_planes_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(sparse_planes_table)();
}

}  // namespace mien::kernels::cpu
#endif

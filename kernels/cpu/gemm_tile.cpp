// The register tile (gemm_tile.h), compiled once per instruction set.
//
// Accumulators: 12 rows of two vectors where there are 32 registers, 6 where there are 16, and 12 rows of one vector.
// At the bottom of a matrix a tile of two thirds or one third of the rows takes over. Only whole tiles hand their sums
// on from the registers, and only with the activations that take an instruction or two.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/gemm_tile.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "mien/kernels/cpu/activation-inl.h"
#include "mien/kernels/cpu/gemm_tile.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adds `steps` values of k. Several at once, so that each row's pointer is loaded once for them: there are more
/// pointers than registers to keep them in.
template <int rows, int vectors, int steps, class D, class V>
HWY_INLINE void multiply_add(D d, const float* const* a, std::int64_t a_place, std::int64_t a_step, const float* b,
                             std::int64_t b_step, std::int64_t ahead, V (&sum)[rows][vectors]) {
  V factor[steps][vectors];
  MIEN_UNROLL
  for (int k = 0; k < steps; ++k) {
    MIEN_UNROLL
    for (int v = 0; v < vectors; ++v) {
      const float* const place = b + k * b_step + v * hn::Lanes(d);
      factor[k][v] = hn::LoadU(d, place);
      __builtin_prefetch(place + ahead, 0, 2);
    }
  }
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    const float* const place = a[r] + a_place;
    MIEN_UNROLL
    for (int k = 0; k < steps; ++k) {
      const V value = hn::Set(d, place[k * a_step]);
      MIEN_UNROLL
      for (int v = 0; v < vectors; ++v) sum[r][v] = hn::MulAdd(value, factor[k][v], sum[r][v]);
    }
  }
}

/// The sums of a tile.
template <int rows, int vectors, class D, class V>
HWY_INLINE void sum_tile(D d, const TileOperands& t, V (&sum)[rows][vectors]) {
  // A single vector takes three, as a 3x3 kernel's runs are multiples of three. A pair takes two where the registers
  // hold a second pair of factors beside the sums.
  constexpr int steps = vectors == 1 ? 3 : rows * vectors > 12 || rows * vectors <= 8 ? 2 : 1;
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    MIEN_UNROLL
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = t.resumes ? hn::LoadU(d, t.c + r * t.c_step + v * hn::Lanes(d)) : hn::Zero(d);
  }
  const float* b = t.b;
  const std::int64_t b_step = t.b_step, a_step = t.a_step, ahead = t.ahead;
  for (std::int64_t run = 0; run < t.run_count; ++run) {
    const std::int64_t length = t.runs[run].length;
    std::int64_t place = t.runs[run].offset, k = 0;
    if (a_step == 1) {
      for (; k + steps <= length; k += steps, place += steps, b += steps * b_step)
        multiply_add<rows, vectors, steps>(d, t.rows, place, 1, b, b_step, ahead, sum);
      for (; k < length; ++k, ++place, b += b_step)
        multiply_add<rows, vectors, 1>(d, t.rows, place, 1, b, b_step, ahead, sum);
    } else {
      for (; k + steps <= length; k += steps, place += steps * a_step, b += steps * b_step)
        multiply_add<rows, vectors, steps>(d, t.rows, place, a_step, b, b_step, ahead, sum);
      for (; k < length; ++k, place += a_step, b += b_step)
        multiply_add<rows, vectors, 1>(d, t.rows, place, 0, b, b_step, ahead, sum);
    }
  }
}

template <int rows, int vectors, class D>
HWY_NOINLINE void multiply_tile(D d, const TileOperands& t) {
  hn::Vec<D> sum[rows][vectors];
  sum_tile<rows, vectors>(d, t, sum);
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    MIEN_UNROLL
    for (int v = 0; v < vectors; ++v) {
      float* const c = t.c + r * t.c_step + v * hn::Lanes(d);
      hn::StoreU(t.add ? hn::Add(hn::LoadU(d, c), sum[r][v]) : sum[r][v], d, c);
    }
  }
}

/// As the epilogue of a convolution does it (conv2d_epilogue.cpp), to the same bits.
template <int rows, int vectors, ActivationKind kind, class D>
HWY_NOINLINE void finish_tile(D d, const TileOperands& t, const TileFinish& f) {
  using V = hn::Vec<D>;
  V sum[rows][vectors];
  sum_tile<rows, vectors>(d, t, sum);
  if (f.bias) {
    MIEN_UNROLL
    for (int v = 0; v < vectors; ++v) {
      const V bias = hn::LoadU(d, f.bias + v * hn::Lanes(d));
      MIEN_UNROLL
      for (int r = 0; r < rows; ++r) sum[r][v] = hn::Add(sum[r][v], bias);
    }
  }
  if (f.residual) {
    MIEN_UNROLL
    for (int r = 0; r < rows; ++r) {
      MIEN_UNROLL
      for (int v = 0; v < vectors; ++v)
        sum[r][v] = hn::Add(sum[r][v], hn::LoadU(d, f.residual + r * f.y_step + v * hn::Lanes(d)));
    }
  }
  MIEN_UNROLL
  for (int r = 0; r < rows; ++r) {
    MIEN_UNROLL
    for (int v = 0; v < vectors; ++v) {
      const V result = activate_vector<kind>(d, sum[r][v], f.activation);
      float* const y = f.y + r * f.y_step + v * hn::Lanes(d);
      if (f.streamed && hn::MaxLanes(d) >= 4)
        hn::Stream(result, d, y);
      else
        hn::StoreU(result, d, y);
    }
  }
}

using Wide = hn::ScalableTag<float>;
/// Half a wide vector, where a panel of eight columns would waste it.
using Narrow = hn::CappedTag<float, 8>;

constexpr int wide_pair_rows = HWY_TARGET == HWY_AVX3 ? 12 : 6;
constexpr int single_rows = 12;

int tile_panel_columns(int remaining) {
  const int wide = static_cast<int>(hn::Lanes(Wide())), narrow = static_cast<int>(hn::Lanes(Narrow()));
  if (remaining <= narrow) return narrow;
  // One and a half vectors are two panels: a pair would waste a quarter of its work.
  return remaining <= wide || (narrow < wide && remaining <= wide + narrow) ? wide : 2 * wide;
}

int tile_tile_rows(int panel_columns) {
  return panel_columns > static_cast<int>(hn::Lanes(Wide())) ? wide_pair_rows : single_rows;
}

int tile_rounded_rows(int panel_columns, int rows) {
  const int third = tile_tile_rows(panel_columns) / 3;
  return (rows + third - 1) / third * third;
}

template <int rows, int vectors, class D>
HWY_INLINE void multiply_some(D d, int wanted, const TileOperands& operands) {
  if (wanted <= rows / 3) return multiply_tile<rows / 3, vectors>(d, operands);
  if (wanted <= rows / 3 * 2) return multiply_tile<rows / 3 * 2, vectors>(d, operands);
  multiply_tile<rows, vectors>(d, operands);
}

void tile_multiply(int panel_columns, int rows, const TileOperands& operands) {
  const int wide = static_cast<int>(hn::Lanes(Wide()));
  if (panel_columns > wide) return multiply_some<wide_pair_rows, 2>(Wide(), rows, operands);
  if (panel_columns == wide) return multiply_some<single_rows, 1>(Wide(), rows, operands);
  multiply_some<single_rows, 1>(Narrow(), rows, operands);
}

template <ActivationKind kind>
void finish_with(int panel_columns, const TileOperands& operands, const TileFinish& finish) {
  const int wide = static_cast<int>(hn::Lanes(Wide()));
  if (panel_columns > wide) return finish_tile<wide_pair_rows, 2, kind>(Wide(), operands, finish);
  if (panel_columns == wide) return finish_tile<single_rows, 1, kind>(Wide(), operands, finish);
  finish_tile<single_rows, 1, kind>(Narrow(), operands, finish);
}

void tile_multiply_and_finish(int panel_columns, const TileOperands& operands, const TileFinish& finish) {
  with_gate(finish.activation.kind, [&]<ActivationKind kind>() { finish_with<kind>(panel_columns, operands, finish); });
}

const TileKernels* tile_table() {
  static constexpr TileKernels table = {tile_panel_columns, tile_tile_rows, tile_multiply, tile_rounded_rows,
                                        tile_multiply_and_finish};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(tile_table);

const TileKernels& tile_kernels() {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  return *HWY_DYNAMIC_DISPATCH(tile_table)();
}

}  // namespace mien::kernels::cpu
#endif

// The matrix product with very few rows (gemm.h), as a dense layer has for one image: each value of b is used once or
// twice, so what counts is to read b from one end to the other. Four rows of b at a time are added to sums that stay in
// the first cache. Compiled once per instruction set.
//
// Each element is the same chain over k as a register tile's, block of multiply_depth values by block: the same bits.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mien/kernels/cpu/gemm_few_rows.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>

#include "mien/kernels/cpu/gemm.h"
#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mien::kernels::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// sums[j] += a[k] * b[k][j] for the values of k in turn.
void add_rows(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, int depth, int columns,
              float* sums) {
  int k = 0;
  for (; k + 4 <= depth; k += 4, b += 4 * b_step)
    for_each_vector(0, columns, [&](auto d, std::int64_t j) HWY_ATTR {
      auto sum = hn::MulAdd(hn::Set(d, a[k * a_step]), hn::LoadU(d, b + j), hn::LoadU(d, sums + j));
      sum = hn::MulAdd(hn::Set(d, a[(k + 1) * a_step]), hn::LoadU(d, b + b_step + j), sum);
      sum = hn::MulAdd(hn::Set(d, a[(k + 2) * a_step]), hn::LoadU(d, b + 2 * b_step + j), sum);
      sum = hn::MulAdd(hn::Set(d, a[(k + 3) * a_step]), hn::LoadU(d, b + 3 * b_step + j), sum);
      hn::StoreU(sum, d, sums + j);
    });
  for (; k < depth; ++k, b += b_step)
    for_each_vector(0, columns, [&](auto d, std::int64_t j) HWY_ATTR {
      hn::StoreU(hn::MulAdd(hn::Set(d, a[k * a_step]), hn::LoadU(d, b + j), hn::LoadU(d, sums + j)), d, sums + j);
    });
}

/// The product of one block of k, into sums (m, n).
void few_rows_block(const float* a, const float* b, const MatmulGeometry& g, int k_begin, float* sums) {
  // One row of sums meets whole rows of b; more take turns at a stretch of them that stays in the first cache.
  constexpr int stretch = 512;
  const int columns_at_once = g.m == 1 ? g.n : stretch, depth = std::min(multiply_depth, g.k - k_begin);
  const std::int64_t a_row = g.transpose_a ? 1 : g.k, a_step = g.transpose_a ? g.m : 1;
  std::fill_n(sums, std::int64_t{g.m} * g.n, 0.0f);
  constexpr int step = 4;
  for (int j = 0; j < g.n; j += columns_at_once)
    for (int k = 0; k < depth; k += step)
      for (int i = 0; i < g.m; ++i)
        add_rows(a + i * a_row + (k_begin + k) * a_step, a_step, b + std::int64_t{k_begin + k} * g.n + j, g.n,
                 std::min(step, depth - k), std::min(columns_at_once, g.n - j), sums + std::int64_t{i} * g.n + j);
}

}  // namespace HWY_NAMESPACE
}  // namespace mien::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mien::kernels::cpu {

HWY_EXPORT(few_rows_block);

void multiply_few_rows(const float* a, const float* b, float* c, const MatmulGeometry& g) {
  instruction_set();  // MIEN_ISA is heeded before Highway's first choice
  const auto block = [&](std::int64_t i, float* sums) {
    HWY_DYNAMIC_DISPATCH(few_rows_block)(a, b, g, static_cast<int>(i) * multiply_depth, sums);
  };
  struct PartialScratch;
  const std::int64_t blocks = block_count(g.k, multiply_depth), size = std::int64_t{g.m} * g.n;
  if (blocks == 1) return block(0, c);
  float* const partial = thread_scratch<PartialScratch>(blocks * size);
  parallel_for(blocks, [&](std::int64_t i) { block(i, partial + i * size); });
  parallel_elements(size, [&](std::int64_t begin, std::int64_t end) {
    std::copy(partial + begin, partial + end, c + begin);
    for (std::int64_t i = 1; i < blocks; ++i)
      for (std::int64_t place = begin; place < end; ++place) c[place] += partial[i * size + place];
  });
}

}  // namespace mien::kernels::cpu
#endif

// Bands of a wider array: what concatenation writes and its gradient reads.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/cpu/short_copy.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// Copies all runs of the band, from_step and to_step apart, some runs to a block.
void copy_runs(const float* from, std::int64_t from_step, float* to, std::int64_t to_step, const BandGeometry& g) {
  if (g.inner == 0) return;
  const std::int64_t runs = std::max<std::int64_t>(1, elements_per_block / g.inner);
  parallel_blocks(g.outer, runs, [=](std::int64_t begin, std::int64_t end) {
    if (g.inner == 1) {
      for (std::int64_t run = begin; run < end; ++run) to[run * to_step] = from[run * from_step];
      return;
    }
    for (std::int64_t run = begin; run < end; ++run) copy_short(from + run * from_step, g.inner, to + run * to_step);
  });
}

}  // namespace

void write_band(View<const float> x, View<float> y, BandGeometry g) {
  copy_runs(x.data, g.inner, y.data + g.offset, g.wide, g);
}

void read_band(View<const float> y, View<float> x, BandGeometry g) {
  copy_runs(y.data + g.offset, g.wide, x.data, g.inner, g);
}

}  // namespace mien::kernels::cpu

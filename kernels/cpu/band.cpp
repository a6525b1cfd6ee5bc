// Bands of a wider array: what concatenation writes and its gradient reads.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

namespace {

/// Calls body(run) for each run of the band, some runs to a block.
template <class Body>
void for_each_band_run(const BandGeometry& g, const Body& body) {
  if (g.inner == 0) return;
  const std::int64_t runs = std::max<std::int64_t>(1, elements_per_block / g.inner);
  parallel_blocks(g.outer, runs, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t run = begin; run < end; ++run) body(run);
  });
}

}  // namespace

void write_band(View<const float> x, View<float> y, BandGeometry g) {
  for_each_band_run(
      g, [&](std::int64_t run) { std::copy_n(x.data + run * g.inner, g.inner, y.data + run * g.wide + g.offset); });
}

void read_band(View<const float> y, View<float> x, BandGeometry g) {
  for_each_band_run(
      g, [&](std::int64_t run) { std::copy_n(y.data + run * g.wide + g.offset, g.inner, x.data + run * g.inner); });
}

}  // namespace mien::kernels::cpu

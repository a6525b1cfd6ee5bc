// The pool-sparse weight gradient (conv2d_sparse_weights.cpp) for few input channels.
//
// Lanes are neighbouring windows of a row. x goes into planes (conv2d_planes.h), so that each of the 16 pixels under a
// window's taps is one load for a whole vector of windows; the bits of the argmax choose among them, and a
// killed entry's gradient is made zero. A tap costs some two choices and one multiply-add a vector of windows.
#include "mien/kernels/cpu/conv2d_sparse_planes.h"

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_planes.h"
#include "mien/kernels/cpu/conv2d_sparse_plan.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

struct PlanesScratch;
struct GradientScratch;
struct RowsScratch;

/// Fills the planes of the rows of x under the rectangle.
float* fill_planes(const SparsePlan& plan, const SparseRectangle& r, const float* x) {
  const Conv2dGeometry& g = plan.g;
  const PlanesKernels& kernels = planes_kernels();
  const std::int64_t row_floats = kernels.row_floats(r.columns(), g.in_channels);
  float* const planes = thread_scratch<PlanesScratch>(r.x_rows() * row_floats);
  for (int row = 0; row < r.x_rows(); ++row) {
    const int x_row = 2 * r.row_begin - g.height.padding_begin + row;
    const std::int64_t from = (std::int64_t{r.image_begin} * g.height.input + x_row) * g.width.input * g.in_channels;
    kernels.fill({.x = g.height.inside(x_row) ? x + from : nullptr,
                  .width = g.width.input,
                  .channels = g.in_channels,
                  .left = 2 * r.column_begin - g.width.padding_begin,
                  .planes = planes + row * row_floats,
                  .pitch = kernels.pitch(r.columns())});
  }
  return planes;
}

}  // namespace

void add_by_planes(const SparsePlan& plan, const SparseRectangle& r, const SparseChannels& channels,
                   const SparseSums& sums) {
  static thread_local std::vector<std::uint32_t> codes;
  const Conv2dGeometry& g = plan.g;
  const SparsePlanesKernels& kernels = sparse_planes_kernels();
  // A row's windows are made up to whole vectors by killed ones.
  const int row_windows = static_cast<int>(block_count(r.columns(), plan.lanes)) * plan.lanes;
  const int windows = r.rows() * row_windows;
  // Groups of channels a little more than a power of two apart: a window's do not fall into the same lines of a cache.
  const std::int64_t groups = block_count(channels.count, 4), stride = windows + 16;
  if (static_cast<std::int64_t>(codes.size()) < groups * stride)
    codes.resize(static_cast<std::size_t>(groups * stride));
  const SparseGathered gathered = {codes.data(), thread_scratch<GradientScratch>(4 * groups * stride), stride};
  for (int row = 0; row < r.rows(); ++row) {
    const std::int64_t from = plan.row_offset(0, row);
    gather_windows(sums.argmax + from, sums.dy + from, r.columns(), g.out_channels, channels.count, gathered,
                   row * row_windows);
    for (int group = 0; group < groups; ++group)
      std::fill_n(gathered.codes + group * stride + row * row_windows + r.columns(), row_windows - r.columns(),
                  four_killed);
  }
  const float* const planes = sums.dw ? fill_planes(plan, r, sums.x) : nullptr;
  const std::int64_t pitch = planes_kernels().pitch(r.columns());
  float* const rows = thread_scratch<RowsScratch>(4 * windows);
  float unwanted[4] = {};
  for (int group = 0; group < groups; ++group) {
    const int begin = channels.begin + 4 * group, count = std::min(4, channels.count - 4 * group);
    const std::uint32_t* const group_codes = gathered.codes + group * stride;
    kernels.spread({.codes = group_codes,
                    .dy = gathered.dy + 4 * group * stride,
                    .windows = windows,
                    .channels = count,
                    .rows = rows,
                    .pitch = windows,
                    .dbias = sums.dbias ? sums.dbias + begin : unwanted});
    if (!sums.dw) continue;
    for (int channel = 0; channel < count; ++channel)
      for (int in = 0; in < g.in_channels; ++in)
        kernels.multiply({.x = planes + 4 * in * pitch,
                          .row_pitch = planes_kernels().row_floats(r.columns(), g.in_channels),
                          .pitch = pitch,
                          .codes = group_codes,
                          .shift = 8 * channel,
                          .dy = rows + channel * windows,
                          .rows = r.rows(),
                          .windows = row_windows,
                          .dw = plan.dw_of(sums.dw, in, begin + channel)});
  }
}

}  // namespace mien::kernels::cpu

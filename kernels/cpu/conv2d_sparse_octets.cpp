// The pool-sparse weight gradient (conv2d_sparse_weights.cpp) for one input channel and octets of output channels.
//
// Lanes are the octet's channels, of one or two windows: argmax and dy are read as they lie. Two neighbouring rows of a
// group (conv2d_octets.h) are a vector too, and each lane looks up the pixel under its own maximum in it, so that a tap
// costs one lookup and one multiply-add for every vector of dy. A killed entry's gradient is made zero.
#include "mien/kernels/cpu/conv2d_sparse_octets.h"

#include "mien/kernels/cpu/conv2d_octets.h"
#include "mien/kernels/cpu/conv2d_sparse_plan.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

struct GroupsScratch;

}  // namespace

void add_by_octets(const SparsePlan& plan, const SparseRectangle& r, const SparseChannels& channels,
                   const SparseSums& sums) {
  const Conv2dGeometry& g = plan.g;
  const OctetsKernels& kernels = octets_kernels();
  const std::int64_t x_pitch = kernels.row_floats(r.columns());
  float* const groups = thread_scratch<GroupsScratch>(r.x_rows() * x_pitch);
  for (int row = 0; row < r.x_rows(); ++row) {
    const int x_row = 2 * r.row_begin - g.height.padding_begin + row;
    const std::int64_t from = (std::int64_t{r.image_begin} * g.height.input + x_row) * g.width.input;
    kernels.fill({.x = g.height.inside(x_row) ? sums.x + from : nullptr,
                  .width = g.width.input,
                  .left = 2 * r.column_begin - g.width.padding_begin,
                  .windows = r.columns(),
                  .groups = groups + row * x_pitch});
  }
  for (int first = 0; first < channels.count; first += octet) {
    alignas(64) float products[10][2 * octet];
    sparse_octets_kernels().multiply({.x = groups,
                                      .x_pitch = x_pitch,
                                      .argmax = sums.argmax + first,
                                      .dy = sums.dy + first,
                                      .pitch = plan.row_offset(0, 1),
                                      .out_channels = g.out_channels,
                                      .rows = r.rows(),
                                      .windows = r.columns(),
                                      .sums = products[0]});
    const int vector = kernels.windows * octet;
    for (int channel = 0; channel < octet; ++channel) {
      const int out = channels.begin + first + channel;
      for (int window = 0; window < kernels.windows; ++window) {
        const float* const lane = products[0] + window * octet + channel;
        for (int tap = 0; tap < 9 && sums.dw; ++tap)
          plan.dw_of(sums.dw, 0, out)[tap * plan.lanes + window] += lane[tap * vector];
        if (sums.dbias) sums.dbias[out] += lane[9 * vector];
      }
    }
  }
}

}  // namespace mien::kernels::cpu

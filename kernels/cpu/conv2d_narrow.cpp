// The direct convolution for one input channel (conv2d_narrow.h).
//
// Lanes are neighbouring 2x2 blocks of a row. x goes into planes (conv2d_planes.h), so that each of the 16 pixels under
// a block's taps is one load for a whole vector of blocks. For an output channel the block's four sums then take
// 36 multiply-adds, all with the same few pixels; bias, activation and maximum follow while they
// are in registers. Only the results change their order, from lanes of windows to channels side by side. (Where that
// can be had without, conv2d_octets.h takes over.)
#include "mien/kernels/cpu/conv2d_narrow.h"

#include <algorithm>

#include "mien/kernels/cpu/conv2d_octets.h"
#include "mien/kernels/cpu/conv2d_planes.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Rows of blocks of a task: two rows of planes more are filled for them.
constexpr int task_rows = 16;

struct PlanesScratch;

}  // namespace

void conv2d_forward_narrow(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  if (octets_fit(g)) return conv2d_forward_octets(x, w, bias, y, argmax, g);
  // Without the pool the last row and column of blocks may be half outside.
  const int rows = g.pool ? g.y_height() : (g.height.output + 1) / 2;
  const int blocks = g.pool ? g.y_width() : (g.width.output + 1) / 2;
  if (g.y_size() == 0) return;
  const NarrowKernels& kernels = narrow_kernels();
  const PlanesKernels& planes = planes_kernels();
  const std::int64_t pitch = planes.pitch(blocks), row_floats = planes.row_floats(blocks, 1);
  const std::int64_t tasks = block_count(rows, task_rows), y_row = std::int64_t{g.y_width()} * g.out_channels;
  parallel_for(g.batch * tasks, [&](std::int64_t task) {
    // The planes of row r are in r % 4 of a ring.
    float* const ring = thread_scratch<PlanesScratch>(4 * row_floats);
    const std::int64_t image = task / tasks;
    const int begin = static_cast<int>(task % tasks) * task_rows, end = std::min(rows, begin + task_rows);
    int filled = 2 * begin;
    for (int row = begin; row < end; ++row) {
      for (; filled < 2 * row + 4; ++filled) {
        const int x_row = filled - g.height.padding_begin;
        const std::int64_t from = (image * g.height.input + x_row) * g.width.input;
        planes.fill({.x = g.height.inside(x_row) ? x.data + from : nullptr,
                     .width = g.width.input,
                     .channels = 1,
                     .left = -g.width.padding_begin,
                     .planes = ring + filled % 4 * row_floats,
                     .pitch = pitch});
      }
      const std::int64_t to = (image * g.y_height() + (g.pool ? row : 2 * row)) * y_row;
      const auto row_planes = [&](int r) { return ring + (2 * row + r) % 4 * row_floats; };
      (g.pool ? kernels.pooled
              : kernels.plain)({.x = {row_planes(0), row_planes(1), row_planes(2), row_planes(3)},
                                .pitch = pitch,
                                .blocks = blocks,
                                .w = w.data,
                                .bias = g.bias ? bias.data : nullptr,
                                .out_channels = g.out_channels,
                                .activation = g.activation,
                                .y = y.data + to,
                                .lower = !g.pool && 2 * row + 1 < g.height.output ? y.data + to + y_row : nullptr,
                                .columns = g.y_width(),
                                .argmax = argmax.empty() ? nullptr : argmax.data + to});
    }
  });
}

}  // namespace mien::kernels::cpu

// The direct convolution of one input channel to octets of output channels (conv2d_octets.h): rows of x are made into
// groups, once each within a task, and rows of windows computed from four of them.
#include "mien/kernels/cpu/conv2d_octets.h"

#include <algorithm>

#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Rows of windows of a task: two rows of x more are filled for them.
constexpr int task_rows = 16;

struct GroupsScratch;

}  // namespace

void conv2d_forward_octets(View<const float> x, View<const float> w, View<const float> bias, View<float> y,
                           View<std::uint8_t> argmax, const Conv2dGeometry& g) {
  if (g.y_size() == 0) return;
  const OctetsKernels& kernels = octets_kernels();
  const int rows = g.y_height();
  const std::int64_t row_floats = kernels.row_floats(g.y_width());
  const std::int64_t tasks = block_count(rows, task_rows), y_row = std::int64_t{g.y_width()} * g.out_channels;
  parallel_for(g.batch * tasks, [&](std::int64_t task) {
    // The groups of row r are in r % 4 of a ring.
    float* const ring = thread_scratch<GroupsScratch>(4 * row_floats);
    const auto groups = [&](int row) { return ring + row % 4 * row_floats; };
    const std::int64_t image = task / tasks;
    const int begin = static_cast<int>(task % tasks) * task_rows, end = std::min(rows, begin + task_rows);
    int filled = 2 * begin;
    for (int row = begin; row < end; ++row) {
      for (; filled < 2 * row + 4; ++filled) {
        const int x_row = filled - g.height.padding_begin;
        const std::int64_t from = (image * g.height.input + x_row) * g.width.input;
        kernels.fill({.x = g.height.inside(x_row) ? x.data + from : nullptr,
                      .width = g.width.input,
                      .left = -g.width.padding_begin,
                      .windows = g.y_width(),
                      .groups = groups(filled)});
      }
      const std::int64_t to = (image * rows + row) * y_row;
      kernels.pooled({.x = {groups(2 * row), groups(2 * row + 1), groups(2 * row + 2), groups(2 * row + 3)},
                      .windows = g.y_width(),
                      .w = w.data,
                      .bias = g.bias ? bias.data : nullptr,
                      .out_channels = g.out_channels,
                      .activation = g.activation,
                      .y = y.data + to,
                      .argmax = argmax.empty() ? nullptr : argmax.data + to});
    }
  });
}

}  // namespace mien::kernels::cpu

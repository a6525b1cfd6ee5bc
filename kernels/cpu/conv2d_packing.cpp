// The weights of a correlation, packed (conv2d_packing.h).
#include "mien/kernels/cpu/conv2d_packing.h"

#include <algorithm>

#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {

std::int64_t weight_place(const Correlation& c, int tap, int in, int out) {
  const int row = c.w_height.first + tap / c.width.taps * c.w_height.step;
  const int column = c.w_width.first + tap % c.width.taps * c.w_width.step;
  const std::int64_t place = std::int64_t{row} * c.w_kernel_width + column;
  if (!c.w_turned) return (place * c.in_per_group + in) * (c.groups * c.out_per_group) + out;
  const int group = out / c.out_per_group;
  return (place * c.out_per_group + out % c.out_per_group) * (c.groups * c.in_per_group) + group * c.in_per_group + in;
}

void pack_columns(const Correlation& c, int group, int begin, int end, float* packed) {
  const TileKernels& kernels = tile_kernels();
  const PanelKernels& panels = panel_kernels();
  const auto fill = c.w_turned ? panels.transpose : panels.copy;
  const std::int64_t step_of_w = std::int64_t{c.groups} * (c.w_turned ? c.in_per_group : c.out_per_group);
  const int taps = c.height.taps * c.width.taps;
  // A few values of k at a time, of all panels: weights that are not turned are read in long pieces then.
  constexpr int step = 8;
  for (int tap = 0; tap < taps; ++tap)
    for (int in = 0; in < c.in_per_group; in += c.w_turned ? c.in_per_group : step) {
      const int depth = c.w_turned ? c.in_per_group : std::min(step, c.in_per_group - in);
      const std::int64_t k = std::int64_t{tap} * c.in_per_group + in;
      for (int j = begin; j < end;) {
        const int panel = kernels.panel_columns(c.out_per_group - j), columns = std::min(panel, c.out_per_group - j);
        fill(c.w + weight_place(c, tap, in, group * c.out_per_group + j), step_of_w, depth, columns, panel,
             packed + (j - begin) * correlation_depth(c) + k * panel);
        j += panel;
      }
    }
}

std::int64_t packed_weights_size(const Correlation& c) {
  if (is_depthwise(c)) return 0;
  return c.groups * correlation_depth(c) * panels_width(tile_kernels(), c.out_per_group);
}

void pack_weights(const Correlation& c, float* packed) {
  if (is_depthwise(c)) return;
  const std::int64_t group_weights = packed_weights_size(c) / c.groups, depth = correlation_depth(c);
  const int width = tile_kernels().panel_columns(max_panel_columns), end = c.out_per_group;
  const std::int64_t blocks = block_count(end, width);
  parallel_for(c.groups * blocks, [&](std::int64_t task) {
    const int group = static_cast<int>(task / blocks), begin = static_cast<int>(task % blocks) * width;
    pack_columns(c, group, begin, std::min(end, begin + width), packed + group * group_weights + depth * begin);
  });
}

}  // namespace mien::kernels::cpu

// The gradient of the convolution's weights: for each tap and channel pair, a sum over all positions of all images.
//
//   dw[tap][in][out] = sum over images and positions of x[cell under the tap][in] * dz[position][out]
//
// As a product: (tap, in) are the rows of a register tile, output channels its columns, positions are k. The sum is cut
// into blocks of images (how many depends on the batch alone), whose partial gradients are added in order; within a
// block, into rows of positions. A task is one block of images times one block of output channels.
#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_depthwise_taps.h"
#include "mien/kernels/cpu/conv2d_window.h"
#include "mien/kernels/cpu/gemm_tile.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Images of a block: at least this many, and more where there would be more than most_blocks.
constexpr int least_images = 8, most_blocks = 8;
/// Output channels of a task, and positions of one inner sum, about.
constexpr int task_channels = 64, sum_positions = 256;

struct PartialScratch;
struct WindowScratch;
struct GradientScratch;
struct PatchScratch;

struct Plan {
  const Conv2dGeometry& g;
  TapAxis height, width;
  bool depthwise, gather_patches;
  int taps;
  int images_per_block, image_blocks;
  int channels_per_task, channel_tasks;
  int rows_per_sum;
};

Plan make_plan(const Conv2dGeometry& g, bool gather_patches) {
  Plan plan = {.g = g,
               .height = tap_axis(g.height),
               .width = tap_axis(g.width),
               .depthwise = g.groups > 1 && g.in_per_group() == 1 && g.out_per_group() == 1,
               .gather_patches = gather_patches,
               .taps = g.height.kernel * g.width.kernel,
               .images_per_block = std::max(least_images, (g.batch + most_blocks - 1) / most_blocks),
               .image_blocks = 1,
               .channels_per_task = 1,
               .channel_tasks = 1,
               .rows_per_sum = 1};
  plan.image_blocks = static_cast<int>(block_count(g.batch, plan.images_per_block));
  const int channels = plan.depthwise ? g.groups : g.out_per_group();
  plan.channels_per_task = std::min(channels, task_channels);
  plan.channel_tasks =
      static_cast<int>(block_count(channels, plan.channels_per_task)) * (plan.depthwise ? 1 : g.groups);
  plan.rows_per_sum = std::clamp(sum_positions / g.width.output, 1, g.height.output);
  return plan;
}

/// The inner sum: rows row_begin … row_end-1 of one image.
struct Rows {
  std::int64_t image;
  int begin, end;
};

/// Adds one image's rows to the columns of dw that start at `out`, `columns` of one panel.
void add_panel(const Plan& plan, const TileKernels& kernels, const SourceWindow& window, const Rows& rows,
               const float* dz, int panel, int columns, float* dw, bool add) {
  const Conv2dGeometry& g = plan.g;
  const int positions = (rows.end - rows.begin) * g.width.output;
  // A panel that sticks out of the group is copied, zeros past its last column.
  std::int64_t dz_step = g.out_channels;
  if (columns < panel) {
    float* const copy = thread_scratch<GradientScratch>(std::int64_t{positions} * panel);
    for (int position = 0; position < positions; ++position) {
      float* const to = std::copy_n(dz + std::int64_t{position} * g.out_channels, columns, copy + position * panel);
      std::fill_n(to, panel - columns, 0.0f);
    }
    dz = copy, dz_step = panel;
  }
  static thread_local std::vector<Run> runs;
  runs.clear();
  for (int row = 0; row < rows.end - rows.begin; ++row)
    runs.push_back({std::int64_t{row} * plan.height.step * window.row_pitch, g.width.output});
  const int in = g.in_per_group(), dw_rows = plan.taps * in, tile_rows = kernels.tile_rows(panel);
  const auto place_of = [&](int dw_row) {
    const int tap = dw_row / in;
    return window.data + tap / g.width.kernel * plan.height.spacing * window.row_pitch +
           tap % g.width.kernel * plan.width.spacing * window.column_pitch + dw_row % in;
  };
  // With gathered patches, k runs down them without a break: patch after patch, dw_rows apart.
  const Run all_positions = {0, positions};
  const float* patches = nullptr;
  if (plan.gather_patches) {
    float* to = thread_scratch<PatchScratch>(std::int64_t{positions} * dw_rows);
    patches = to;
    for (int position = 0; position < positions; ++position)
      for (int tap = 0; tap < plan.taps; ++tap)
        to = std::copy_n(place_of(tap * in) + position / g.width.output * plan.height.step * window.row_pitch +
                             position % g.width.output * plan.width.step * window.column_pitch,
                         in, to);
  }
  for (int begin = 0; begin < dw_rows; begin += tile_rows) {
    const int count = std::min(tile_rows, dw_rows - begin);
    const float* row[max_tile_rows];
    for (int r = 0; r < tile_rows; ++r) {
      const int at = begin + std::min(r, count - 1);
      row[r] = plan.gather_patches ? patches + at : place_of(at);
    }
    TileOperands tile = {.rows = row,
                         .runs = plan.gather_patches ? &all_positions : runs.data(),
                         .run_count = plan.gather_patches ? 1 : static_cast<std::int64_t>(runs.size()),
                         .a_step = plan.gather_patches ? dw_rows : plan.width.step * window.column_pitch,
                         .b = dz,
                         .b_step = dz_step,
                         .c = dw + std::int64_t{begin} * g.out_channels,
                         .c_step = g.out_channels,
                         .add = add};
    multiply_into(kernels, tile, panel, count, columns);
  }
}

/// Adds the depthwise gradient of a block of images: the image is read where it lies, near its border with fewer taps.
void sum_depthwise(const Plan& plan, const float* x, const float* dz, int images_begin, int images_end, int begin,
                   int count, float* dw) {
  static thread_local std::vector<DepthwiseTap> taps;
  const Conv2dGeometry& g = plan.g;
  const DepthwiseKernels& kernels = depthwise_kernels();
  for (int tap = 0; tap < plan.taps; ++tap) std::fill_n(dw + std::int64_t{tap} * g.out_channels + begin, count, 0.0f);
  for (std::int64_t image = images_begin; image < images_end; ++image)
    for (int row = 0; row < g.height.output; ++row)
      for_each_stretch(plan.height, plan.width, row, 0, g.width.output, [&](const Stretch& stretch) {
        list_taps(
            plan.height, plan.width, g.in_channels, stretch,
            [&](int tap) { return std::int64_t{tap} * g.out_channels; }, taps);
        const std::int64_t dz_row = (image * g.height.output + row) * g.width.output;
        kernels.weights({.x = x + image * g.height.input * g.width.input * g.in_channels + begin,
                         .step = std::int64_t{g.width.stride} * g.in_channels,
                         .taps = taps.data(),
                         .tap_count = static_cast<int>(taps.size()),
                         .positions = stretch.end - stretch.begin,
                         .channels = count},
                        dz + (dz_row + stretch.begin) * g.out_channels + begin, g.out_channels, dw + begin);
      });
}

/// The partial gradient of one block of images, for one block of output channels.
void sum_block(const Plan& plan, const float* x, const float* dz, int image_block, int channel_task, float* dw) {
  const Conv2dGeometry& g = plan.g;
  const TileKernels& kernels = tile_kernels();
  const int tasks_per_group = plan.depthwise ? plan.channel_tasks : plan.channel_tasks / g.groups;
  const int group = channel_task / tasks_per_group;
  const int begin_in_group = channel_task % tasks_per_group * plan.channels_per_task;
  const int begin = group * g.out_per_group() + begin_in_group;
  const int count =
      std::min(plan.channels_per_task, (plan.depthwise ? g.out_channels : g.out_per_group()) - begin_in_group);
  const int source_begin = plan.depthwise ? begin : group * g.in_per_group();
  const int source_count = plan.depthwise ? count : g.in_per_group();
  float* const buffer =
      thread_scratch<WindowScratch>(window_size(plan.height, plan.width, plan.rows_per_sum, source_count));
  const int images_begin = image_block * plan.images_per_block;
  const int images_end = std::min(g.batch, images_begin + plan.images_per_block);
  if (plan.depthwise) return sum_depthwise(plan, x, dz, images_begin, images_end, begin, count, dw);
  bool add = false;
  for (int image = images_begin; image < images_end; ++image)
    for (int row = 0; row < g.height.output; row += plan.rows_per_sum) {
      const Rows rows = {image, row, std::min(g.height.output, row + plan.rows_per_sum)};
      const std::int64_t x_image = std::int64_t{g.height.input} * g.width.input * g.in_channels;
      const SourceWindow window = open_window({x + image * x_image, g.in_channels, source_begin, source_count},
                                              plan.height, plan.width, rows.begin, rows.end, buffer);
      const float* const gradient =
          dz + (std::int64_t{image} * g.height.output + row) * g.width.output * g.out_channels + begin;
      for (int j = 0; j < count;) {
        const int panel = kernels.panel_columns(count - j), columns = std::min(panel, count - j);
        add_panel(plan, kernels, window, rows, gradient + j, panel, columns, dw + begin + j, add);
        j += columns;
      }
      add = true;
    }
}

}  // namespace

void conv2d_backward_weights_blocked(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g,
                                     bool gather_patches) {
  if (g.batch == 0 || g.height.output == 0 || g.width.output == 0) return std::fill_n(dw.data, dw.size, 0.0f), void();
  const Plan plan = make_plan(g, gather_patches);
  float* const partial = plan.image_blocks == 1 ? dw.data : thread_scratch<PartialScratch>(plan.image_blocks * dw.size);
  parallel_for(std::int64_t{plan.image_blocks} * plan.channel_tasks, [&](std::int64_t task) {
    const std::int64_t image_block = task / plan.channel_tasks;
    sum_block(plan, x.data, dz.data, static_cast<int>(image_block), static_cast<int>(task % plan.channel_tasks),
              partial + image_block * dw.size);
  });
  if (plan.image_blocks == 1) return;
  parallel_elements(dw.size, [&](std::int64_t begin, std::int64_t end) {
    std::copy(partial + begin, partial + end, dw.data + begin);
    for (int block = 1; block < plan.image_blocks; ++block)
      for (std::int64_t i = begin; i < end; ++i) dw.data[i] += partial[block * dw.size + i];
  });
}

}  // namespace mien::kernels::cpu

// The gradient of the convolution's weights: for each tap and channel pair, a sum over all positions of all images.
//
//   dw[tap][in][out] = sum over images and positions of x[cell under the tap][in] * dz[position][out]
//
// As a product: (tap, in) are the rows of a register tile, output channels its columns, positions are k. A task is a
// block of channels of x, with all taps, times a block of output channels, of one group; where that makes too few
// tasks, the images are cut into blocks too (how many depends on the shape alone), whose partial gradients are added in
// order. Within a task the sum goes by stretches of positions, through neighbouring images where they are small. x and
// dz are read where they lie; where the maps are so narrow that the positions of a stretch fall into short runs, each
// tile's columns of x are copied side by side first.
#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/caches.h"
#include "mien/kernels/cpu/conv2d_algorithms.h"
#include "mien/kernels/cpu/conv2d_depthwise_taps.h"
#include "mien/kernels/cpu/conv2d_window.h"
#include "mien/kernels/cpu/panels.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Channels of x that a task has at least, times taps about; its channels of dz; positions of one stretch, about; and
/// the number of tasks that images are divided for, in blocks of least_images at least.
constexpr int least_sources = 96, task_rows = 432, task_channels = 128, sum_positions = 256, enough_tasks = 16,
              least_images = 8;
/// Depthwise: least channels of a task, where there are more tasks of channels than one.
constexpr int depthwise_channels = 128;
/// Runs of fewer positions than this, on average, are worth copying into one.
constexpr int short_run = 12;
/// Floats from one position to the next in the copied columns of x.
constexpr int tile_pitch = 16;

struct PartialScratch;
struct WindowScratch;
struct GradientScratch;
struct PatchScratch;
struct TileScratch;

struct Plan {
  const Conv2dGeometry& g;
  TapAxis height, width;
  bool depthwise, gather_patches;
  int taps;
  int sources_per_task, source_tasks;    ///< channels of x, of one group
  int channels_per_task, channel_tasks;  ///< of one group; depthwise: of all
  int images_per_block, image_blocks;
};

Plan make_plan(const Conv2dGeometry& g, bool gather_patches) {
  Plan plan = {.g = g,
               .height = tap_axis(g.height),
               .width = tap_axis(g.width),
               .depthwise = g.groups > 1 && g.in_per_group() == 1 && g.out_per_group() == 1,
               .gather_patches = gather_patches,
               .taps = g.height.kernel * g.width.kernel,
               .sources_per_task = 1,
               .source_tasks = 1,
               .channels_per_task = 1,
               .channel_tasks = 1,
               .images_per_block = 1,
               .image_blocks = 1};
  const int whole_tiles = task_rows / plan.taps / max_tile_rows * max_tile_rows;
  plan.sources_per_task = std::min(std::max(least_sources, whole_tiles), g.in_per_group());
  plan.source_tasks = plan.depthwise ? 1 : static_cast<int>(block_count(g.in_per_group(), plan.sources_per_task));
  if (plan.depthwise) {
    // Rows of memory are read whole where there are images enough.
    const int blocks = static_cast<int>(block_count(g.batch, least_images));
    const int most = std::max(1, g.groups / depthwise_channels);
    plan.channels_per_task = static_cast<int>(block_count(g.groups, std::clamp(enough_tasks / 2 / blocks, 1, most)));
    plan.channel_tasks = static_cast<int>(block_count(g.groups, plan.channels_per_task));
  } else {
    plan.channels_per_task = std::min(g.out_per_group(), task_channels);
    plan.channel_tasks = static_cast<int>(block_count(g.out_per_group(), plan.channels_per_task));
  }
  const std::int64_t tasks = std::int64_t{plan.source_tasks} * plan.channel_tasks * (plan.depthwise ? 1 : g.groups);
  const int wanted = static_cast<int>(block_count(enough_tasks, tasks));
  plan.images_per_block = std::max(least_images, static_cast<int>(block_count(g.batch, wanted)));
  plan.image_blocks = static_cast<int>(block_count(g.batch, plan.images_per_block));
  return plan;
}

/// The part of the gradient that a task computes: channels of x and of dz within their group, all taps. Its rows are
/// counted tap by tap, the task's channels of x in each.
struct Task {
  int group;
  int source_begin, sources;
  int channel_begin, channels;
};

/// What a stretch reads of x: windows of its images, all with the same pitches, and the runs of positions from the
/// first window on.
struct Positions {
  SourceWindow window;
  std::vector<Run> runs;
  int count;
};

const Positions& open_positions(const Plan& plan, const Task& task, const float* x, std::int64_t begin,
                                std::int64_t end) {
  static thread_local Positions positions;
  const Conv2dGeometry& g = plan.g;
  const int height = g.height.output, first_source = task.group * g.in_per_group() + task.source_begin;
  const std::int64_t x_image = std::int64_t{g.height.input} * g.width.input * g.in_channels;
  const std::int64_t first_image = begin / height, last_image = (end - 1) / height;
  const bool copied = last_image > first_image && is_padded(plan.height, plan.width);
  const int most_rows = static_cast<int>(std::min<std::int64_t>(end - begin, height));
  const std::int64_t size = window_size(plan.height, plan.width, most_rows, task.sources);
  float* buffer = thread_scratch<WindowScratch>((last_image - first_image + 1) * size);
  positions.runs.clear();
  positions.count = static_cast<int>(end - begin) * g.width.output;
  for (std::int64_t image = first_image; image <= last_image; ++image, buffer += size) {
    const int row_begin = static_cast<int>(std::max(begin - image * height, std::int64_t{0}));
    const int row_end = static_cast<int>(std::min<std::int64_t>(end - image * height, height));
    const SourceWindow window = open_window({x + image * x_image, g.in_channels, first_source, task.sources},
                                            plan.height, plan.width, row_begin, row_end, buffer, copied);
    if (image == first_image) positions.window = window;
    for (int row = 0; row < row_end - row_begin; ++row) {
      const std::int64_t offset = window.data - positions.window.data + row * plan.height.step * window.row_pitch;
      Run* const last = positions.runs.empty() ? nullptr : &positions.runs.back();
      if (last && offset == last->offset + last->length * plan.width.step * window.column_pitch)
        last->length += g.width.output;  // rows that follow each other at the pace of positions
      else
        positions.runs.push_back({offset, g.width.output});
    }
  }
  return positions;
}

/// Where a row of the task begins: the first position's cell under its tap, its channel.
const float* place_of(const Plan& plan, const SourceWindow& window, int sources, int row) {
  const int tap = row / sources;
  return window.data + tap / plan.g.width.kernel * plan.height.spacing * window.row_pitch +
         tap % plan.g.width.kernel * plan.width.spacing * window.column_pitch + row % sources;
}

/// Copies the columns of x that the rows begin … begin+count-1 of the task read: position after position.
void copy_columns(const Plan& plan, const Positions& positions, int sources, int begin, int count, float* to) {
  for (int row = 0; row < count;) {
    const int left = sources - (begin + row) % sources;  // of the tap
    const int columns = std::min(count - row, left);
    // A whole line is copied faster than a part of one.
    const int width = row == 0 && columns < tile_pitch && left >= tile_pitch ? tile_pitch : columns;
    const float* const place = place_of(plan, positions.window, sources, begin + row);
    float* column = to + row;
    for (const Run& run : positions.runs) {
      panel_kernels().copy_columns(place + run.offset, plan.width.step * positions.window.column_pitch, run.length,
                                   width, column, tile_pitch);
      column += run.length * tile_pitch;
    }
    row += columns;
  }
}

/// Copies whole patches side by side, a float for each row of the task.
const float* gather_patches(const Plan& plan, const Positions& positions, int sources) {
  float* to = thread_scratch<PatchScratch>(std::int64_t{positions.count} * plan.taps * sources);
  const float* const patches = to;
  for (const Run& run : positions.runs)
    for (std::int64_t i = 0; i < run.length; ++i)
      for (int tap = 0; tap < plan.taps; ++tap)
        to = std::copy_n(place_of(plan, positions.window, sources, tap * sources) + run.offset +
                             i * plan.width.step * positions.window.column_pitch,
                         sources, to);
  return patches;
}

/// Adds a stretch of positions to the task's part of dw, or writes it. `dz` is the group's channels at the first.
void add_positions(const Plan& plan, const Positions& positions, const float* dz, const Task& task, float* dw,
                   bool add) {
  const Conv2dGeometry& g = plan.g;
  const TileKernels& kernels = tile_kernels();
  const int channels = task.channels, sources = task.sources;
  // A panel that sticks out of the group is copied, zeros past its last column. There is one at most, the last.
  float* const padded = thread_scratch<GradientScratch>(std::int64_t{positions.count} * max_panel_columns);
  const auto is_padded_panel = [&](int j) { return j + kernels.panel_columns(channels - j) > channels; };
  for (int j = 0; j < channels; j += kernels.panel_columns(channels - j))
    if (is_padded_panel(j))
      panel_kernels().copy(dz + task.channel_begin + j, g.out_channels, positions.count, channels - j,
                           kernels.panel_columns(channels - j), padded);
  // Copied columns are one run of positions. Patches are one already.
  const bool copied = !plan.gather_patches && sources >= max_tile_rows &&
                      positions.count < short_run * static_cast<std::int64_t>(positions.runs.size());
  const float* const patches = plan.gather_patches ? gather_patches(plan, positions, sources) : nullptr;
  float* const tile_columns = thread_scratch<TileScratch>(std::int64_t{positions.count} * tile_pitch);
  const Run all_positions = {0, positions.count};
  const bool one_run = copied || plan.gather_patches;
  const int tile_rows = kernels.tile_rows(kernels.panel_columns(channels));
  // The rows of dw follow each other through all taps, or, where the task has some of the channels, through each.
  const int rows = plan.taps * sources, stretch = sources == g.in_per_group() ? rows : sources;
  for (int begin = 0, count = 0; begin < rows; begin += count) {
    count = std::min(tile_rows, stretch - begin % stretch);
    const int dw_row = begin / stretch * g.in_per_group() + task.source_begin + begin % stretch;
    if (copied) copy_columns(plan, positions, sources, begin, count, tile_columns);
    const float* row[max_tile_rows];
    for (int r = 0; r < max_tile_rows; ++r) {
      const int at = std::min(r, count - 1);
      row[r] = copied    ? tile_columns + at
               : patches ? patches + begin + at
                         : place_of(plan, positions.window, sources, begin + at);
    }
    for (int j = 0; j < channels;) {
      const int panel = kernels.panel_columns(channels - j), columns = std::min(panel, channels - j);
      for (int r = 0; r < count; r += kernels.tile_rows(panel))
        multiply_into(kernels,
                      {.rows = row + r,
                       .runs = one_run ? &all_positions : positions.runs.data(),
                       .run_count = one_run ? 1 : static_cast<std::int64_t>(positions.runs.size()),
                       .a_step = copied    ? tile_pitch
                                 : patches ? rows
                                           : plan.width.step * positions.window.column_pitch,
                       .b = is_padded_panel(j) ? padded : dz + task.channel_begin + j,
                       .b_step = is_padded_panel(j) ? panel : g.out_channels,
                       .c = dw + std::int64_t{dw_row + r} * g.out_channels + task.channel_begin + j,
                       .c_step = g.out_channels,
                       .add = add},
                      panel, std::min(count - r, kernels.tile_rows(panel)), columns);
      j += panel;
    }
  }
}

/// A task's part of the gradient of one block of images.
void sum_block(const Plan& plan, const float* x, const float* dz, int images_begin, int images_end, const Task& task,
               float* dw) {
  const Conv2dGeometry& g = plan.g;
  const std::int64_t rows_begin = std::int64_t{images_begin} * g.height.output;
  const std::int64_t rows = std::int64_t{images_end - images_begin} * g.height.output;
  const std::int64_t most_rows = std::max(1, sum_positions / g.width.output);
  const std::int64_t rows_per_sum = block_count(rows, block_count(rows, most_rows));
  const int first_channel = task.group * g.out_per_group();
  for (std::int64_t row = 0; row < rows; row += rows_per_sum) {
    const std::int64_t begin = rows_begin + row, end = rows_begin + std::min(rows, row + rows_per_sum);
    const Positions& positions = open_positions(plan, task, x, begin, end);
    add_positions(plan, positions, dz + begin * g.width.output * g.out_channels + first_channel, task,
                  dw + first_channel, row > 0);
  }
}

/// Adds the depthwise gradient of a block of images: the image is read where it lies, near its border with fewer taps.
void sum_depthwise(const Plan& plan, const float* x, const float* dz, int images_begin, int images_end, int begin,
                   int count, float* dw) {
  static thread_local std::vector<DepthwiseTap> taps;
  const Conv2dGeometry& g = plan.g;
  const DepthwiseKernels& kernels = depthwise_kernels();
  for (int tap = 0; tap < plan.taps; ++tap) std::fill_n(dw + std::int64_t{tap} * g.out_channels + begin, count, 0.0f);
  const bool from_memory = plan.channel_tasks == 1 && g.x_size() > cached_floats / 2;
  for (std::int64_t image = images_begin; image < images_end; ++image) {
    int fetched = 0;
    for (int row = 0; row < g.height.output; ++row) {
      if (from_memory) {
        const std::int64_t x_row = std::int64_t{g.width.input} * g.in_channels;
        const std::int64_t dz_row = std::int64_t{g.width.output} * g.out_channels;
        const int needed = std::clamp(plan.height.highest(row) + 1, fetched, g.height.input);
        fetch(x + (image * g.height.input + fetched) * x_row, (needed - fetched) * x_row);
        fetch(dz + (image * g.height.output + row) * dz_row, dz_row);
        fetched = needed;
      }
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
  }
}

}  // namespace

void conv2d_backward_weights_blocked(View<const float> x, View<const float> dz, View<float> dw, const Conv2dGeometry& g,
                                     bool gather_patches) {
  if (g.batch == 0 || g.height.output == 0 || g.width.output == 0) return std::fill_n(dw.data, dw.size, 0.0f), void();
  const Plan plan = make_plan(g, gather_patches);
  float* const partial = plan.image_blocks == 1 ? dw.data : thread_scratch<PartialScratch>(plan.image_blocks * dw.size);
  const std::int64_t group_tasks = std::int64_t{plan.source_tasks} * plan.channel_tasks;
  const std::int64_t block_tasks = group_tasks * (plan.depthwise ? 1 : g.groups);
  parallel_for(plan.image_blocks * block_tasks, [&](std::int64_t number) {
    const int block = static_cast<int>(number / block_tasks), images_begin = block * plan.images_per_block;
    const int images_end = std::min(g.batch, images_begin + plan.images_per_block);
    const int channel_begin = static_cast<int>(number % plan.channel_tasks) * plan.channels_per_task;
    const int source_begin = static_cast<int>(number / plan.channel_tasks % plan.source_tasks) * plan.sources_per_task;
    const int channel_end =
        std::min(plan.depthwise ? g.out_channels : g.out_per_group(), channel_begin + plan.channels_per_task);
    float* const to = partial + block * dw.size;
    if (plan.depthwise)
      return sum_depthwise(plan, x.data, dz.data, images_begin, images_end, channel_begin, channel_end - channel_begin,
                           to);
    sum_block(plan, x.data, dz.data, images_begin, images_end,
              {.group = static_cast<int>(number % block_tasks / group_tasks),
               .source_begin = source_begin,
               .sources = std::min(g.in_per_group() - source_begin, plan.sources_per_task),
               .channel_begin = channel_begin,
               .channels = channel_end - channel_begin},
              to);
  });
  if (plan.image_blocks == 1) return;
  parallel_elements(dw.size, [&](std::int64_t begin, std::int64_t end) {
    std::copy(partial + begin, partial + end, dw.data + begin);
    for (int block = 1; block < plan.image_blocks; ++block)
      for (std::int64_t i = begin; i < end; ++i) dw.data[i] += partial[block * dw.size + i];
  });
}

}  // namespace mien::kernels::cpu

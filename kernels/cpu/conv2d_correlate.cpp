// A task is a block of output rows of one image times a block of output channels: small enough that its window of the
// source and its sums stay in a cache, so the epilogue reads the sums from there and only its result reaches memory.
//
// Positions become the rows of a register tile (gemm_tile.h), output channels its columns. Taps that lie side by side
// in the window, as those of one kernel row do, are one run of k.
#include "mien/kernels/cpu/conv2d_correlate.h"

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/gemm_tile.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Output channels and positions of a task, about.
constexpr int task_channels = 64, task_positions = 192;
/// Positions whose patches are gathered at once: whole tiles on every instruction set.
constexpr int patch_positions = 4 * max_tile_rows;

struct WeightScratch;
struct WindowScratch;
struct SumsScratch;
struct PatchScratch;

/// The shape of the tasks, and where a group's packed weights lie.
struct Plan {
  const Correlation& c;
  bool depthwise;
  int taps;
  std::int64_t depth;  ///< values of k
  int rows_per_task, row_tasks;
  int channels_per_task;  ///< whole panels, all in one group; depthwise: any, each its own group
  int channel_tasks;
  std::int64_t pitch;          ///< floats from one position's sums to the next: the columns of a block's panels
  std::int64_t group_weights;  ///< floats of one group's packed weights; depthwise: of one channel block's
};

/// Columns of all the panels that cover `channels`.
int panels_width(const TileKernels& kernels, int channels) {
  int width = 0;
  while (width < channels) width += kernels.panel_columns(channels - width);
  return width;
}

Plan make_plan(const Correlation& c, const TileKernels& kernels) {
  Plan plan = {.c = c,
               .depthwise = c.groups > 1 && c.in_per_group == 1 && c.out_per_group == 1,
               .taps = c.height.taps * c.width.taps,
               .depth = 0,
               .rows_per_task = 1,
               .row_tasks = 1,
               .channels_per_task = 1,
               .channel_tasks = 1,
               .pitch = 0,
               .group_weights = 0};
  plan.depth = std::int64_t{plan.taps} * c.in_per_group;
  plan.rows_per_task = std::max(1, task_positions / std::max(1, c.width.positions));
  if (c.pool) plan.rows_per_task = (plan.rows_per_task + 1) / 2 * 2;
  plan.rows_per_task = std::min(plan.rows_per_task, std::max(1, c.height.positions));
  plan.row_tasks = static_cast<int>(block_count(c.height.positions, plan.rows_per_task));
  const int channels = plan.depthwise ? c.groups : c.out_per_group;
  plan.channels_per_task = std::min(channels, task_channels);
  plan.channel_tasks =
      static_cast<int>(block_count(channels, plan.channels_per_task)) * (plan.depthwise ? 1 : c.groups);
  plan.pitch = plan.depthwise ? plan.channels_per_task : panels_width(kernels, plan.channels_per_task);
  plan.group_weights = plan.depthwise ? plan.taps * plan.pitch : plan.depth * panels_width(kernels, c.out_per_group);
  return plan;
}

/// The channels of one channel task: of the result, and which it reads.
struct Channels {
  int begin, count;
  int source_begin, source_count;
  std::int64_t weights;  ///< where their packed weights begin
};

Channels channels_of(const Plan& plan, int task) {
  const Correlation& c = plan.c;
  if (plan.depthwise) {
    const int begin = task * plan.channels_per_task, count = std::min(plan.channels_per_task, c.groups - begin);
    return {begin, count, begin, count, task * plan.group_weights};
  }
  const int tasks_per_group = plan.channel_tasks / c.groups, group = task / tasks_per_group;
  const int begin = task % tasks_per_group * plan.channels_per_task;
  return {group * c.out_per_group + begin, std::min(plan.channels_per_task, c.out_per_group - begin),
          group * c.in_per_group, c.in_per_group, group * plan.group_weights + plan.depth * begin};
}

/// Where the weight of a tap lies for source channel `in` (within its group) and result channel `out` (of all).
std::int64_t weight_place(const Correlation& c, int tap, int in, int out) {
  const int row = c.w_height.first + tap / c.width.taps * c.w_height.step;
  const int column = c.w_width.first + tap % c.width.taps * c.w_width.step;
  const std::int64_t place = std::int64_t{row} * c.w_kernel_width + column;
  if (!c.w_turned) return (place * c.in_per_group + in) * (c.groups * c.out_per_group) + out;
  const int group = out / c.out_per_group;
  return (place * c.out_per_group + out % c.out_per_group) * (c.groups * c.in_per_group) + group * c.in_per_group + in;
}

/// Copies one panel of weights, of the result's channels from `out` on: k down, its columns side by side, zeros past
/// the last.
void pack_panel(const Plan& plan, int out, int columns, int panel, float* packed) {
  const Correlation& c = plan.c;
  const std::int64_t in_step = c.w_turned ? 1 : std::int64_t{c.groups} * c.out_per_group;
  const std::int64_t out_step = c.w_turned ? std::int64_t{c.groups} * c.in_per_group : 1;
  for (int tap = 0; tap < plan.taps; ++tap) {
    const float* const from = c.w + weight_place(c, tap, 0, out);
    for (int in = 0; in < c.in_per_group; ++in, packed += panel) {
      for (int column = 0; column < columns; ++column) packed[column] = from[in * in_step + column * out_step];
      std::fill(packed + columns, packed + panel, 0.0f);
    }
  }
}

/// Packs the weights of every group, on all threads: group after group, panel after panel. The panel that starts at
/// column j of its group lies depth * j floats into the group's.
void pack_weights(const Plan& plan, const TileKernels& kernels, float* packed) {
  const int width = kernels.panel_columns(max_panel_columns), panels = (plan.c.out_per_group + width - 1) / width;
  parallel_for(std::int64_t{plan.c.groups} * panels, [&](std::int64_t task) {
    const int group = static_cast<int>(task / panels), end = plan.c.out_per_group;
    const int begin = static_cast<int>(task % panels) * width;
    for (int j = begin; j < std::min(end, begin + width);) {
      const int panel = kernels.panel_columns(end - j), columns = std::min(panel, end - j);
      pack_panel(plan, group * end + j, columns, panel, packed + group * plan.group_weights + plan.depth * j);
      j += panel;
    }
  });
}

/// The depthwise weights of a channel block, tap after tap.
void pack_depthwise(const Plan& plan, const Channels& channels, float* packed) {
  for (int tap = 0; tap < plan.taps; ++tap)
    for (int j = 0; j < channels.count; ++j)
      packed[std::int64_t{tap} * channels.count + j] = plan.c.w[weight_place(plan.c, tap, 0, channels.begin + j)];
}

/// The runs of k in a window.
const std::vector<Run>& window_runs(const Plan& plan, const SourceWindow& window) {
  static thread_local std::vector<Run> runs;
  const Correlation& c = plan.c;
  const bool whole_rows = c.width.spacing == 1 && window.column_pitch == c.in_per_group;
  runs.clear();
  for (int i = 0; i < c.height.taps; ++i) {
    const std::int64_t row = i * std::int64_t{c.height.spacing} * window.row_pitch;
    if (whole_rows) {
      runs.push_back({row, std::int64_t{c.width.taps} * c.in_per_group});
      continue;
    }
    for (int j = 0; j < c.width.taps; ++j)
      runs.push_back({row + j * c.width.spacing * window.column_pitch, c.in_per_group});
  }
  return runs;
}

/// Where tap (0, 0) of each position lies, and behind the last as many repetitions as a tile may be short of rows.
const float* const* position_places(const Correlation& c, const SourceWindow& window, int rows) {
  static thread_local std::vector<const float*> places;
  places.clear();
  for (int row = 0; row < rows; ++row) {
    const float* place = window.data + std::int64_t{row} * c.height.step * window.row_pitch;
    for (int column = 0; column < c.width.positions; ++column, place += c.width.step * window.column_pitch)
      places.push_back(place);
  }
  places.insert(places.end(), max_tile_rows, places.back());
  return places.data();
}

/// The sums at `positions` neighbouring positions, whose places are given, from the packed weights.
void multiply_positions(const Plan& plan, const float* const* places, int positions, const Run* runs, int run_count,
                        const Channels& channels, const TileKernels& kernels, const float* packed, float* sums) {
  for (int j = 0; j < channels.count;) {
    const int panel = kernels.panel_columns(channels.count - j), tile_rows = kernels.tile_rows(panel);
    for (int position = 0; position < positions; position += tile_rows)
      kernels.multiply(panel, std::min(tile_rows, positions - position),
                       {.rows = places + position,
                        .runs = runs,
                        .run_count = run_count,
                        .b = packed,
                        .b_step = panel,
                        .c = sums + position * plan.pitch + j,
                        .c_step = plan.pitch});
    packed += plan.depth * panel;
    j += panel;
  }
}

/// The sums of a window's rows of positions.
void multiply_window(const Plan& plan, const SourceWindow& window, int rows, const Channels& channels,
                     const TileKernels& kernels, const float* packed, float* sums) {
  const Correlation& c = plan.c;
  const std::vector<Run>& runs = window_runs(plan, window);
  const float* const* const places = position_places(c, window, rows);
  const int positions = rows * c.width.positions;
  if (!c.gather_patches)
    return multiply_positions(plan, places, positions, runs.data(), static_cast<int>(runs.size()), channels, kernels,
                              packed, sums);
  const Run whole_patch = {0, plan.depth};
  float* const patches = thread_scratch<PatchScratch>(patch_positions * plan.depth);
  for (int begin = 0; begin < positions; begin += patch_positions) {
    const int count = std::min(patch_positions, positions - begin);
    const float* patch_places[patch_positions + max_tile_rows];
    float* to = patches;
    for (int i = 0; i < count; ++i) {
      patch_places[i] = to;
      for (const Run& run : runs) to = std::copy_n(places[begin + i] + run.offset, run.length, to);
    }
    std::fill_n(patch_places + count, max_tile_rows, patch_places[count - 1]);
    multiply_positions(plan, patch_places, count, &whole_patch, 1, channels, kernels, packed,
                       sums + begin * plan.pitch);
  }
}

void depthwise_window(const Plan& plan, const SourceWindow& window, int rows, const Channels& channels,
                      const float* packed, float* sums) {
  static thread_local std::vector<std::int64_t> taps;
  const Correlation& c = plan.c;
  taps.clear();
  for (int i = 0; i < c.height.taps; ++i)
    for (int j = 0; j < c.width.taps; ++j)
      taps.push_back(i * c.height.spacing * window.row_pitch + j * c.width.spacing * window.column_pitch);
  const DepthwiseKernels& kernels = depthwise_kernels();
  for (int row = 0; row < rows; ++row)
    kernels.sums({.window = window.data + std::int64_t{row} * c.height.step * window.row_pitch,
                  .step = c.width.step * window.column_pitch,
                  .taps = taps.data(),
                  .tap_count = plan.taps,
                  .positions = c.width.positions,
                  .channels = channels.count},
                 packed, channels.count, sums + std::int64_t{row} * c.width.positions * plan.pitch, plan.pitch);
}

/// From the sums of rows row_begin … row_end-1 to y.
void finish(const Plan& plan, const EpilogueKernels& kernels, std::int64_t image, int row_begin, int row_end,
            const Channels& channels, const float* sums) {
  const Correlation& c = plan.c;
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group;
  EpilogueRow row = {.sums = sums,
                     .pitch = plan.pitch,
                     .positions = c.width.positions,
                     .channels = channels.count,
                     .bias = c.bias ? c.bias + channels.begin : nullptr,
                     .activation = c.activation,
                     .y = nullptr,
                     .y_pitch = y_channels * c.result_column_step};
  if (c.pool) {
    const int y_height = c.result_height / 2, y_width = c.result_width / 2;
    row.positions = y_width;
    for (int i = row_begin; i + 1 < row_end; i += 2) {
      const std::int64_t place = ((image * y_height + i / 2) * y_width) * y_channels + channels.begin;
      row.sums = sums + (i - row_begin) * c.width.positions * plan.pitch;
      row.lower = row.sums + c.width.positions * plan.pitch;
      row.y = c.y + place;
      row.argmax = c.argmax + place;
      kernels.pooled(row);
    }
    return;
  }
  for (int i = row_begin; i < row_end; ++i) {
    const std::int64_t y_row = image * c.result_height + i * c.result_row_step + c.result_row_first;
    row.sums = sums + (i - row_begin) * c.width.positions * plan.pitch;
    row.y = c.y + (y_row * c.result_width + c.result_column_first) * y_channels + channels.begin;
    kernels.plain(row);
  }
}

}  // namespace

void correlate(const Correlation& c) {
  const TileKernels& kernels = tile_kernels();
  const Plan plan = make_plan(c, kernels);
  const EpilogueKernels& epilogue = epilogue_kernels();
  const float* packed = c.packed;
  if (plan.depthwise) {
    float* const to = thread_scratch<WeightScratch>(plan.channel_tasks * plan.group_weights);
    for (int task = 0; task < plan.channel_tasks; ++task)
      pack_depthwise(plan, channels_of(plan, task), to + task * plan.group_weights);
    packed = to;
  } else if (!packed) {
    float* const to = thread_scratch<WeightScratch>(c.groups * plan.group_weights);
    pack_weights(plan, kernels, to);
    packed = to;
  }
  const int source_channels = c.groups * c.in_per_group;
  const std::int64_t source_image = std::int64_t{c.height.source} * c.width.source * source_channels;
  const std::int64_t sums_size = (std::int64_t{plan.rows_per_task} * c.width.positions + max_tile_rows) * plan.pitch;
  parallel_for(std::int64_t{c.batch} * plan.row_tasks * plan.channel_tasks, [&](std::int64_t task) {
    const int channel_task = static_cast<int>(task % plan.channel_tasks);
    const std::int64_t image = task / plan.channel_tasks / plan.row_tasks;
    const int row_begin = static_cast<int>(task / plan.channel_tasks % plan.row_tasks) * plan.rows_per_task;
    const int row_end = std::min(c.height.positions, row_begin + plan.rows_per_task);
    const Channels channels = channels_of(plan, channel_task);
    float* const sums = thread_scratch<SumsScratch>(sums_size);
    const SourceWindow window = open_window(
        {c.source + image * source_image, source_channels, channels.source_begin, channels.source_count}, c.height,
        c.width, row_begin, row_end,
        thread_scratch<WindowScratch>(window_size(c.height, c.width, plan.rows_per_task, channels.source_count)));
    const float* const weights = packed + channels.weights;
    if (plan.depthwise)
      depthwise_window(plan, window, row_end - row_begin, channels, weights, sums);
    else
      multiply_window(plan, window, row_end - row_begin, channels, kernels, weights, sums);
    finish(plan, epilogue, image, row_begin, row_end, channels, sums);
  });
}

std::int64_t packed_weights_size(const Correlation& c) {
  const Plan plan = make_plan(c, tile_kernels());
  return plan.depthwise ? 0 : c.groups * plan.group_weights;
}

void pack_weights(const Correlation& c, float* packed) {
  const TileKernels& kernels = tile_kernels();
  const Plan plan = make_plan(c, kernels);
  if (!plan.depthwise) pack_weights(plan, kernels, packed);
}

}  // namespace mien::kernels::cpu

// A task is a block of rows of positions, of neighbouring images where the images are small, times a range of output
// channels: as many channels as leave tasks enough for the threads, so that the window of the source is opened seldom.
//
// Positions become the rows of a register tile (gemm_tile.h), output channels its columns. Taps that lie side by side
// in the window, as those of one kernel row do, are one run of k: the sum of each element is one chain over k.
//
// Within a task, the channels go in blocks whose weights stay in the second cache, and the positions in chunks whose
// sums stay in the first: the epilogue reads them from there, and only its result reaches memory.
#include "mien/kernels/cpu/conv2d_correlate.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "mien/kernels/cpu/conv2d_packing.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Floats of a task's source window, of a channel block's weights and of a chunk's sums, about.
constexpr std::int64_t window_floats = 1 << 16, block_weights = 1 << 17, chunk_sums = 1 << 12;
/// Bounds of a task's positions, and the number of tasks that channels are divided for.
constexpr int least_positions = 96, most_positions = 192, enough_tasks = 16;
/// Positions whose patches are gathered at once: whole tiles on every instruction set.
constexpr int patch_positions = 4 * max_tile_rows;

struct WeightScratch;
struct BlockScratch;
struct WindowScratch;
struct SumsScratch;
struct PatchScratch;

/// The shape of the tasks.
struct Plan {
  const Correlation& c;
  std::int64_t depth;  ///< values of k
  int units;           ///< tasks keep to one: an image, with the pool, else the whole batch
  int unit_rows;       ///< rows of positions in a unit
  int rows_per_task, row_tasks;
  int channels_per_task, channel_tasks;  ///< of one group; whole panels
  int channels_per_block, positions_per_chunk;
  std::int64_t group_weights;  ///< floats of one group's packed weights
};

/// Rows of positions that suit one task.
int task_rows(const Correlation& c, int unit_rows) {
  const int width = c.width.positions;
  const std::int64_t floats_per_position = std::int64_t{c.in_per_group} * c.height.step * c.width.step;
  const auto positions =
      static_cast<int>(std::clamp<std::int64_t>(window_floats / floats_per_position, least_positions, most_positions));
  // Rows that fill whole tiles, where few enough do.
  const int whole = max_tile_rows / std::gcd(max_tile_rows, width);
  int rows = whole * width <= positions ? positions / (whole * width) * whole : std::max(1, positions / width);
  if (c.pool) rows = (rows + 1) / 2 * 2;
  return std::min(rows, unit_rows);
}

Plan make_plan(const Correlation& c, const TileKernels& kernels) {
  Plan plan = {.c = c,
               .depth = correlation_depth(c),
               .units = c.pool ? c.batch : 1,
               .unit_rows = c.pool ? c.height.positions : c.batch * c.height.positions,
               .rows_per_task = 1,
               .row_tasks = 1,
               .channels_per_task = 1,
               .channel_tasks = 1,
               .channels_per_block = 1,
               .positions_per_chunk = 1,
               .group_weights = 0};
  plan.rows_per_task = task_rows(c, plan.unit_rows);
  plan.row_tasks = static_cast<int>(block_count(plan.unit_rows, plan.rows_per_task));
  plan.group_weights = plan.depth * panels_width(kernels, c.out_per_group);
  const int panel = kernels.panel_columns(max_panel_columns), panels = (c.out_per_group + panel - 1) / panel;
  const std::int64_t position_tasks = std::int64_t{plan.units} * plan.row_tasks * c.groups;
  const std::int64_t wanted = std::min<std::int64_t>(panels, block_count(enough_tasks, position_tasks));
  plan.channels_per_task = static_cast<int>(block_count(panels, wanted)) * panel;
  plan.channel_tasks = static_cast<int>(block_count(c.out_per_group, plan.channels_per_task));
  const std::int64_t block_panels = std::max<std::int64_t>(1, block_weights / (plan.depth * panel));
  plan.channels_per_block = static_cast<int>(std::min<std::int64_t>(plan.channels_per_task, block_panels * panel));
  const auto chunk = static_cast<int>(chunk_sums / plan.channels_per_block / max_tile_rows);
  plan.positions_per_chunk = c.pool ? plan.rows_per_task * c.width.positions : std::max(1, chunk) * max_tile_rows;
  return plan;
}

/// Rows of positions, counted through the images, and the channels that a task computes there.
struct Task {
  std::int64_t row_begin, row_end;
  int group, channel_begin, channel_end;  ///< channels within the group
};

Task task_of(const Plan& plan, std::int64_t number) {
  const Correlation& c = plan.c;
  const std::int64_t unit = number / (plan.row_tasks * c.groups * plan.channel_tasks);
  const std::int64_t row_task = number / (c.groups * plan.channel_tasks) % plan.row_tasks;
  const int channel_begin = static_cast<int>(number % plan.channel_tasks) * plan.channels_per_task;
  const std::int64_t unit_begin = unit * plan.unit_rows, row_begin = row_task * plan.rows_per_task;
  return {.row_begin = unit_begin + row_begin,
          .row_end = unit_begin + std::min<std::int64_t>(plan.unit_rows, row_begin + plan.rows_per_task),
          .group = static_cast<int>(number / plan.channel_tasks % c.groups),
          .channel_begin = channel_begin,
          .channel_end = std::min(c.out_per_group, channel_begin + plan.channels_per_task)};
}

/// What the positions of a task read: where tap (0, 0) of each lies, and the runs of k from there.
struct Patches {
  std::vector<const float*> places;  ///< behind the last, as many repetitions as a tile may be short of rows
  std::vector<Run> runs;
};

/// Opens the windows of a task, one for each image that it meets.
const Patches& open_patches(const Plan& plan, const Task& task) {
  static thread_local Patches patches;
  const Correlation& c = plan.c;
  const int height = c.height.positions, source_channels = c.groups * c.in_per_group;
  const std::int64_t source_image = std::int64_t{c.height.source} * c.width.source * source_channels;
  const std::int64_t first_image = task.row_begin / height, last_image = (task.row_end - 1) / height;
  // Windows of several images must be alike: all copies, if the whole image's would be one.
  const bool copied = last_image > first_image && is_padded(c.height, c.width);
  std::int64_t size = 0;
  for (std::int64_t image = first_image; image <= last_image; ++image)
    size += window_size(c.height, c.width, static_cast<int>(std::min<std::int64_t>(plan.rows_per_task, height)),
                        c.in_per_group);
  float* buffer = thread_scratch<WindowScratch>(size);
  SourceWindow window = {};
  patches.places.clear();
  for (std::int64_t image = first_image; image <= last_image; ++image) {
    const int begin = static_cast<int>(std::max(task.row_begin - image * height, std::int64_t{0}));
    const int end = static_cast<int>(std::min<std::int64_t>(task.row_end - image * height, height));
    window =
        open_window({c.source + image * source_image, source_channels, task.group * c.in_per_group, c.in_per_group},
                    c.height, c.width, begin, end, buffer, copied);
    buffer += window_size(c.height, c.width, end - begin, c.in_per_group);
    for (int row = begin; row < end; ++row) {
      const float* place = window.data + std::int64_t{row - begin} * c.height.step * window.row_pitch;
      for (int column = 0; column < c.width.positions; ++column, place += c.width.step * window.column_pitch)
        patches.places.push_back(place);
    }
  }
  patches.places.insert(patches.places.end(), max_tile_rows, patches.places.back());

  const bool whole_rows = c.width.spacing == 1 && window.column_pitch == c.in_per_group;
  patches.runs.clear();
  for (int i = 0; i < c.height.taps; ++i) {
    const std::int64_t row = i * std::int64_t{c.height.spacing} * window.row_pitch;
    if (whole_rows) {
      patches.runs.push_back({row, std::int64_t{c.width.taps} * c.in_per_group});
      continue;
    }
    for (int j = 0; j < c.width.taps; ++j)
      patches.runs.push_back({row + j * c.width.spacing * window.column_pitch, c.in_per_group});
  }
  return patches;
}

/// The packed weights of a block of channels, and the block's sums.
struct Block {
  int channels;
  const float* packed;
  std::int64_t pitch;  ///< floats from one position's sums to the next: the columns of the block's panels
};

/// The sums at `positions` neighbouring positions, whose places are given.
void multiply_positions(const Plan& plan, const float* const* places, int positions, const Run* runs,
                        std::size_t run_count, const Block& block, const TileKernels& kernels, float* sums) {
  const float* packed = block.packed;
  for (int j = 0; j < block.channels;) {
    const int panel = kernels.panel_columns(block.channels - j), tile_rows = kernels.tile_rows(panel);
    for (int position = 0; position < positions; position += tile_rows)
      kernels.multiply(panel, std::min(tile_rows, positions - position),
                       {.rows = places + position,
                        .runs = runs,
                        .run_count = static_cast<std::int64_t>(run_count),
                        .b = packed,
                        .b_step = panel,
                        .c = sums + position * block.pitch + j,
                        .c_step = block.pitch});
    packed += plan.depth * panel;
    j += panel;
  }
}

/// The same by way of copies of the patches.
void gather_and_multiply(const Plan& plan, const float* const* places, int positions, const std::vector<Run>& runs,
                         const Block& block, const TileKernels& kernels, float* sums) {
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
    multiply_positions(plan, patch_places, count, &whole_patch, 1, block, kernels, sums + begin * block.pitch);
  }
}

/// From sums to y without the pool: `count` positions from `begin` on, counted through the images; channels from
/// `channel` on, of all.
void finish(const Plan& plan, std::int64_t begin, int count, int channel, const Block& block, const float* sums) {
  const Correlation& c = plan.c;
  const EpilogueKernels& kernels = epilogue_kernels();
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group;
  EpilogueRow row = {.sums = sums,
                     .pitch = block.pitch,
                     .positions = count,
                     .channels = block.channels,
                     .bias = c.bias ? c.bias + channel : nullptr,
                     .residual = c.residual ? c.residual + begin * y_channels + channel : nullptr,
                     .activation = c.activation,
                     .y = c.y + begin * y_channels + channel,
                     .y_pitch = y_channels * c.result_column_step,
                     .streamed = is_streamed(c)};
  // Where nothing lies between, positions run on from row to row.
  if (c.result_column_step == 1 && c.result_row_step == 1 && c.result_width == c.width.positions &&
      c.result_height == c.height.positions)
    return kernels.plain(row);
  for (const std::int64_t end = begin + count; begin < end; begin += row.positions) {
    const std::int64_t image_row = begin / c.width.positions, column = begin % c.width.positions;
    row.positions = static_cast<int>(std::min(end - begin, c.width.positions - column));
    const std::int64_t y_row = image_row / c.height.positions * c.result_height +
                               image_row % c.height.positions * c.result_row_step + c.result_row_first;
    const std::int64_t place =
        channel + (y_row * c.result_width + column * c.result_column_step + c.result_column_first) * y_channels;
    row.y = c.y + place;
    if (c.residual) row.residual = c.residual + place;
    kernels.plain(row);
    row.sums += row.positions * block.pitch;
  }
}

/// With it: whole rows of one image, of which an odd last one is left out.
void finish_pooled(const Plan& plan, const Task& task, int channel, const Block& block, const float* sums) {
  const Correlation& c = plan.c;
  const EpilogueKernels& kernels = epilogue_kernels();
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group, row_sums = c.width.positions * block.pitch;
  const std::int64_t image = task.row_begin / c.height.positions, first = image * c.height.positions;
  const int y_height = c.result_height / 2, y_width = c.result_width / 2;
  for (std::int64_t i = task.row_begin; i + 1 < task.row_end; i += 2, sums += 2 * row_sums) {
    const std::int64_t place = (image * y_height + (i - first) / 2) * y_width * y_channels + channel;
    kernels.pooled({.sums = sums,
                    .lower = sums + row_sums,
                    .pitch = block.pitch,
                    .positions = y_width,
                    .channels = block.channels,
                    .bias = c.bias ? c.bias + channel : nullptr,
                    .activation = c.activation,
                    .y = c.y + place,
                    .argmax = c.argmax ? c.argmax + place : nullptr,
                    .y_pitch = y_channels});
  }
}

/// One task; without packed weights it packs those that it needs, a block at a time.
void run_task(const Plan& plan, const Task& task, const float* packed) {
  const Correlation& c = plan.c;
  const TileKernels& kernels = tile_kernels();
  const Patches& patches = open_patches(plan, task);
  const std::int64_t first_position = task.row_begin * c.width.positions;
  const int positions = static_cast<int>((task.row_end - task.row_begin) * c.width.positions);
  for (int begin = task.channel_begin; begin < task.channel_end; begin += plan.channels_per_block) {
    const int end = std::min(task.channel_end, begin + plan.channels_per_block);
    Block block = {end - begin, packed ? packed + task.group * plan.group_weights + plan.depth * begin : nullptr,
                   panels_width(kernels, end - begin)};
    if (!packed) {
      float* const to = thread_scratch<BlockScratch>(plan.depth * block.pitch);
      pack_columns(c, task.group, begin, end, to);
      block.packed = to;
    }
    const int channel = task.group * c.out_per_group + begin;
    const int chunk = std::min(plan.positions_per_chunk, positions);
    float* const sums = thread_scratch<SumsScratch>((chunk + max_tile_rows) * block.pitch);
    for (int position = 0; position < positions; position += chunk) {
      const int count = std::min(chunk, positions - position);
      if (c.gather_patches)
        gather_and_multiply(plan, patches.places.data() + position, count, patches.runs, block, kernels, sums);
      else
        multiply_positions(plan, patches.places.data() + position, count, patches.runs.data(), patches.runs.size(),
                           block, kernels, sums);
      if (!c.pool) finish(plan, first_position + position, count, channel, block, sums);
    }
    if (c.pool) finish_pooled(plan, task, channel, block, sums);
  }
  if (is_streamed(c)) epilogue_kernels().finish_streaming();
}

}  // namespace

void correlate(const Correlation& c) {
  if (c.batch == 0 || c.height.positions == 0 || c.width.positions == 0) return;
  if (is_depthwise(c)) return correlate_depthwise(&c, 1);
  const Plan plan = make_plan(c, tile_kernels());
  const float* packed = c.packed;
  // Weights that more than one task reads are packed once for all of them.
  if (!packed && plan.units * plan.row_tasks > 1) {
    float* const to = thread_scratch<WeightScratch>(c.groups * plan.group_weights);
    pack_weights(c, to);
    packed = to;
  }
  parallel_for(std::int64_t{plan.units} * plan.row_tasks * c.groups * plan.channel_tasks,
               [&](std::int64_t number) { run_task(plan, task_of(plan, number), packed); });
}

}  // namespace mien::kernels::cpu

// A task is a block of rows of positions, of neighbouring images where the images are small, times a range of output
// channels: as many channels as leave tasks enough for the threads, so that the window of the source is opened seldom.
//
// Positions become the rows of a register tile (gemm_tile.h), output channels its columns. Taps that lie side by side
// in the window, as those of one kernel row do, are one run of k: the sum of each element is one chain over k.
//
// Within a task, a panel of channels meets all positions, a block of k at a time whose weights stay in the first
// cache. A whole tile hands its sums on to the epilogue from the registers; what is left over, or goes into a pool, has
// it read them from the cache. Only its result reaches memory.
#include "mien/kernels/cpu/conv2d_correlate.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "mien/kernels/cpu/conv2d_packing.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Floats of a task's source window, about.
constexpr std::int64_t window_floats = 1 << 16;
/// Bounds of a task's positions, and the number of tasks that channels are divided for.
constexpr int least_positions = 96, most_positions = 192, enough_tasks = 16;
/// Values of k whose weights, of a panel, stay in the first cache beside a tile's rows of the source: 20 KB and 8.
constexpr std::int64_t most_depth = 160;

struct WeightScratch;
struct TaskWeightScratch;
struct WindowScratch;
struct SumsScratch;
struct PatchScratch;

/// The shape of the tasks.
struct Plan {
  const Correlation& c;
  std::int64_t depth;        ///< values of k
  std::int64_t block_depth;  ///< of them, that are taken at a time
  int units;                 ///< tasks keep to one: an image, with the pool, else the whole batch
  int unit_rows;             ///< rows of positions in a unit
  int rows_per_task, row_tasks;
  int channels_per_task, channel_tasks;  ///< of one group; whole panels
  std::int64_t group_weights;            ///< floats of one group's packed weights
  bool weights_outweigh;                 ///< the source
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
  // As many tasks as that makes, alike: the last one with half the rows would leave a thread waiting.
  const int unit = c.pool ? 2 : rows >= whole ? whole : 1;
  const std::int64_t tasks = block_count(unit_rows, rows);
  rows = static_cast<int>(block_count(block_count(unit_rows, tasks), unit)) * unit;
  return std::min(rows, unit_rows);
}

Plan make_plan(const Correlation& c, const TileKernels& kernels) {
  Plan plan = {.c = c,
               .depth = correlation_depth(c),
               .block_depth = 1,
               .units = c.pool ? c.batch : 1,
               .unit_rows = c.pool ? c.height.positions : c.batch * c.height.positions,
               .rows_per_task = 1,
               .row_tasks = 1,
               .channels_per_task = 1,
               .channel_tasks = 1,
               .group_weights = 0,
               .weights_outweigh = false};
  plan.block_depth = block_count(plan.depth, block_count(plan.depth, most_depth));
  plan.rows_per_task = task_rows(c, plan.unit_rows);
  plan.row_tasks = static_cast<int>(block_count(plan.unit_rows, plan.rows_per_task));
  plan.group_weights = plan.depth * panels_width(kernels, c.out_per_group);
  plan.weights_outweigh =
      plan.group_weights > std::int64_t{c.batch} * c.height.source * c.width.source * c.in_per_group;
  const int panel = kernels.panel_columns(max_panel_columns), panels = (c.out_per_group + panel - 1) / panel;
  const std::int64_t position_tasks = std::int64_t{plan.units} * plan.row_tasks * c.groups;
  const std::int64_t wanted = std::min<std::int64_t>(panels, block_count(enough_tasks, position_tasks));
  plan.channels_per_task = static_cast<int>(block_count(panels, wanted)) * panel;
  plan.channel_tasks = static_cast<int>(block_count(c.out_per_group, plan.channels_per_task));
  return plan;
}

/// Rows of positions, counted through the images, and the channels that a task computes there.
struct Task {
  std::int64_t row_begin, row_end;
  int group, channel_begin, channel_end;  ///< channels within the group
};

Task task_of(const Plan& plan, std::int64_t number) {
  const Correlation& c = plan.c;
  // A thread's tasks are neighbours: it goes through all of the smaller one, the source or the weights, and through its
  // part of the larger.
  const std::int64_t places = std::int64_t{plan.units} * plan.row_tasks, ranges = c.groups * plan.channel_tasks;
  const std::int64_t place = plan.weights_outweigh ? number % places : number / ranges;
  const std::int64_t range = plan.weights_outweigh ? number / places : number % ranges;
  const std::int64_t unit = place / plan.row_tasks, row_task = place % plan.row_tasks;
  const int channel_begin = static_cast<int>(range % plan.channel_tasks) * plan.channels_per_task;
  const std::int64_t unit_begin = unit * plan.unit_rows, row_begin = row_task * plan.rows_per_task;
  return {.row_begin = unit_begin + row_begin,
          .row_end = unit_begin + std::min<std::int64_t>(plan.unit_rows, row_begin + plan.rows_per_task),
          .group = static_cast<int>(range / plan.channel_tasks),
          .channel_begin = channel_begin,
          .channel_end = std::min(c.out_per_group, channel_begin + plan.channels_per_task)};
}

/// A block of k: the values begin … begin+depth-1, in `count` runs from `first` on.
struct DepthBlock {
  std::int64_t begin, depth;
  std::int64_t first, count;
};

/// What the positions of a task read: where tap (0, 0) of each lies, and the runs of k from there.
struct Patches {
  std::vector<const float*> places;  ///< behind the last, as many repetitions as a tile may be short of rows
  std::vector<Run> runs;
  std::vector<DepthBlock> blocks;  ///< all of k, none longer than most_depth

  /// Adds a run, cut where a block is full.
  void add_run(Run run, std::int64_t block_depth);
};

void Patches::add_run(Run run, std::int64_t block_depth) {
  while (run.length > 0) {
    if (blocks.empty()) blocks.push_back({.begin = 0, .depth = 0, .first = 0, .count = 0});
    if (const DepthBlock full = blocks.back(); full.depth == block_depth)
      blocks.push_back({.begin = full.begin + full.depth, .depth = 0, .first = full.first + full.count, .count = 0});
    DepthBlock& block = blocks.back();
    const std::int64_t length = std::min(run.length, block_depth - block.depth);
    runs.push_back({run.offset, length});
    block.depth += length;
    ++block.count;
    run = {run.offset + length, run.length - length};
  }
}

/// Copies the patches side by side: then all of k is one run.
void gather(const Plan& plan, Patches& patches) {
  const std::size_t count = patches.places.size() - max_tile_rows;
  float* to = thread_scratch<PatchScratch>(static_cast<std::int64_t>(count) * plan.depth);
  for (std::size_t i = 0; i < patches.places.size(); ++i) {
    if (i >= count) {
      patches.places[i] = patches.places[count - 1];
      continue;
    }
    const float* const place = patches.places[i];
    patches.places[i] = to;
    for (const Run& run : patches.runs) to = std::copy_n(place + run.offset, run.length, to);
  }
  patches.runs.clear();
  patches.blocks.clear();
  patches.add_run({0, plan.depth}, plan.block_depth);
}

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
  patches.places.reserve(static_cast<std::size_t>(plan.rows_per_task * c.width.positions + max_tile_rows));
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
  patches.blocks.clear();
  for (int i = 0; i < c.height.taps; ++i) {
    const std::int64_t row = i * std::int64_t{c.height.spacing} * window.row_pitch;
    if (whole_rows) {
      patches.add_run({row, std::int64_t{c.width.taps} * c.in_per_group}, plan.block_depth);
      continue;
    }
    for (int j = 0; j < c.width.taps; ++j)
      patches.add_run({row + j * c.width.spacing * window.column_pitch, c.in_per_group}, plan.block_depth);
  }
  if (c.gather_patches) gather(plan, patches);
  return patches;
}

/// A panel of channels, its weights, and the sums of a task's positions.
struct Panel {
  int channel;            ///< the first, of all
  int channels, columns;  ///< that exist, and of the panel
  const float* packed;
  float* sums;  ///< a row of `columns` a position
};

/// The sums of a panel. Returns how many positions, from the first on, are already finished in y.
int multiply_panel(const Plan& plan, const Patches& patches, std::int64_t first_position, int positions,
                   const Panel& panel, const TileKernels& kernels) {
  const Correlation& c = plan.c;
  const int tile_rows = kernels.tile_rows(panel.columns);
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group;
  float* const y = c.y + first_position * y_channels + panel.channel;
  const bool finishes = !c.pool && panel.channels == panel.columns && runs_on(c) && c.activation.is_gate();
  const bool streamed = is_streamed(c);
  // What the epilogue has not finished yet may be streamed by it: it asks for y to be aligned, too.
  const bool aligned = reinterpret_cast<std::uintptr_t>(y) % 64 == 0 && y_channels % 16 == 0;
  for (const DepthBlock& block : patches.blocks) {
    const bool last = &block == &patches.blocks.back();
    for (int position = 0; position < positions; position += tile_rows) {
      const int rows = std::min(tile_rows, positions - position);
      const TileOperands operands = {.rows = patches.places.data() + position,
                                     .runs = patches.runs.data() + block.first,
                                     .run_count = block.count,
                                     .b = panel.packed + block.begin * panel.columns,
                                     .b_step = panel.columns,
                                     .c = panel.sums + std::int64_t{position} * panel.columns,
                                     .c_step = panel.columns,
                                     // While the block's first tile is computed, the next block is on its way.
                                     .ahead = position == 0 ? plan.block_depth * panel.columns : 0,
                                     .resumes = block.begin > 0};
      if (last && finishes && rows == tile_rows)
        kernels.multiply_and_finish(
            panel.columns, operands,
            {.bias = c.bias ? c.bias + panel.channel : nullptr,
             .residual = c.residual ? c.residual + (first_position + position) * y_channels + panel.channel : nullptr,
             .activation = c.activation,
             .y = y + position * y_channels,
             .y_step = y_channels,
             .streamed = streamed && aligned});
      else
        kernels.multiply(panel.columns, rows, operands);
    }
  }
  return finishes ? positions / tile_rows * tile_rows : 0;
}

/// From sums to y without the pool: `count` positions from `begin` on, counted through the images.
void finish(const Plan& plan, std::int64_t begin, int count, const Panel& panel, const float* sums) {
  const Correlation& c = plan.c;
  const EpilogueKernels& kernels = epilogue_kernels();
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group;
  EpilogueRow row = {.sums = sums,
                     .pitch = panel.columns,
                     .positions = count,
                     .channels = panel.channels,
                     .bias = c.bias ? c.bias + panel.channel : nullptr,
                     .residual = c.residual ? c.residual + begin * y_channels + panel.channel : nullptr,
                     .activation = c.activation,
                     .y = c.y + begin * y_channels + panel.channel,
                     .y_pitch = y_channels * c.result_column_step,
                     .streamed = is_streamed(c)};
  // Where nothing lies between, positions run on from row to row.
  if (runs_on(c)) return kernels.plain(row);
  for (const std::int64_t end = begin + count; begin < end; begin += row.positions) {
    const std::int64_t image_row = begin / c.width.positions, column = begin % c.width.positions;
    row.positions = static_cast<int>(std::min(end - begin, c.width.positions - column));
    const std::int64_t y_row = image_row / c.height.positions * c.result_height +
                               image_row % c.height.positions * c.result_row_step + c.result_row_first;
    const std::int64_t place =
        panel.channel + (y_row * c.result_width + column * c.result_column_step + c.result_column_first) * y_channels;
    row.y = c.y + place;
    if (c.residual) row.residual = c.residual + place;
    kernels.plain(row);
    row.sums += row.positions * panel.columns;
  }
}

/// With it: whole rows of one image, of which an odd last one is left out.
void finish_pooled(const Plan& plan, const Task& task, const Panel& panel, const float* sums) {
  const Correlation& c = plan.c;
  const EpilogueKernels& kernels = epilogue_kernels();
  const std::int64_t y_channels = std::int64_t{c.groups} * c.out_per_group,
                     row_sums = c.width.positions * panel.columns;
  const std::int64_t image = task.row_begin / c.height.positions, first = image * c.height.positions;
  const int y_height = c.result_height / 2, y_width = c.result_width / 2;
  for (std::int64_t i = task.row_begin; i + 1 < task.row_end; i += 2, sums += 2 * row_sums) {
    const std::int64_t place = (image * y_height + (i - first) / 2) * y_width * y_channels + panel.channel;
    kernels.pooled({.sums = sums,
                    .lower = sums + row_sums,
                    .pitch = panel.columns,
                    .positions = y_width,
                    .channels = panel.channels,
                    .bias = c.bias ? c.bias + panel.channel : nullptr,
                    .activation = c.activation,
                    .y = c.y + place,
                    .argmax = c.argmax ? c.argmax + place : nullptr,
                    .y_pitch = y_channels});
  }
}

/// One task; without packed weights it packs those that it needs.
void run_task(const Plan& plan, const Task& task, const float* packed) {
  const Correlation& c = plan.c;
  const TileKernels& kernels = tile_kernels();
  const Patches& patches = open_patches(plan, task);
  const std::int64_t first_position = task.row_begin * c.width.positions;
  const int positions = static_cast<int>((task.row_end - task.row_begin) * c.width.positions);
  if (packed) {
    packed += task.group * plan.group_weights + plan.depth * task.channel_begin;
  } else {
    const int columns = panels_width(kernels, task.channel_end - task.channel_begin);
    float* const to = thread_scratch<TaskWeightScratch>(plan.depth * columns);
    pack_columns(c, task.group, task.channel_begin, task.channel_end, to);
    packed = to;
  }
  float* const sums = thread_scratch<SumsScratch>(std::int64_t{positions + max_tile_rows} * max_panel_columns);
  for (int j = task.channel_begin; j < task.channel_end;) {
    const int columns = kernels.panel_columns(task.channel_end - j);
    const Panel panel = {.channel = task.group * c.out_per_group + j,
                         .channels = std::min(columns, task.channel_end - j),
                         .columns = columns,
                         .packed = packed,
                         .sums = sums};
    const int done = multiply_panel(plan, patches, first_position, positions, panel, kernels);
    if (c.pool)
      finish_pooled(plan, task, panel, sums);
    else if (done < positions)
      finish(plan, first_position + done, positions - done, panel, sums + std::int64_t{done} * columns);
    packed += plan.depth * columns;
    j += columns;
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

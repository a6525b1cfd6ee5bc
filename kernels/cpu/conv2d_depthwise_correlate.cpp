// Depthwise convolution, forward and input gradient: a task is a few rows of positions of one image, all channels. The
// image is read where it lies: near its border a position has fewer taps, so there is no padding to copy.
#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_correlate.h"
#include "mien/kernels/cpu/conv2d_depthwise.h"
#include "mien/kernels/cpu/conv2d_depthwise_taps.h"
#include "mien/kernels/cpu/conv2d_packing.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Floats of a task's result, and of the sums that the epilogue reads at once, about.
constexpr std::int64_t task_floats = 1 << 15, chunk_sums = 1 << 12;

struct SumsScratch;

/// The sums of columns begin … end-1 of a row of positions.
void sum_columns(const Correlation& c, int image, int row, int begin, int end, float* sums) {
  const DepthwiseKernels& kernels = depthwise_kernels();
  const std::int64_t image_pitch = std::int64_t{c.height.source} * c.width.source * c.groups;
  for_each_stretch(c.height, c.width, row, begin, end, [&](const Stretch& stretch) {
    static thread_local std::vector<DepthwiseTap> taps;
    list_taps(
        c.height, c.width, c.groups, stretch, [&](int tap) { return weight_place(c, tap, 0, 0); }, taps);
    kernels.sums({.x = c.source + image * image_pitch,
                  .step = std::int64_t{c.width.step} * c.groups,
                  .taps = taps.data(),
                  .tap_count = static_cast<int>(taps.size()),
                  .positions = stretch.end - stretch.begin,
                  .channels = c.groups},
                 c.w, sums + std::int64_t{stretch.begin - begin} * c.groups, c.groups);
  });
}

EpilogueRow epilogue_row(const Correlation& c, const float* sums, int positions) {
  return {.sums = sums,
          .pitch = c.groups,
          .positions = positions,
          .channels = c.groups,
          .bias = c.bias,
          .activation = c.activation,
          .y = nullptr,
          .y_pitch = std::int64_t{c.groups} * c.result_column_step,
          .streamed = is_streamed(c)};
}

void plain_row(const Correlation& c, int image, int row) {
  const int chunk = static_cast<int>(std::max<std::int64_t>(1, chunk_sums / c.groups / 8) * 8);
  float* const sums = thread_scratch<SumsScratch>(std::int64_t{chunk} * c.groups);
  const std::int64_t y_row =
      std::int64_t{image} * c.result_height + std::int64_t{row} * c.result_row_step + c.result_row_first;
  for (int begin = 0; begin < c.width.positions; begin += chunk) {
    const int end = std::min(c.width.positions, begin + chunk);
    sum_columns(c, image, row, begin, end, sums);
    EpilogueRow finish = epilogue_row(c, sums, end - begin);
    finish.y =
        c.y + (y_row * c.result_width + std::int64_t{begin} * c.result_column_step + c.result_column_first) * c.groups;
    epilogue_kernels().plain(finish);
  }
}

/// A row of pool windows.
void pooled_row(const Correlation& c, int image, int row) {
  const std::int64_t row_sums = std::int64_t{c.width.positions} * c.groups;
  float* const sums = thread_scratch<SumsScratch>(2 * row_sums);
  for (int i = 0; i < 2; ++i) sum_columns(c, image, row + i, 0, c.width.positions, sums + i * row_sums);
  const int y_height = c.result_height / 2, y_width = c.result_width / 2;
  EpilogueRow finish = epilogue_row(c, sums, y_width);
  const std::int64_t place = (std::int64_t{image} * y_height + row / 2) * y_width * c.groups;
  finish.lower = sums + row_sums;
  finish.y = c.y + place;
  finish.argmax = c.argmax ? c.argmax + place : nullptr;
  epilogue_kernels().pooled(finish);
}

/// Whether the kernel for nine taps knows it.
bool is_3x3(const Correlation& c) {
  const auto three = [](const TapAxis& axis) { return axis.taps == 3 && axis.spacing == 1; };
  const auto place = reinterpret_cast<std::uintptr_t>(c.y);
  const bool in_lines = place % 64 == 0 && c.groups % 16 == 0;
  return three(c.height) && three(c.width) && c.width.step <= 2 && !c.pool && runs_on(c) && c.activation.is_gate() &&
         (!is_streamed(c) || in_lines);
}

/// Rows begin … end-1 of an image, by the kernel for nine taps.
void rows_3x3(const Correlation& c, int image, int begin, int end, const float* zeros) {
  Depthwise3x3 rows = {
      .x = c.source + std::int64_t{image} * c.height.source * c.width.source * c.groups,
      .height = c.height.source,
      .width = c.width.source,
      .channels = c.groups,
      .top = c.height.first,
      .left = c.width.first,
      .row_step = c.height.step,
      .column_step = c.width.step,
      .w = {},
      .bias = c.bias,
      .activation = c.activation,
      .zeros = zeros,
      .row_begin = begin,
      .row_end = end,
      .positions = c.width.positions,
      .y = c.y + (std::int64_t{image} * c.height.positions + begin) * c.width.positions * c.groups,
      .streamed = is_streamed(c),
  };
  for (int tap = 0; tap < 9; ++tap) rows.w[tap] = c.w + weight_place(c, tap, 0, 0);
  depthwise_3x3(rows);
}

}  // namespace

void correlate_depthwise(const Correlation* parts, int count) {
  int rows = 0;
  for (int part = 0; part < count; ++part) rows = std::max(rows, parts[part].height.positions);
  const Correlation& first = parts[0];
  const std::int64_t row_floats = std::int64_t{count} * std::max(1, first.width.positions) * first.groups;
  int rows_per_task = static_cast<int>(std::clamp<std::int64_t>(task_floats / row_floats, 1, std::max(1, rows)));
  // Tasks alike: a last one with half the rows would leave a thread waiting.
  rows_per_task = static_cast<int>(block_count(rows, block_count(rows, rows_per_task)));
  if (first.pool) rows_per_task = (rows_per_task + 1) / 2 * 2;
  const bool nine_taps = count == 1 && is_3x3(first);
  const float* const zeros = nine_taps ? thread_zeros(first.groups) : nullptr;
  const std::int64_t row_tasks = block_count(rows, rows_per_task);
  const bool from_memory =
      std::int64_t{first.batch} * first.height.source * first.width.source * first.groups > cached_floats / 2;
  parallel_for(first.batch * row_tasks, [&](std::int64_t task) {
    const int image = static_cast<int>(task / row_tasks), begin = static_cast<int>(task % row_tasks) * rows_per_task;
    const int end = std::min(rows, begin + rows_per_task);
    int fetched = std::clamp(first.height.lowest(begin), 0, first.height.source);
    const auto fetch_up_to = [&](int row) {
      if (!from_memory) return;
      const int needed = std::clamp(first.height.highest(row) + 1, fetched, first.height.source);
      const std::int64_t pitch = std::int64_t{first.width.source} * first.groups;
      fetch(first.source + (std::int64_t{image} * first.height.source + fetched) * pitch, (needed - fetched) * pitch);
      fetched = needed;
    };
    if (nine_taps) {
      fetch_up_to(end - 1);
      rows_3x3(first, image, begin, end, zeros);
      if (is_streamed(first)) epilogue_kernels().finish_streaming();
      return;
    }
    for (int row = begin; row < end; row += first.pool ? 2 : 1) {
      fetch_up_to(row + (first.pool ? 1 : 0));
      for (int part = 0; part < count; ++part) {
        const Correlation& c = parts[part];
        if (!c.pool && row < c.height.positions) plain_row(c, image, row);
        if (c.pool && row + 1 < c.height.positions) pooled_row(c, image, row);
      }
    }
    if (is_streamed(first)) epilogue_kernels().finish_streaming();
  });
}

}  // namespace mien::kernels::cpu

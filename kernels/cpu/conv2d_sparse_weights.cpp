// The pool-sparse weight gradient (conv2d_sparse.h).
//
//   dw[i][j][in][out] = sum over live windows of dy[window][out] * x[place of the maximum + (i, j)][in]
//
// The windows are cut into rectangles of some 64 (several small images make one). For a rectangle each output channel
// gets the list of its live entries: the pixel of x under the maximum, and where dy lies. Then, for each block of input
// channels (a vector's lanes), the rectangle's part of x is copied together, zeros where padding is, so that it lies in
// a core's first cache, and every channel's list runs over it: one broadcast and nine multiply-adds an entry, in nine
// accumulators. Lists are built once for all blocks of input channels.
//
// Every list's sums are taken from zero and added to the partial gradient of its part; the parts, whose number depends
// on the shape alone, are added in order at the end. So the bits do not depend on the number of threads.
#include <algorithm>
#include <cstring>
#include <vector>

#include "mien/kernels/cpu/conv2d_sparse.h"
#include "mien/kernels/cpu/conv2d_sparse_weights.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

/// Windows of a list, and the most in a row of them.
constexpr int list_windows = 64, list_columns = 32;
/// A part's windows outweigh the adding up of its partial gradient; and there are no more parts than this.
constexpr std::int64_t least_part_windows = 512, most_parts = 8;
/// With fewer parts than tasks wanted, the output channels are divided too, no finer than this.
constexpr int least_task_channels = 16;

struct PartialScratch;
struct PackedScratch;
struct GradientScratch;

struct Plan {
  const Conv2dGeometry& g;
  const SparseWeightKernels& kernels;
  int images, rows, columns;  ///< of windows, in a list
  int row_blocks, column_blocks, lists;
  int parts, channel_tasks, task_channels;
  int blocks;                          ///< of input channels
  std::int64_t dw_size, partial_size;  ///< floats of a part's gradient, and with its bias

  int block_floats() const { return 9 * kernels.lanes; }
  bool half(int block) const { return 2 * (g.in_channels - block * kernels.lanes) <= kernels.lanes; }
};

Plan make_plan(const Conv2dGeometry& g) {
  const SparseWeightKernels& kernels = sparse_weight_kernels();
  const auto blocks_of = [](std::int64_t count, std::int64_t block) {
    return static_cast<int>(block_count(count, block));
  };
  const int columns = std::min(g.y_width(), list_columns), rows = std::min(g.y_height(), list_windows / columns);
  const bool whole_images = rows == g.y_height() && columns == g.y_width();
  Plan plan = {.g = g,
               .kernels = kernels,
               .images = whole_images ? std::max(1, list_windows / (rows * columns)) : 1,
               .rows = rows,
               .columns = columns,
               .row_blocks = blocks_of(g.y_height(), rows),
               .column_blocks = blocks_of(g.y_width(), columns),
               .lists = 0,
               .parts = 1,
               .channel_tasks = 1,
               .task_channels = g.out_channels,
               .blocks = blocks_of(g.in_channels, kernels.lanes),
               .dw_size = 0,
               .partial_size = 0};
  plan.lists = blocks_of(g.batch, plan.images) * plan.row_blocks * plan.column_blocks;
  const std::int64_t windows = std::int64_t{g.batch} * g.y_height() * g.y_width();
  plan.parts = static_cast<int>(
      std::clamp<std::int64_t>(windows / least_part_windows, 1, std::min<std::int64_t>(most_parts, plan.lists)));
  const int wanted = blocks_of(most_parts, plan.parts);
  plan.task_channels = std::max(least_task_channels, blocks_of(g.out_channels, wanted));
  plan.task_channels = blocks_of(plan.task_channels, 4) * 4;  // codes go four at a time
  plan.channel_tasks = blocks_of(g.out_channels, plan.task_channels);
  plan.dw_size = std::int64_t{plan.blocks} * g.out_channels * plan.block_floats();
  plan.partial_size = block_count(plan.dw_size + g.out_channels, 16) * 16;
  return plan;
}

/// Windows row_begin … row_end-1, column_begin … column_end-1 of the images image_begin … image_end-1.
struct Rectangle {
  int image_begin, image_end, row_begin, row_end, column_begin, column_end;

  int images() const { return image_end - image_begin; }
  int rows() const { return row_end - row_begin; }
  int columns() const { return column_end - column_begin; }
  int windows() const { return images() * rows() * columns(); }
  /// Pixels of x under a row of windows, and rows of them in an image.
  int x_columns() const { return 2 * columns() + 2; }
  int x_rows() const { return 2 * rows() + 2; }
};

Rectangle rectangle(const Plan& plan, int list) {
  const int image = list / (plan.row_blocks * plan.column_blocks) * plan.images;
  const int row = list / plan.column_blocks % plan.row_blocks * plan.rows;
  const int column = list % plan.column_blocks * plan.columns;
  return {image,  std::min(plan.g.batch, image + plan.images),   //
          row,    std::min(plan.g.y_height(), row + plan.rows),  //
          column, std::min(plan.g.y_width(), column + plan.columns)};
}

/// The first output channel of a task, and how many.
struct Channels {
  int begin, count;
};

/// The lists of one rectangle, and what they are made of; each vector grows once and is kept.
struct Lists {
  std::vector<std::uint32_t> codes, corner, entries;
  std::vector<std::int32_t> counts;
  std::int64_t stride = 0;
  float* dy = nullptr;  ///< of four channels at a time, as the codes are
};

/// Sets a window's codes and dy in the lists' order: its argmax bytes, and the dy beside them, four channels at a time.
void take_window(const std::uint8_t* argmax, const float* dy, int channels, std::uint32_t* codes, float* four,
                 std::int64_t stride) {
  int channel = 0;
  for (; channel + 4 <= channels; channel += 4, codes += stride, four += 4 * stride) {
    std::memcpy(codes, argmax + channel, 4);
    std::memcpy(four, dy + channel, 4 * sizeof(float));
  }
  if (channel == channels) return;
  std::memcpy(codes, argmax + channel, static_cast<std::size_t>(channels - channel));
  std::copy_n(dy + channel, channels - channel, four);
}

void build_lists(const Plan& plan, const Rectangle& r, const std::uint8_t* argmax, const float* dy, int channels,
                 Lists& lists) {
  const int lanes = plan.kernels.lanes, groups = static_cast<int>(block_count(channels, 4));
  const int windows = static_cast<int>(block_count(r.windows(), lanes)) * lanes;
  lists.stride = windows + lanes;
  const auto hold = [](auto& values, std::int64_t size) {
    if (static_cast<std::int64_t>(values.size()) < size) values.resize(static_cast<std::size_t>(size));
  };
  hold(lists.codes, groups * lists.stride);
  hold(lists.corner, windows);
  hold(lists.entries, channels * lists.stride);
  hold(lists.counts, channels);
  lists.dy = thread_scratch<GradientScratch>(4 * groups * lists.stride);
  int window = 0;
  for (int image = 0; image < r.images(); ++image)
    for (int row = 0; row < r.rows(); ++row) {
      const std::int64_t from =
          (std::int64_t{image} * plan.g.y_height() + row) * plan.g.y_width() * plan.g.out_channels;
      for (int column = 0; column < r.columns(); ++column, ++window) {
        const int pixel = (image * r.x_rows() + 2 * row) * r.x_columns() + 2 * column;
        lists.corner[window] = static_cast<std::uint32_t>(window * 65536 + pixel);
        take_window(argmax + from + column * plan.g.out_channels, dy + from + column * plan.g.out_channels, channels,
                    lists.codes.data() + window, lists.dy + 4 * window, lists.stride);
      }
    }
  for (int group = 0; group < groups; ++group)
    std::fill_n(lists.codes.data() + group * lists.stride + window, windows - window, argmax_killed * 0x01010101u);
  plan.kernels.list({.codes = lists.codes.data(),
                     .corner = lists.corner.data(),
                     .windows = windows,
                     .channels = channels,
                     .stride = lists.stride,
                     .row_pitch = static_cast<std::uint32_t>(r.x_columns()),
                     .entries = lists.entries.data(),
                     .counts = lists.counts.data()});
}

/// Copies a block of input channels of what lies under the rectangle, zeros where that is outside the image.
void pack(const Plan& plan, const Rectangle& r, const float* x, int block, float* packed) {
  const Conv2dGeometry& g = plan.g;
  const bool half = plan.half(block);
  const int lanes = half ? plan.kernels.lanes / 2 : plan.kernels.lanes, first = block * plan.kernels.lanes;
  const std::int64_t row_floats = std::int64_t{r.x_columns()} * lanes;
  const int top = 2 * r.row_begin - g.height.padding_begin, left = 2 * r.column_begin - g.width.padding_begin;
  const int right = left + r.x_columns();
  const int inside_begin = std::clamp(0, left, right), inside_end = std::clamp(g.width.input, inside_begin, right);
  for (int image = r.image_begin; image < r.image_end; ++image)
    for (int row = top; row < top + r.x_rows(); ++row, packed += row_floats) {
      if (!g.height.inside(row)) {
        std::fill_n(packed, row_floats, 0.0f);
        continue;
      }
      float* const inside = std::fill_n(packed, std::int64_t{inside_begin - left} * lanes, 0.0f);
      const std::int64_t pixel = (std::int64_t{image} * g.height.input + row) * g.width.input + inside_begin;
      plan.kernels.pack[half]({.x = x + pixel * g.in_channels + first,
                               .pitch = g.in_channels,
                               .pixels = inside_end - inside_begin,
                               .channels = std::min(lanes, g.in_channels - first),
                               .packed = inside});
      std::fill(inside + std::int64_t{inside_end - inside_begin} * lanes, packed + row_floats, 0.0f);
    }
}

/// The partial gradient of some output channels over one rectangle: dw as [block][channel][tap][lane].
void add_weights(const Plan& plan, const Rectangle& r, const float* x, const std::uint8_t* argmax, const float* dy,
                 const Channels& channels, float* dw) {
  static thread_local Lists lists;
  build_lists(plan, r, argmax, dy, channels.count, lists);
  float* const packed =
      thread_scratch<PackedScratch>(std::int64_t{r.images()} * r.x_rows() * r.x_columns() * plan.kernels.lanes);
  for (int block = 0; block < plan.blocks; ++block) {
    pack(plan, r, x, block, packed);
    for (int channel = 0; channel < channels.count; ++channel)
      plan.kernels.multiply[plan.half(block)](
          {.x = packed,
           .row_pitch = r.x_columns(),
           .entries = lists.entries.data() + channel * lists.stride,
           .count = lists.counts[channel],
           .dy = lists.dy + channel / 4 * 4 * lists.stride + channel % 4,
           .dw = dw + (std::int64_t{block} * plan.g.out_channels + channels.begin + channel) * plan.block_floats()});
  }
}

void add_bias(const Plan& plan, const Rectangle& r, const std::uint8_t* argmax, const float* dy,
              const Channels& channels, float* dbias) {
  for (int image = 0; image < r.images(); ++image)
    for (int row = 0; row < r.rows(); ++row) {
      const std::int64_t from =
          (std::int64_t{image} * plan.g.y_height() + row) * plan.g.y_width() * plan.g.out_channels;
      plan.kernels.bias({.argmax = argmax + from,
                         .dy = dy + from,
                         .windows = r.columns(),
                         .pitch = plan.g.out_channels,
                         .channels = channels.count,
                         .dbias = dbias + channels.begin});
    }
}

/// The sum of the parts, in order, of one block of input channels, laid out as weights are.
void gather_block(const Plan& plan, const float* partial, int block, const Channels& channels, float* dw) {
  const Conv2dGeometry& g = plan.g;
  const int lanes = plan.half(block) ? plan.kernels.lanes / 2 : plan.kernels.lanes, first = block * plan.kernels.lanes;
  const int count = std::min(lanes, g.in_channels - first);
  for (int tap = 0; tap < 9; ++tap)
    for (int lane = 0; lane < count; ++lane)
      for (int channel = channels.begin; channel < channels.begin + channels.count; ++channel) {
        const float* const from =
            partial + (std::int64_t{block} * g.out_channels + channel) * plan.block_floats() + tap * lanes + lane;
        float sum = *from;
        for (int part = 1; part < plan.parts; ++part) sum += from[part * plan.partial_size];
        dw[(std::int64_t{tap} * g.in_channels + first + lane) * g.out_channels + channel] = sum;
      }
}

}  // namespace

void conv2d_backward_weights_sparse(View<const float> x, View<const std::uint8_t> argmax, View<const float> dy,
                                    View<float> dw, View<float> dbias, const Conv2dGeometry& g) {
  if (g.y_size() == 0) {
    std::fill_n(dw.data, dw.size, 0.0f);
    std::fill_n(dbias.data, dbias.size, 0.0f);
    return;
  }
  const Plan plan = make_plan(g);
  float* const partial = thread_scratch<PartialScratch>(plan.parts * plan.partial_size);
  parallel_for(std::int64_t{plan.parts} * plan.channel_tasks, [&](std::int64_t task) {
    const int part = static_cast<int>(task / plan.channel_tasks);
    const int begin = static_cast<int>(task % plan.channel_tasks) * plan.task_channels;
    const Channels channels = {begin, std::min(plan.task_channels, g.out_channels - begin)};
    float* const sums = partial + part * plan.partial_size;
    for (int block = 0; block < plan.blocks; ++block)
      std::fill_n(sums + (std::int64_t{block} * g.out_channels + begin) * plan.block_floats(),
                  channels.count * plan.block_floats(), 0.0f);
    std::fill_n(sums + plan.dw_size + begin, channels.count, 0.0f);
    const auto first_list = [&](int of) { return static_cast<int>(std::int64_t{plan.lists} * of / plan.parts); };
    for (int list = first_list(part); list < first_list(part + 1); ++list) {
      const Rectangle r = rectangle(plan, list);
      const std::int64_t window =
          (std::int64_t{r.image_begin} * g.y_height() + r.row_begin) * g.y_width() + r.column_begin;
      const std::int64_t from = window * g.out_channels + begin;
      if (!dw.empty()) add_weights(plan, r, x.data, argmax.data + from, dy.data + from, channels, sums);
      if (!dbias.empty()) add_bias(plan, r, argmax.data + from, dy.data + from, channels, sums + plan.dw_size);
    }
  });
  if (!dw.empty()) {
    const std::int64_t groups = block_count(g.out_channels, least_task_channels);
    parallel_for(plan.blocks * groups, [&](std::int64_t task) {
      const int begin = static_cast<int>(task % groups) * least_task_channels;
      gather_block(plan, partial, static_cast<int>(task / groups),
                   {begin, std::min(least_task_channels, g.out_channels - begin)}, dw.data);
    });
  }
  for (std::int64_t channel = 0; channel < dbias.size; ++channel) {
    dbias.data[channel] = 0.0f;
    for (int part = 0; part < plan.parts; ++part)
      dbias.data[channel] += partial[part * plan.partial_size + plan.dw_size + channel];
  }
}

}  // namespace mien::kernels::cpu

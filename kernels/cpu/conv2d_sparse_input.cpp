// The gradients of a fused convolution + activation + 2x2 max-pool from the argmax bytes alone, and here that of the
// input (of the weights: conv2d_sparse_weights.cpp). The dense gradient dz that comes back through the pool is zero but
// for one position in four (the maximum), and there too where the activation killed it; so three quarters of the dense
// algorithm's multiply-adds, or more, are by zero. These kernels never write dz: the live entries (window, channel,
// place of the maximum) are read off the bytes that the forward pass stored, and each costs nine multiply-adds per
// input channel.
//
//   dx[place of the maximum + (i, j)][in] += dy[window][out] * w[i][j][in][out]    for each live (window, out)
//
// All that a window adds falls into a patch of 4x4 pixels. For a block of input channels (a vector's lanes) the patch
// is 16 accumulators, which slide along a row of windows. A window's live entries come as four masks, one for each
// place of the maximum, with a bit for each of 32 output channels: the place is the same for all of a mask's entries,
// so each is one broadcast and nine multiply-adds into nine of the 16, known when the kernel is compiled.
//
// dx is gathered, one block of input channels and one band of window rows at a time, in a buffer with a border for what
// falls on padding. Each element is summed in an order that depends on the shape alone.
#include "mien/kernels/cpu/conv2d_sparse_input.h"

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {
namespace {

/// Bytes of the buffer that dx is gathered in, about: it should stay in a core's second cache.
constexpr std::int64_t buffer_bytes = 256 * 1024;
/// With fewer images than tasks wanted, the blocks of input channels are divided too.
constexpr int wanted_tasks = 8;

struct WeightScratch;
struct BufferScratch;

struct Plan {
  const Conv2dGeometry& g;
  const SparseInputKernels& kernels;
  int blocks;          ///< of input channels
  int channel_blocks;  ///< of output channels
  int band_rows;       ///< of windows
  int block_tasks, blocks_per_task;

  bool half(int block) const { return 2 * (g.in_channels - block * kernels.lanes) <= kernels.lanes; }
  int lanes(int block) const { return half(block) ? kernels.lanes / 2 : kernels.lanes; }
  int columns() const { return 2 * g.y_width() + 2; }  ///< pixels of a row of the buffer
  std::int64_t weight_floats() const { return std::int64_t{sparse_channels} * 9 * kernels.lanes; }
};

Plan make_plan(const Conv2dGeometry& g) {
  const SparseInputKernels& kernels = sparse_input_kernels();
  const auto blocks_of = [](std::int64_t count, std::int64_t block) {
    return static_cast<int>(block_count(count, block));
  };
  Plan plan = {.g = g,
               .kernels = kernels,
               .blocks = blocks_of(g.in_channels, kernels.lanes),
               .channel_blocks = blocks_of(g.out_channels, sparse_channels),
               .band_rows = 1,
               .block_tasks = 1,
               .blocks_per_task = 1};
  const std::int64_t row_bytes = std::int64_t{plan.columns()} * plan.lanes(0) * sizeof(float);
  plan.band_rows = static_cast<int>(std::clamp<std::int64_t>(buffer_bytes / row_bytes / 2 - 1, 1, g.y_height()));
  plan.blocks_per_task = blocks_of(plan.blocks, blocks_of(wanted_tasks, g.batch));
  plan.block_tasks = blocks_of(plan.blocks, plan.blocks_per_task);
  return plan;
}

/// The weights of a block of input and one of output channels as [channel][tap][lane], zeros where there is no input
/// channel.
void pack_weights(const Plan& plan, const float* w, int block, int channel_block, float* packed) {
  const Conv2dGeometry& g = plan.g;
  const int lanes = plan.lanes(block), first = block * plan.kernels.lanes, begin = channel_block * sparse_channels;
  const int count = std::min(lanes, g.in_channels - first);
  const int channels = std::min(sparse_channels, g.out_channels - begin);
  if (count < lanes) std::fill_n(packed, std::int64_t{channels} * 9 * lanes, 0.0f);
  for (int tap = 0; tap < 9; ++tap)
    for (int lane = 0; lane < count; ++lane) {
      const float* const from = w + (std::int64_t{tap} * g.in_channels + first + lane) * g.out_channels + begin;
      for (int channel = 0; channel < channels; ++channel)
        packed[(std::int64_t{channel} * 9 + tap) * lanes + lane] = from[channel];
    }
}

/// Writes the rows begin … end-1 of an image of dx, for a block of input channels, from the buffer, whose first row is
/// `top` of dx; zeros where the buffer has nothing.
void write_rows(const Plan& plan, const float* buffer, int top, int begin, int end, int block, float* dx) {
  const Conv2dGeometry& g = plan.g;
  const int lanes = plan.lanes(block), first = block * plan.kernels.lanes;
  const int count = std::min(lanes, g.in_channels - first);
  const int covered = std::clamp(plan.columns() - g.width.padding_begin, 0, g.width.input);
  for (int row = begin; row < end; ++row) {
    float* to = dx + std::int64_t{row} * g.width.input * g.in_channels + first;
    const float* from = buffer + (std::int64_t{row - top} * plan.columns() + g.width.padding_begin) * lanes;
    if (count == g.in_channels && count == lanes) {
      to = std::copy_n(from, std::int64_t{covered} * lanes, to);
      std::fill_n(to, std::int64_t{g.width.input - covered} * lanes, 0.0f);
      continue;
    }
    for (int column = 0; column < covered; ++column, from += lanes, to += g.in_channels) std::copy_n(from, count, to);
    for (int column = covered; column < g.width.input; ++column, to += g.in_channels) std::fill_n(to, count, 0.0f);
  }
}

/// dx of one image, for one block of input channels.
void gather_block(const Plan& plan, const SparseMasks* masks, const float* dy, const float* w, int block, float* dx) {
  const Conv2dGeometry& g = plan.g;
  const std::int64_t row_pitch = std::int64_t{plan.columns()} * plan.lanes(block);
  float* const buffer = thread_scratch<BufferScratch>((2 * plan.band_rows + 2) * row_pitch);
  std::fill_n(buffer, 2 * row_pitch, 0.0f);
  const auto dx_row = [&](int buffer_row) {
    return std::clamp(buffer_row - g.height.padding_begin, 0, g.height.input);
  };
  for (int begin = 0; begin < g.y_height(); begin += plan.band_rows) {
    const int end = std::min(g.y_height(), begin + plan.band_rows), rows = 2 * (end - begin);
    std::fill_n(buffer + 2 * row_pitch, rows * row_pitch, 0.0f);
    for (int channel_block = 0; channel_block < plan.channel_blocks; ++channel_block)
      for (int row = begin; row < end; ++row)
        plan.kernels.scatter[plan.half(block)](
            {.masks = masks + (std::int64_t{channel_block} * g.y_height() + row) * g.y_width(),
             .dy = dy + std::int64_t{row} * g.y_width() * g.out_channels + channel_block * sparse_channels,
             .pitch = g.out_channels,
             .windows = g.y_width(),
             .w = w + (std::int64_t{block} * plan.channel_blocks + channel_block) * plan.weight_floats(),
             .dx = buffer + 2 * (row - begin) * row_pitch,
             .row_pitch = row_pitch});
    // The last two rows get more from the next band.
    const bool last = end == g.y_height();
    const int top = 2 * begin - g.height.padding_begin;
    write_rows(plan, buffer, top, dx_row(2 * begin), dx_row(2 * end + (last ? 2 : 0)), block, dx);
    std::copy_n(buffer + rows * row_pitch, 2 * row_pitch, buffer);
  }
  const int written = dx_row(2 * g.y_height() + 2);
  const int first = block * plan.kernels.lanes, count = std::min(plan.lanes(block), g.in_channels - first);
  for (std::int64_t pixel = std::int64_t{written} * g.width.input; pixel < std::int64_t{g.height.input} * g.width.input;
       ++pixel)
    std::fill_n(dx + pixel * g.in_channels + first, count, 0.0f);
}

}  // namespace

void conv2d_sparse_backward_input(View<const std::uint8_t> argmax, View<const float> dy, View<const float> w,
                                  View<float> dx, Conv2dGeometry g) {
  if (g.y_size() == 0) return std::fill_n(dx.data, dx.size, 0.0f), void();
  const Plan plan = make_plan(g);
  float* const weights =
      thread_scratch<WeightScratch>(std::int64_t{plan.blocks} * plan.channel_blocks * plan.weight_floats());
  parallel_for(std::int64_t{plan.blocks} * plan.channel_blocks, [&](std::int64_t task) {
    pack_weights(plan, w.data, static_cast<int>(task / plan.channel_blocks),
                 static_cast<int>(task % plan.channel_blocks), weights + task * plan.weight_floats());
  });
  parallel_for(std::int64_t{g.batch} * plan.block_tasks, [&](std::int64_t task) {
    static thread_local std::vector<SparseMasks> masks;
    const std::int64_t image = task / plan.block_tasks, windows = std::int64_t{g.y_height()} * g.y_width();
    if (static_cast<std::int64_t>(masks.size()) < plan.channel_blocks * windows)
      masks.resize(static_cast<std::size_t>(plan.channel_blocks * windows));
    const std::int64_t from = image * windows * g.out_channels;
    for (int channel_block = 0; channel_block < plan.channel_blocks; ++channel_block) {
      const int channel = channel_block * sparse_channels;
      plan.kernels.mask({.argmax = argmax.data + from + channel,
                         .end = argmax.data + argmax.size,
                         .pitch = g.out_channels,
                         .windows = static_cast<int>(windows),
                         .channels = std::min(sparse_channels, g.out_channels - channel),
                         .masks = masks.data() + channel_block * windows});
    }
    const int begin = static_cast<int>(task % plan.block_tasks) * plan.blocks_per_task;
    const std::int64_t x_image = std::int64_t{g.height.input} * g.width.input * g.in_channels;
    for (int block = begin; block < std::min(plan.blocks, begin + plan.blocks_per_task); ++block)
      gather_block(plan, masks.data(), dy.data + from, weights, block, dx.data + image * x_image);
  });
}

}  // namespace mien::kernels::cpu

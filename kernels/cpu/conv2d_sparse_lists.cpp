// The pool-sparse weight gradient (conv2d_sparse_weights.cpp) by lists of live entries.
//
// For a rectangle of windows each output channel gets the list of its live entries: the pixel of x under the maximum,
// and the window's number, by which its dy is found. Then, for each block of input channels (a vector's lanes, or half
// of them where that is enough), the rectangle's part of x is copied together, zeros where padding is, and every
// channel's list runs over it: one broadcast and nine multiply-adds an entry, in nine accumulators. The lists are built
// once for all blocks of input channels.
#include "mien/kernels/cpu/conv2d_sparse_lists.h"

#include <algorithm>
#include <vector>

#include "mien/kernels/cpu/conv2d_sparse_plan.h"
#include "mien/kernels/cpu/conv2d_sparse_prefetch.h"
#include "mien/kernels/cpu/parallel.h"

namespace mien::kernels::cpu {
namespace {

struct PackedScratch;
struct GradientScratch;

/// The lists of one rectangle, and what they are made of; each vector grows once and is kept.
struct Lists {
  std::vector<std::uint32_t> codes, corner, entries;
  std::vector<std::int32_t> counts;
  std::int64_t stride = 0;
  float* dy = nullptr;  ///< of four channels at a time, as the codes are
};

void build_lists(const SparsePlan& plan, const SparseRectangle& r, const std::uint8_t* argmax, const float* dy,
                 int channels, Lists& lists) {
  const int lanes = plan.lanes, groups = static_cast<int>(block_count(channels, 4));
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
      const std::int64_t from = plan.row_offset(image, row);
      gather_windows(argmax + from, dy + from, r.columns(), plan.g.out_channels, channels,
                     {lists.codes.data(), lists.dy, lists.stride}, window);
      for (int column = 0; column < r.columns(); ++column, ++window) {
        const int pixel = (image * r.x_rows() + 2 * row) * r.x_columns() + 2 * column;
        lists.corner[window] = static_cast<std::uint32_t>(window * 65536 + pixel);
      }
    }
  for (int group = 0; group < groups; ++group)
    std::fill_n(lists.codes.data() + group * lists.stride + window, windows - window, four_killed);
  sparse_list_kernels().list({.codes = lists.codes.data(),
                              .corner = lists.corner.data(),
                              .windows = windows,
                              .channels = channels,
                              .stride = lists.stride,
                              .row_pitch = static_cast<std::uint32_t>(r.x_columns()),
                              .entries = lists.entries.data(),
                              .counts = lists.counts.data()});
}

/// Copies a block of input channels of what lies under the rectangle, zeros where that is outside the image.
void pack(const SparsePlan& plan, const SparseRectangle& r, const float* x, int block, float* packed) {
  const Conv2dGeometry& g = plan.g;
  const bool half = plan.half(block);
  const int lanes = half ? plan.lanes / 2 : plan.lanes, first = block * plan.lanes;
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
      sparse_list_kernels().pack[half]({.x = x + pixel * g.in_channels + first,
                                        .pitch = g.in_channels,
                                        .pixels = inside_end - inside_begin,
                                        .channels = std::min(lanes, g.in_channels - first),
                                        .packed = inside});
      std::fill(inside + std::int64_t{inside_end - inside_begin} * lanes, packed + row_floats, 0.0f);
    }
}

void add_weights(const SparsePlan& plan, const SparseRectangle& r, const SparseRectangle* next,
                 const SparseChannels& channels, const SparseSums& sums) {
  static thread_local Lists lists;
  static thread_local SparsePrefetch prefetch;
  prefetch.stop();
  if (next) {
    const std::int64_t ahead = plan.first_window(*next) - plan.first_window(r);
    SparseSums there = sums;
    there.argmax += ahead, there.dy += ahead;
    prefetch.start(plan, *next, channels, there, std::int64_t{plan.blocks} * channels.count);
  }
  build_lists(plan, r, sums.argmax, sums.dy, channels.count, lists);
  float* const packed =
      thread_scratch<PackedScratch>(std::int64_t{r.images()} * r.x_rows() * r.x_columns() * plan.lanes);
  const SparseListKernels& kernels = sparse_list_kernels();
  for (int block = 0; block < plan.blocks; ++block) {
    pack(plan, r, sums.x, block, packed);
    for (int channel = 0; channel < channels.count; ++channel) {
      prefetch.step();
      kernels.multiply[plan.half(block)]({.x = packed,
                                          .row_pitch = r.x_columns(),
                                          .entries = lists.entries.data() + channel * lists.stride,
                                          .count = lists.counts[channel],
                                          .dy = lists.dy + channel / 4 * 4 * lists.stride + channel % 4,
                                          .dw = plan.dw_of(sums.dw, block, channels.begin + channel)});
    }
  }
}

void add_bias(const SparsePlan& plan, const SparseRectangle& r, const std::uint8_t* argmax, const float* dy,
              const SparseChannels& channels, float* dbias) {
  for (int image = 0; image < r.images(); ++image)
    for (int row = 0; row < r.rows(); ++row) {
      const std::int64_t from = plan.row_offset(image, row);
      sparse_list_kernels().bias({.argmax = argmax + from,
                                  .dy = dy + from,
                                  .windows = r.columns(),
                                  .pitch = plan.g.out_channels,
                                  .channels = channels.count,
                                  .dbias = dbias + channels.begin});
    }
}

}  // namespace

void add_by_lists(const SparsePlan& plan, const SparseRectangle& r, const SparseRectangle* next,
                  const SparseChannels& channels, const SparseSums& sums) {
  if (sums.dw) add_weights(plan, r, next, channels, sums);
  if (sums.dbias) add_bias(plan, r, sums.argmax, sums.dy, channels, sums.dbias);
}

}  // namespace mien::kernels::cpu

// How the pool-sparse weight gradient is cut into tasks: by output channels, and by windows. The windows are cut into
// rectangles, small enough for what they need of x to stay in a core's first cache, and the rectangles into a few
// parts. All of it depends on the shape alone (and on the lanes of the vectors).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// Output channels begin … begin + count - 1.
struct SparseChannels {
  int begin, count;
};

/// Windows row_begin … row_end-1, column_begin … column_end-1 of the images image_begin … image_end-1.
struct SparseRectangle {
  int image_begin, image_end, row_begin, row_end, column_begin, column_end;

  int images() const { return image_end - image_begin; }
  int rows() const { return row_end - row_begin; }
  int columns() const { return column_end - column_begin; }
  int windows() const { return images() * rows() * columns(); }
  /// Pixels of x under a row of windows, and rows of them in an image.
  int x_columns() const { return 2 * columns() + 2; }
  int x_rows() const { return 2 * rows() + 2; }
};

struct SparsePlan {
  const Conv2dGeometry& g;
  int lanes;
  bool planes;                ///< by planes (conv2d_sparse_planes.cpp), else by lists (conv2d_sparse_lists.cpp)
  bool octets;                ///< or, instead of planes, by octets (conv2d_sparse_octets.cpp)
  int images, rows, columns;  ///< of windows, in a rectangle
  int row_blocks, column_blocks, rectangles;
  int parts, channel_tasks, task_channels;
  int blocks;                 ///< of input channels: vectors of them by lists, single ones by planes
  std::int64_t dw_size;       ///< floats of a part's gradient: [block][output channel][tap][lane]
  std::int64_t partial_size;  ///< and with its bias

  int block_floats() const { return 9 * lanes; }
  /// Whether half a vector is enough for a block by lists.
  bool half(int block) const { return 2 * (g.in_channels - block * lanes) <= lanes; }
  float* dw_of(float* partial, int block, int channel) const {
    return partial + (std::int64_t{block} * g.out_channels + channel) * block_floats();
  }
  /// Elements from a window to that many images and rows (whose first is the rectangle's) on.
  std::int64_t row_offset(int image, int row) const {
    return (std::int64_t{image} * g.y_height() + row) * g.y_width() * g.out_channels;
  }
  /// Elements from the first window of all to a rectangle's first.
  std::int64_t first_window(const SparseRectangle& r) const {
    return row_offset(r.image_begin, r.row_begin) + std::int64_t{r.column_begin} * g.out_channels;
  }

  SparseRectangle rectangle(int index) const {
    const int image = index / (row_blocks * column_blocks) * images;
    const int row = index / column_blocks % row_blocks * rows;
    const int column = index % column_blocks * columns;
    return {image,  std::min(g.batch, image + images),   //
            row,    std::min(g.y_height(), row + rows),  //
            column, std::min(g.y_width(), column + columns)};
  }
};

/// Where the codes and dy of a rectangle go, in the order that both ways use: four channels at a time, their argmax
/// bytes and the dy beside them window after window, and the next four channels' `stride` windows on.
struct SparseGathered {
  std::uint32_t* codes;
  float* dy;
  std::int64_t stride;
};

/// Takes a row of `windows` windows, `pitch` elements apart, to the windows from `first` on.
inline void gather_windows(const std::uint8_t* argmax, const float* dy, int windows, std::int64_t pitch, int channels,
                           const SparseGathered& to, std::int64_t first) {
  for (int channel = 0; channel < channels; channel += 4, argmax += 4, dy += 4) {
    std::uint32_t* const codes = to.codes + channel / 4 * to.stride + first;
    float* const four = to.dy + channel * to.stride + 4 * first;
    if (channels - channel >= 4) {
      for (std::int64_t j = 0; j < windows; ++j) {
        std::memcpy(codes + j, argmax + j * pitch, 4);
        std::memcpy(four + 4 * j, dy + j * pitch, 4 * sizeof(float));
      }
    } else {
      for (std::int64_t j = 0; j < windows; ++j) {
        std::memcpy(codes + j, argmax + j * pitch, static_cast<std::size_t>(channels - channel));
        std::copy_n(dy + j * pitch, channels - channel, four + 4 * j);
      }
    }
  }
}

/// Codes of four killed entries.
inline constexpr std::uint32_t four_killed = argmax_killed * 0x01010101u;

/// A rectangle's part of the gradient of some output channels is added to a part's sums. x is the whole array; argmax
/// and dy start at the rectangle's first window and channel; dw is SparsePlan::dw_of the part's first block and channel
/// 0, dbias the part's for channel 0. Either may be null.
struct SparseSums {
  const float* x;
  const std::uint8_t* argmax;
  const float* dy;
  float* dw;
  float* dbias;
};

/// `next` is the rectangle whose turn is next, if there is one.
void add_by_lists(const SparsePlan& plan, const SparseRectangle& r, const SparseRectangle* next,
                  const SparseChannels& channels, const SparseSums& sums);
void add_by_planes(const SparsePlan& plan, const SparseRectangle& r, const SparseChannels& channels,
                   const SparseSums& sums);
void add_by_octets(const SparsePlan& plan, const SparseRectangle& r, const SparseChannels& channels,
                   const SparseSums& sums);

}  // namespace mien::kernels::cpu

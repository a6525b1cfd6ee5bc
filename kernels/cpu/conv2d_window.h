// What a block of output positions reads of its source image: a window with every tap inside. Where padding or a group
// of channels stands in the way, the window is a copy with zeros round it; else it is the image itself. After that a
// tap is one offset, the same for every position.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mien/kernels/geometry.h"

namespace mien::kernels::cpu {

/// One spatial axis of a correlation: position p's tap t reads source cell p * step + first + t * spacing.
struct TapAxis {
  int source = 1;     ///< cells there are; outside of them is zero
  int positions = 1;  ///< of the output
  int step = 1;
  int taps = 1;
  int first = 0;
  int spacing = 1;

  int lowest(int position) const { return position * step + first; }
  int highest(int position) const { return lowest(position) + (taps - 1) * spacing; }
};

/// The axis as the forward pass walks it.
inline TapAxis tap_axis(const WindowAxis& axis) {
  return {axis.input, axis.output, axis.stride, axis.kernel, -axis.padding_begin, axis.dilation};
}

/// A source image (height, width, channels) of which the channels from channel_begin are read.
struct Source {
  const float* image;
  int channels;
  int channel_begin, channel_count;
};

/// Where the tap (0, 0) of the block's first position lies, and the way to its neighbours, in floats.
struct SourceWindow {
  const float* data;
  std::int64_t row_pitch, column_pitch;
};

/// Floats that a window of `rows` rows of positions may need.
inline std::int64_t window_size(const TapAxis& height, const TapAxis& width, int rows, int channels) {
  const std::int64_t window_rows = height.highest(rows - 1) - height.lowest(0) + 1;
  return window_rows * (width.highest(width.positions - 1) - width.lowest(0) + 1) * channels;
}

/// Whether a window over all positions reaches past the source.
inline bool is_padded(const TapAxis& height, const TapAxis& width) {
  return height.lowest(0) < 0 || height.highest(height.positions - 1) >= height.source || width.lowest(0) < 0 ||
         width.highest(width.positions - 1) >= width.source;
}

/// The window of rows row_begin … row_end-1 of positions; `buffer` (window_size floats) is used where it must be
/// copied, and always where `copied` asks for it.
inline SourceWindow open_window(const Source& source, const TapAxis& height, const TapAxis& width, int row_begin,
                                int row_end, float* buffer, bool copied = false) {
  const int top = height.lowest(row_begin), bottom = height.highest(row_end - 1) + 1;
  const int left = width.lowest(0), right = width.highest(width.positions - 1) + 1;
  const std::int64_t image_pitch = std::int64_t{width.source} * source.channels;
  if (!copied && top >= 0 && left >= 0 && bottom <= height.source && right <= width.source)
    return {source.image + top * image_pitch + std::int64_t{left} * source.channels + source.channel_begin, image_pitch,
            source.channels};
  const std::int64_t count = source.channel_count, pitch = (right - left) * count;
  const int inside_begin = std::clamp(0, left, right), inside_end = std::clamp(width.source, inside_begin, right);
  float* to = buffer;
  for (int row = top; row < bottom; ++row, to += pitch) {
    if (row < 0 || row >= height.source) {
      std::fill_n(to, pitch, 0.0f);
      continue;
    }
    const float* from =
        source.image + row * image_pitch + std::int64_t{inside_begin} * source.channels + source.channel_begin;
    float* cell = std::fill_n(to, (inside_begin - left) * count, 0.0f);
    if (count == source.channels) {
      cell = std::copy_n(from, (inside_end - inside_begin) * count, cell);
    } else {
      for (int column = inside_begin; column < inside_end; ++column, from += source.channels)
        cell = std::copy_n(from, count, cell);
    }
    std::fill(cell, to + pitch, 0.0f);
  }
  return {buffer, pitch, count};
}

}  // namespace mien::kernels::cpu

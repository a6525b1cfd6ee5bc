// Asks for what the next rectangle of the pool-sparse weight gradient reads, a few cache lines at a time, while the
// arithmetic of the current one runs. A rectangle's rows of x, dy and argmax are too short for the processor to guess
// the next ones, and without this every rectangle would start by waiting for memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mien/kernels/cpu/conv2d_sparse_plan.h"

namespace mien::kernels::cpu {

/// One thread's list of what is still to be asked for; it grows once and is kept.
class SparsePrefetch {
 public:
  /// Starts on rectangle r, whose argmax and dy `sums` points at, in `steps` about equal steps.
  void start(const SparsePlan& plan, const SparseRectangle& r, const SparseChannels& channels, const SparseSums& sums,
             std::int64_t steps) {
    runs_.clear();
    position_ = 0;
    lines_ = 0;
    add_x(plan, r, sums.x);
    const int out = plan.g.out_channels;
    for (int image = 0; image < r.images(); ++image)
      for (int row = 0; row < r.rows(); ++row) {
        const std::int64_t from = plan.row_offset(image, row);
        const bool whole = channels.count == out;  // then a row of windows is in one piece
        for (int column = 0; column < (whole ? 1 : r.columns()); ++column) {
          const std::int64_t count = whole ? std::int64_t{r.columns()} * out : channels.count;
          add(sums.dy + from + std::int64_t{column} * out, count);
          add(sums.argmax + from + std::int64_t{column} * out, count);
        }
      }
    lines_per_step_ = block_count(lines_, steps);
  }

  /// Nothing is left to ask for.
  void stop() {
    runs_.clear();
    position_ = 0;
  }

  void step() {
    for (std::int64_t line = 0; line < lines_per_step_ && position_ < runs_.size(); ++line) {
      Run& run = runs_[position_];
      __builtin_prefetch(run.begin, 0, 2);  // into the second cache: the first one is full of the current rectangle
      run.begin += line_bytes;
      if (run.begin >= run.end) ++position_;
    }
  }

 private:
  static constexpr std::int64_t line_bytes = 64;
  struct Run {
    const char *begin, *end;
  };

  template <class T>
  void add(const T* first, std::int64_t count) {
    if (count <= 0) return;
    runs_.push_back({reinterpret_cast<const char*>(first), reinterpret_cast<const char*>(first + count)});
    lines_ += block_count(runs_.back().end - runs_.back().begin, line_bytes);
  }

  /// The pixels of x under the rectangle, as far as they lie inside the image; the first two rows are known from the
  /// rectangle above.
  void add_x(const SparsePlan& plan, const SparseRectangle& r, const float* x) {
    const Conv2dGeometry& g = plan.g;
    const int left = 2 * r.column_begin - g.width.padding_begin, top = 2 * r.row_begin - g.height.padding_begin;
    const int begin = std::clamp(left, 0, g.width.input), end = std::clamp(left + r.x_columns(), 0, g.width.input);
    const int first_row = std::max(r.row_begin > 0 ? top + 2 : top, 0);
    const int end_row = std::min(top + r.x_rows(), g.height.input);
    for (int image = r.image_begin; image < r.image_end; ++image)
      for (int row = first_row; row < end_row; ++row)
        add(x + ((std::int64_t{image} * g.height.input + row) * g.width.input + begin) * g.in_channels,
            std::int64_t{end - begin} * g.in_channels);
  }

  std::vector<Run> runs_;
  std::size_t position_ = 0;
  std::int64_t lines_ = 0, lines_per_step_ = 0;
};

}  // namespace mien::kernels::cpu

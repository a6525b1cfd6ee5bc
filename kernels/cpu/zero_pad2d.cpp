// Zeros round a batch of pictures, and the crop that is its gradient. Negative amounts are the caller's error.
#include "mien/kernels/cpu/parallel.h"
#include "mien/kernels/kernels.h"

namespace mien::kernels::cpu {

void zero_pad2d_forward(View<const float> x, View<float> y, Pad2dGeometry g) {
  const std::int64_t x_row = std::int64_t{g.width} * g.channels, y_row = std::int64_t{g.y_width()} * g.channels;
  const std::int64_t left = std::int64_t{g.left} * g.channels;
  parallel_for(std::int64_t{g.batch} * g.y_height(), [&](std::int64_t line) {
    const std::int64_t picture = line / g.y_height(), row = line % g.y_height() - g.top;
    float* const to = y.data + line * y_row;
    if (row < 0 || row >= g.height) {
      std::fill_n(to, y_row, 0.0f);
      return;
    }
    std::fill_n(to, left, 0.0f);
    std::copy_n(x.data + (picture * g.height + row) * x_row, x_row, to + left);
    std::fill_n(to + left + x_row, y_row - left - x_row, 0.0f);
  });
}

void zero_pad2d_backward(View<const float> dy, View<float> dx, Pad2dGeometry g) {
  const std::int64_t x_row = std::int64_t{g.width} * g.channels, y_row = std::int64_t{g.y_width()} * g.channels;
  const std::int64_t left = std::int64_t{g.left} * g.channels;
  parallel_for(std::int64_t{g.batch} * g.height, [&](std::int64_t line) {
    const std::int64_t picture = line / g.height, row = line % g.height + g.top;
    std::copy_n(dy.data + (picture * g.y_height() + row) * y_row + left, x_row, dx.data + line * x_row);
  });
}

}  // namespace mien::kernels::cpu
